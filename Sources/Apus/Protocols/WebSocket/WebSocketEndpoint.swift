import ApusProtocols
import CApus

/// WebSockets that come from HTTP requests: their callbacks, and whom they share messages with.
///
///     let chat = WebSocketEndpoint()
///     chat.onWebSocketConnected = { connection, request in connection.subscribe("lobby") }
///     chat.onMessage = { connection, message in connection.publish("lobby", message.content) }
///
///     let server = Worker(.http, on: "0.0.0.0:8080")
///     server.onMessage = { connection, request in
///         if request.pathIs("/chat") { try connection.send(request.upgradeToWebSocket(chat)) } else { … }
///     }
///
/// A WebSocket worker is this and a port of its own.
public final class WebSocketEndpoint {
    private(set) var driver: WebSocketDriver

    /// Set the callbacks before the first connection comes.
    public init(_ options: WebSocket = .websocket) {
        precondition(options.role == .server, "an endpoint needs .websocket, not .ws")
        driver = WebSocketDriver(options)
    }

    /// Bounds and time-outs of connections that are made from now on.
    public var limits: ConnectionLimits {
        get { driver.limits }
        set { driver.limits = newValue }
    }

    /// Called with each message.
    public var onMessage: (@MainActor (Connection<WebSocket>, WebSocketMessage) throws -> Void)? {
        get { driver.callbacks.onMessage }
        set { driver.callbacks.onMessage = newValue }
    }
    /// Called once for each connection, however it ended.
    public var onClose: (@MainActor (Connection<WebSocket>) throws -> Void)? {
        get { driver.callbacks.onClose }
        set { driver.callbacks.onClose = newValue }
    }
    /// Called, within `send`, when a connection's `maxSendBufferSize` is reached.
    public var onBufferFull: (@MainActor (Connection<WebSocket>) throws -> Void)? {
        get { driver.callbacks.onBufferFull }
        set { driver.callbacks.onBufferFull = newValue }
    }
    /// Called when all that waited was sent.
    public var onBufferDrain: (@MainActor (Connection<WebSocket>) throws -> Void)? {
        get { driver.callbacks.onBufferDrain }
        set { driver.callbacks.onBufferDrain = newValue }
    }
    /// Called when a message could not be sent; see `ConnectionErrorCode`.
    public var onError: (@MainActor (Connection<WebSocket>, ConnectionErrorCode, String) throws -> Void)? {
        get { driver.callbacks.onError }
        set { driver.callbacks.onError = newValue }
    }
    /// Called with what a callback threw, instead of closing the connection with 1011.
    public var errorHandler: (@MainActor (Connection<WebSocket>, any Error) -> Void)? {
        get { driver.callbacks.errorHandler }
        set { driver.callbacks.errorHandler = newValue }
    }
    /// Called before a client is answered; see `Worker.onWebSocketConnect`. The connection speaks HTTP still: send,
    /// subscribe and set callbacks in `onWebSocketConnected`.
    public var onWebSocketConnect: (@MainActor (Connection<WebSocket>, WebSocketRequest) throws -> Void)? {
        get { driver.events.onConnect }
        set { driver.events.onConnect = newValue }
    }
    /// Called when the WebSocket is open, with the request that opened it.
    public var onWebSocketConnected: (@MainActor (Connection<WebSocket>, HTTPRequest) throws -> Void)? {
        get { driver.events.onConnected }
        set { driver.events.onConnected = newValue }
    }
    /// Called when a client closes, with its code (1005 when it gives none) and reason.
    public var onWebSocketClose: (@MainActor (Connection<WebSocket>, WebSocketCloseCode, String) throws -> Void)? {
        get { driver.events.onClose }
        set { driver.events.onClose = newValue }
    }

    /// Called with a ping's bytes instead of answering it.
    public var onWebSocketPing: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)? {
        get { driver.events.onPing }
        set { driver.events.onPing = newValue }
    }
    /// Called with a pong's bytes.
    public var onWebSocketPong: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)? {
        get { driver.events.onPong }
        set { driver.events.onPong = newValue }
    }

    /// Sends a message to all subscribers of a topic in this process, but for one that is excepted.
    public func publish(_ topic: String, _ content: WebSocketContent, except: Connection<WebSocket>? = nil) {
        driver.topics.publish(topic, content, except: except?.transport)
    }

    /// Sends a message to all connections of this process, but for one that is excepted.
    public func broadcast(_ content: WebSocketContent, except: Connection<WebSocket>? = nil) {
        driver.topics.broadcast(content, except: except?.transport)
    }

    /// How many connections of this process are subscribed to a topic.
    public func subscriberCount(of topic: String) -> Int { driver.topics.count(of: topic) }
}

extension HTTPRequest {
    /// A response that opens a WebSocket on the request's connection, for `send` or a route to answer with. Throws the
    /// answer for a request that asks for none, or may not have one.
    public func upgradeToWebSocket(_ endpoint: WebSocketEndpoint) throws -> HTTPResponse {
        var upgrade = try WebSocketUpgrade(self, endpoint.driver)
        switch try upgrade.ask(Connection(connection.transport)) {
        case .agreed: break
        case .refused(let error): throw error
        case .closed: throw HTTPError(.forbidden)
        }
        var response = HTTPResponse(.switchingProtocols)
        response.content = .webSocket(upgrade)
        return response
    }

    /// The same for one connection alone: `opened` is called when the WebSocket is open, and sets its callbacks. It
    /// shares no topics with others: for these, use an endpoint.
    public func upgradeToWebSocket(
        _ options: WebSocket = .websocket, _ opened: @escaping @MainActor (Connection<WebSocket>) throws -> Void
    ) throws -> HTTPResponse {
        let endpoint = WebSocketEndpoint(options)
        endpoint.onWebSocketConnected = { connection, _ in try opened(connection) }
        return try upgradeToWebSocket(endpoint)
    }
}

extension StreamConnection {
    /// Answers the request with the handshake, and speaks WebSocket from then on.
    func answer(_ upgrade: WebSocketUpgrade, _ headers: HTTPHeaders) -> SendResult {
        guard http.phase == .due, state == .established, canSend() else { return .failed }
        let result = upgrade.head(adding: headers).withUnsafeBytes { sendRaw($0) }
        guard result != .failed, state == .established else { return .failed }
        let old = driver
        leaveProtocol()
        let next = upgrade.driver
        driver = next
        next.beginLife(self)
        guard let webSocket else { return .failed }
        // Unless it has a callback of its own, that of the old protocol tells that the connection has closed.
        if next.callbacks.onClose == nil, old.observesClose { webSocket.more.predecessor = old }
        next.begin(self, webSocket, upgrade)
        if let onConnected = next.events.onConnected {
            next.run(self, CAPUS_DOING_CONNECT) { try onConnected(Connection(self), upgrade.request) }
        }
        deliverLater()
        return result
    }
}
