import Apus
import ApusProtocols

/// What a request has cost, for whoever counts: see `HTTPClient.onRequestEnd`. Times are in seconds.
public struct HTTPClientMetrics: Sendable {
    /// The method it was made with.
    public let method: String
    /// Where it ended; nil when the address was none.
    public let url: HTTPURL?
    /// The status; nil when there was no response.
    public let status: Int?
    /// Why it failed; nil when it has not.
    public let error: HTTPClientError?
    /// From the call until a connection was there; of the last attempt.
    public let waitingTime: Double
    /// From the call until the head of the response; nil without one.
    public let responseTime: Double?
    /// From the call until all was over.
    public let totalTime: Double
    /// Bytes of the response, as they came on the connection that was used last.
    public let receivedBytes: Int
    /// It went over a connection that was open already.
    public let isReused: Bool
    /// How often it was sent on.
    public let redirects: Int
    /// How often it was sent again since the connection was gone.
    public let retries: Int
}
