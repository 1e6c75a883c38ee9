import ApusProtocols

extension Worker where P == WebSocket {
    /// Called with a client's request, before it is answered: look at path, cookies and origin, pick a sub-protocol,
    /// add header fields, or refuse, by `reject` or by throwing an `HTTPError`. What is sent here arrives first.
    public var onWebSocketConnect: (@MainActor (Connection<WebSocket>, WebSocketRequest) throws -> Void)? {
        get { webSocketDriver.events.onConnect }
        set { change { $0.onConnect = newValue } }
    }
    /// Called when the WebSocket is open, with the request that opened it.
    public var onWebSocketConnected: (@MainActor (Connection<WebSocket>, HTTPRequest) throws -> Void)? {
        get { webSocketDriver.events.onConnected }
        set { change { $0.onConnected = newValue } }
    }
    /// Called when a client closes, with its code (1005 when it gives none) and reason. The answer is sent after it
    /// returns. `onClose` follows.
    public var onWebSocketClose: (@MainActor (Connection<WebSocket>, WebSocketCloseCode, String) throws -> Void)? {
        get { webSocketDriver.events.onClose }
        set { change { $0.onClose = newValue } }
    }
    /// Called with a ping's bytes instead of answering it.
    public var onWebSocketPing: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)? {
        get { webSocketDriver.events.onPing }
        set { change { $0.onPing = newValue } }
    }
    /// Called with a pong's bytes.
    public var onWebSocketPong: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)? {
        get { webSocketDriver.events.onPong }
        set { change { $0.onPong = newValue } }
    }

    /// Sends a message to all open connections of this process, but for one that is excepted. It is made into a frame
    /// once, and leaves at the end of the loop's turn.
    public func broadcast(_ content: WebSocketContent, except: Connection<WebSocket>? = nil) {
        webSocketDriver.topics.broadcast(content, except: except?.transport)
    }

    /// Sends a message to all connections of this process that `subscribe` to a topic, but for one that is excepted.
    public func publish(_ topic: String, _ content: WebSocketContent, except: Connection<WebSocket>? = nil) {
        webSocketDriver.topics.publish(topic, content, except: except?.transport)
    }

    /// How many connections of this process are subscribed to a topic.
    public func subscriberCount(of topic: String) -> Int { webSocketDriver.topics.count(of: topic) }

    private var webSocketDriver: WebSocketDriver { unsafeDowncast(driver, to: WebSocketDriver.self) }

    private func change(_ body: (inout WebSocketCallbacks) -> Void) {
        if !connectionsByID.isEmpty { driver = driver.copy() }
        body(&webSocketDriver.events)
    }
}
