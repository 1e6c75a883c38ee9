import Apus

/// What is asked of a server.
public nonisolated struct HTTPClientRequest: Sendable {
    /// The method (RFC 9110 §9), such as "GET"; any token, in the case it is given in.
    public var method: String
    /// The address: see `HTTPURL`.
    public var url: String
    /// The fields. `Host` and those that frame the body are the client's own.
    public var headers: HTTPHeaders
    /// The body.
    public var body: HTTPClientBody
    /// As `HTTPClientOptions.timeout`, in seconds, for this request.
    public var timeout: Double?
    /// As `HTTPClientOptions.idleTimeout`, in seconds, for this request.
    public var idleTimeout: Double?
    /// As `HTTPClientOptions.maxRedirects`, for this request.
    public var maxRedirects: Int?
    /// As `HTTPClientOptions.maxBodyBytes`, for this request.
    public var maxBodyBytes: Int?

    /// A request of an address.
    public init(
        _ method: String = "GET", _ url: String, headers: HTTPHeaders = [:], body: HTTPClientBody = .none
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}
