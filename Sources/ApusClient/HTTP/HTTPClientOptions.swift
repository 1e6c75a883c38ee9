import Apus

/// How an `HTTPClient` makes its connections, and how long it waits. Times are in seconds.
public nonisolated struct HTTPClientOptions: Sendable {
    /// Connections to one server at the same time; more requests wait for one of them, in order.
    public var maxConnectionsPerServer = 128
    /// Requests that may wait for a connection to one server; more fail at once.
    public var maxWaiting = 10_000
    /// Until a connection is there: looking the name up, connecting, a proxy, and TLS together.
    public var connectTimeout = 30.0
    /// Without a byte from the server, or taken by it, while a response is awaited.
    public var idleTimeout = 30.0
    /// Until the whole response is there, waiting and redirects included; of a streamed one its head. Nil for ever.
    public var timeout: Double? = 300
    /// How long an unused connection is kept, unless its server says (`Keep-Alive: timeout=5`) that it keeps it for
    /// less.
    public var keepAliveTimeout = 15.0
    /// Bytes of a body that is collected, when it is not compressed any more.
    public var maxBodyBytes = 10 * 1024 * 1024
    /// Bytes of the head of a response, and of a line of its chunks and trailers.
    public var maxHeadBytes = 32 * 1024
    /// How often a request is sent on to where the server says; 0 returns redirects as they are.
    public var maxRedirects = 5
    /// Asks for compressed responses (gzip, deflate) and uncompresses them, unless a request has an `Accept-Encoding`
    /// of its own.
    public var decompresses = true
    /// Keeps cookies, and sends them back where they belong.
    public var keepsCookies = false
    /// Fields of each request that has none of that name. Without `User-Agent` it is "apus". A server that another one
    /// sends the request on to gets no `Authorization`, `Cookie`, `Proxy-Authorization` and `Host` of these.
    public var headers: HTTPHeaders = [:]
    /// How TLS is spoken with `https` servers. They are verified unless this says otherwise.
    public var tls = TLSClientOptions()
    /// What stands between the client and all servers. Plain requests are given to an HTTP proxy whole, those over TLS
    /// go through a tunnel (RFC 9110 §9.3.6).
    public var proxy: Proxy?
    /// The local address to connect from; chosen by the kernel unless set.
    public var localAddress: String?

    /// The defaults of each property.
    public init() {}
}
