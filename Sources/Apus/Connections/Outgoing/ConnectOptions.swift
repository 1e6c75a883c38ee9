import ApusProtocols

/// How an outgoing connection is made.
public nonisolated struct ConnectOptions: Sendable, Hashable {
    /// Seconds until the attempt is given up: looking the name up, connecting and the proxy together. The TLS handshake
    /// that may follow has `ConnectionLimits.handshakeTimeout`.
    public var timeout = 10.0
    /// The local address to connect from, `ip` or `ip:port`; chosen by the kernel unless set.
    public var localAddress: String?
    /// Speaks TLS with the server; the schemes `ssl://` and `tls://` do so, too.
    public var tls: TLSClientOptions?
    /// Connects through a proxy, which also looks the server's name up.
    public var proxy: Proxy?
    /// Makes the connection again when it has ended, unless this side has closed it; nil, unless set, for never. What
    /// the server has to be told anew is sent in `onConnect`, or `onWebSocketOpen`, which are called each time; a loop
    /// over `messages` goes on.
    public var reconnect: ReconnectPolicy?
    /// Options of the socket.
    public var socket = SocketOptions()
    /// Bounds and time-outs of the connection.
    public var limits = ConnectionLimits()

    /// The defaults of each property; TLS if options for it are given.
    public init(tls: TLSClientOptions? = nil, proxy: Proxy? = nil) {
        self.tls = tls
        self.proxy = proxy
    }
}

/// What stands between an outgoing connection and its server. Addresses are `host:port`, names are looked up.
public nonisolated enum Proxy: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// RFC 1928; with a user name and password also RFC 1929.
    case socks5(String, username: String? = nil, password: String? = nil)
    /// The CONNECT method of RFC 9110 §9.3.6. `authorization` is the value of `Proxy-Authorization`, such as
    /// "Basic dXNlcjpwYXNz".
    case http(String, authorization: String? = nil)

    /// Which it is and where, without what it is shown.
    public var description: String {
        switch self {
        case .socks5(let address, _, _): "SOCKS 5 at \(URLAuthority.withoutLogin(address))"
        case .http(let address, _): "HTTP at \(URLAuthority.withoutLogin(address))"
        }
    }
    /// Nothing, also to `dump`.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why an outgoing connection was not made, or ended before what was waited for.
public nonisolated struct ConnectionError: Error, CustomStringConvertible, Sendable, Hashable {
    /// One line for the user: "connect 127.0.0.1:1 fail after 0.0003 seconds: Connection refused".
    public let description: String

    init(description: String) { self.description = description }

    /// A name was not found: why.
    package init(lookingUp reason: String) { description = reason }

    /// The connection was closed while something waited for it.
    static let closed = ConnectionError(description: "the connection was closed")
}
