/// One HTTP request.
public nonisolated struct LoadRequest: Sendable, Hashable {
    /// The method, a token (RFC 9110 §9.1).
    public var method: String
    /// Path and query. What cannot stand in a request line is percent-encoded.
    public var path: String
    /// Fields beside or instead of `Host`, `User-Agent`, `Accept` and `Connection`; `Content-Length` follows from the
    /// body.
    public var headers: [HeaderField]
    /// The body.
    public var body: [UInt8]?

    /// A request of the server that the load is put on.
    public init(_ path: String, method: String = "GET", headers: [HeaderField] = [], body: [UInt8]? = nil) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }
}
