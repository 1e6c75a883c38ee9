import ApusProtocols

/// HTTP/1.1 and HTTP/1.0 (RFC 9110, 9112). `onMessage` gets one `HTTPRequest` at a time per connection, and each takes
/// exactly one answer; the next request of the connection is delivered once the answer is complete.
public struct HTTP: WireProtocol {
    public typealias Inbound = HTTPRequest
    public typealias Outbound = HTTPResponse

    /// Bytes of a request head; a longer one is answered 431.
    public var maxHeadBytes: Int
    /// Header fields of a request; more are answered 431.
    public var maxHeaderFields: Int
    /// Bytes of a whole request, framing included; a longer one is answered 413 before its body arrives.
    public var maxRequestBytes: Int
    /// Seconds within which a request head must be complete.
    public var headTimeout: Int
    /// Seconds without progress after which a request body is given up.
    public var bodyTimeout: Int
    /// Seconds a connection may wait for its next request, and a client may take nothing of a file.
    public var keepAliveTimeout: Int
    /// Seconds within which a request must be answered; one that is not is answered 503, and what its handler runs is
    /// cancelled. Counted from the last byte of the request that was taken, to the first of the answer. Nil for as long
    /// as it takes.
    public var handlerTimeout: Int?
    /// Bounds on queries, forms and uploads.
    public var forms: FormOptions
    /// A handler's error is answered with a page that describes it and the request, instead of a bare 500: for
    /// development, never for servers that strangers reach. Nil to have the environment decide: `APUS_DEBUG=1` shows
    /// errors.
    public var showsErrors: Bool?

    /// Limits that suit most servers.
    public nonisolated init(
        maxHeadBytes: Int = 16 * 1024, maxHeaderFields: Int = 100, maxRequestBytes: Int = 10 * 1024 * 1024,
        headTimeout: Int = 10, bodyTimeout: Int = 30, keepAliveTimeout: Int = 75,
        handlerTimeout: Int? = 60, forms: FormOptions = FormOptions(), showsErrors: Bool? = nil
    ) {
        self.maxHeadBytes = maxHeadBytes
        self.maxHeaderFields = maxHeaderFields
        self.maxRequestBytes = maxRequestBytes
        self.headTimeout = headTimeout
        self.bodyTimeout = bodyTimeout
        self.keepAliveTimeout = keepAliveTimeout
        self.handlerTimeout = handlerTimeout
        self.forms = forms
        self.showsErrors = showsErrors
    }

    public nonisolated var clientSpeaksFirst: Bool { true }
    public nonisolated var name: String { "http" }
    public func makeDriver() -> ConnectionDriver<HTTP> { ConnectionDriver(HTTPDriver(self)) }

    /// Bytes of a request or a body, whatever bounds say: what is added to a length must not overflow.
    nonisolated static let mostBytes = 1 << 60

    nonisolated var requestLimits: HTTPRequestLimits {
        var limits = HTTPRequestLimits()
        limits.maxHeadBytes = maxHeadBytes
        limits.maxFields = maxHeaderFields
        limits.maxMessageBytes = min(maxRequestBytes, Self.mostBytes)
        return limits
    }
}

extension WireProtocol where Self == HTTP {
    /// HTTP/1.1 with default limits.
    public nonisolated static var http: HTTP { HTTP() }
}
