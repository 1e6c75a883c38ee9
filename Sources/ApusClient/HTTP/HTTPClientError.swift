import ApusProtocols

/// Why a request has no complete response.
public nonisolated enum HTTPClientError: Error, CustomStringConvertible, Sendable, Hashable {
    /// What was to be asked for is no address of HTTP.
    case invalidURL(HTTPURL.Failure)
    /// The request cannot be sent: what is wrong with it.
    case invalidRequest(String)
    /// No connection was made: why. Nothing was sent.
    case connectFailed(String)
    /// As many requests as `HTTPClientOptions.maxWaiting` allows wait for a connection to this server already.
    case tooManyWaiting(Int)
    /// What was waited for did not happen in so many seconds.
    case timedOut(Wait, seconds: Double)
    /// The connection ended before the response was complete: how. `mayHaveBeenProcessed` is false when the server
    /// cannot have acted on the request.
    case connectionLost(String, mayHaveBeenProcessed: Bool)
    /// The response is no HTTP/1.1: what is wrong with it.
    case invalidResponse(String)
    /// The body has more bytes than `HTTPClientOptions.maxBodyBytes` allows.
    case bodyTooLarge(limit: Int)
    /// The compressed body cannot be read.
    case invalidEncoding(String)
    /// The server sent the client on more often than `HTTPClientOptions.maxRedirects` allows.
    case tooManyRedirects(Int)
    /// A redirect cannot be followed: why.
    case redirectFailed(String)
    /// What the request's own body threw.
    case bodyFailed(String)
    /// The client was closed.
    case closed

    /// What can take too long.
    public enum Wait: String, Sendable, Hashable {
        /// All connections to the server were in use.
        case freeConnection = "a free connection"
        /// Looking the name up, connecting, and securing the connection.
        case connecting = "the connection"
        /// The server sent nothing, and took nothing.
        case progress = "the server to go on"
        /// The whole of the response.
        case response = "the whole response"
    }

    /// One line for the user.
    public var description: String {
        switch self {
        case .invalidURL(let failure): failure.description
        case .invalidRequest(let reason): "the request cannot be sent: \(reason)"
        case .connectFailed(let reason): reason
        case .tooManyWaiting(let count): "\(count) requests wait for a connection to this server already"
        case .timedOut(let wait, let seconds): "waited \(seconds) seconds for \(wait.rawValue)"
        case .connectionLost(let reason, _): reason
        case .invalidResponse(let reason): "invalid response: \(reason)"
        case .bodyTooLarge(let limit): "the body has more than \(limit) bytes"
        case .invalidEncoding(let coding): "the body is no valid \(coding)"
        case .tooManyRedirects(let count): "redirected more than \(count) times"
        case .redirectFailed(let reason): "the redirect cannot be followed: \(reason)"
        case .bodyFailed(let reason): "the body of the request failed: \(reason)"
        case .closed: "the client was closed"
        }
    }
}
