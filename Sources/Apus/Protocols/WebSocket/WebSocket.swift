import ApusProtocols

/// WebSocket (RFC 6455) in both roles: `.websocket` for workers, `.ws` for outgoing connections.
///
///     let server = Worker(.websocket, on: "0.0.0.0:2000")
///     server.onMessage = { connection, message in connection.send(message) }
///
/// Messages arrive whole, however they were cut into frames. Pings are answered, closing follows the rules of the RFC,
/// and what breaks them ends the connection with the code that the RFC names. To serve HTTP and WebSocket on one port,
/// see `HTTPRequest.webSocket`.
public struct WebSocket: OutgoingProtocol {
    public typealias Inbound = WebSocketMessage
    public typealias Outbound = WebSocketContent

    /// Who makes the connection.
    public nonisolated enum Role: Sendable, Hashable {
        case server, client
    }

    /// Whether it is spoken by a worker or by an outgoing connection.
    public let role: Role
    /// Compression of messages, if the other side wants it too; nil for none.
    public var compression: WebSocketCompression?
    /// Sub-protocols in the order of preference. A server picks the first that the client offers, a client offers all
    /// of them.
    public var protocols: [String]
    /// Origins of web pages that may connect, such as "https://example.com"; others are answered 403. Clients that are
    /// no browsers send none, and are let in. Nil, unless set, for all: a server that trusts cookies should set it.
    public var origins: [String]?
    /// Seconds without a sign of the other side after which it is sent a ping; nil, unless set, for never.
    public var pingInterval: Double?
    /// Seconds that a ping waits for any sign of the other side before the connection is given up.
    public var pongTimeout: Double
    /// Seconds that `close` waits for the other side to close, too.
    public var closeTimeout = 5.0
    /// Seconds within which the handshake must be complete.
    public var handshakeTimeout = 10.0
    /// What becomes of published messages for a connection whose earlier output waits, unless that says otherwise.
    public var overflow = WebSocketOverflow.queue
    /// Header fields that a client sends with its request, such as `Authorization` or `Origin`.
    public var headers: HTTPHeaders = [:]

    /// With the defaults of the other properties.
    public nonisolated init(
        _ role: Role, compression: WebSocketCompression? = nil, protocols: [String] = [], pingInterval: Double? = nil,
        pongTimeout: Double = 10
    ) {
        self.role = role
        self.compression = compression
        self.protocols = protocols
        self.pingInterval = pingInterval
        self.pongTimeout = pongTimeout
    }

    public nonisolated var clientSpeaksFirst: Bool { true }
    public nonisolated var name: String { role == .server ? "websocket" : "ws" }
    public nonisolated var mayListen: Bool { role == .server }
    /// None for a server's: outgoing connections speak `.ws`.
    public nonisolated var schemes: [String] { role == .client ? ["ws", "wss", "tcp", "unix", "ssl", "tls"] : [] }
    public func makeDriver() -> ConnectionDriver<WebSocket> { ConnectionDriver(WebSocketDriver(self)) }
}

extension WireProtocol where Self == WebSocket {
    /// A WebSocket server with the default options.
    public nonisolated static var websocket: WebSocket { WebSocket(.server) }

    /// A WebSocket server; see `WebSocket` for the options.
    public nonisolated static func websocket(
        compression: WebSocketCompression? = nil, protocols: [String] = [], origins: [String]? = nil,
        pingInterval: Double? = nil, pongTimeout: Double = 10
    ) -> WebSocket {
        var options = WebSocket(
            .server, compression: compression, protocols: protocols, pingInterval: pingInterval,
            pongTimeout: pongTimeout)
        options.origins = origins
        return options
    }

    /// A WebSocket client with the default options.
    public nonisolated static var ws: WebSocket { WebSocket(.client) }

    /// A WebSocket client; see `WebSocket` for the options.
    public nonisolated static func ws(
        compression: WebSocketCompression? = nil, protocols: [String] = [], headers: HTTPHeaders = [:],
        pingInterval: Double? = nil, pongTimeout: Double = 10
    ) -> WebSocket {
        var options = WebSocket(
            .client, compression: compression, protocols: protocols, pingInterval: pingInterval,
            pongTimeout: pongTimeout)
        options.headers = headers
        return options
    }
}

/// Why a connection was closed, in the words of RFC 6455 §7.4.
public typealias WebSocketCloseCode = ApusProtocols.WebSocketCloseCode
/// How messages are compressed (RFC 7692).
public typealias WebSocketCompression = ApusProtocols.WebSocketCompression
