import Apus
import ApusProtocols

/// A request that was answered, for access logs.
public nonisolated struct AccessRecord: Sendable {
    /// The client's address without port; "" for a Unix socket.
    public let clientIP: String
    /// When it was answered, in seconds since 1970-01-01 00:00 UTC.
    public let seconds: Int64
    /// The method as it was sent.
    public let method: String
    /// Path and query as they were sent.
    public let target: String
    /// "1.1" or "1.0".
    public let version: String
    /// The host that the client named, with its port.
    public let host: String
    /// `Referer`; nil when the client sent none.
    public let referer: String?
    /// `User-Agent`; nil when the client sent none.
    public let userAgent: String?
    /// The status of the answer.
    public let status: Int
    /// Bytes of the answer's body, as its header announces them; 0 for HEAD and what has no body.
    public let bodyBytes: Int

    /// What is known when a response is about to be sent.
    @MainActor
    init(_ connection: Connection<HTTP>, _ request: HTTPRequest, _ response: HTTPResponse) {
        clientIP = connection.remoteIP
        seconds = HTTPTime.now.seconds
        method = request.method.name
        target = request.target
        version = request.version
        host = request.host
        let headers = request.headers
        referer = headers["referer"]
        userAgent = headers["user-agent"]
        status = response.status.code
        let hasBody = request.method != .head && response.status.code != 204 && response.status.code != 304
        bodyBytes = hasBody ? response.contentLength : 0
    }
}
