import ApusProtocols

extension Connection where P == WebSocket {
    // MARK: Sending

    /// Sends a text message.
    @discardableResult
    public func send(_ text: String) -> SendResult {
        var text = text
        return text.withUTF8 { transport.send(.text, UnsafeRawBufferPointer($0)) }
    }

    /// Sends a binary message.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> SendResult {
        let owner = bytes.count > 4096 ? ByteBox(bytes) : nil
        return bytes.withUnsafeBytes { transport.send(.binary, $0, owner: owner) }
    }

    /// Sends a message of either kind.
    @discardableResult
    public func send(_ content: WebSocketContent) -> SendResult {
        switch content {
        case .text(let text): send(text)
        case .binary(let bytes): send(bytes)
        }
    }

    /// Sends what was received, here or on another connection, without copying it first.
    @discardableResult
    public func send(_ message: WebSocketMessage) -> SendResult {
        let bytes = UnsafeRawBufferPointer(start: message.storage, count: message.count)
        return transport.send(message.isText ? .text : .binary, bytes)
    }

    /// Sends one message, after waiting for as long as `maxSendBufferSize` or more is still to be sent: what `send`
    /// would drop waits. Throws `ConnectionError` when the connection is closed or closes meanwhile.
    public func write(_ content: WebSocketContent) async throws {
        repeat {
            try await transport.waitForRoom()
            if send(content) != .failed { return }
        } while isWebSocketOpen
        throw ConnectionError.closed
    }

    /// Sends a ping with up to 125 bytes; the other side answers with a pong. See also `WebSocket.pingInterval`.
    @discardableResult
    public func ping(_ payload: [UInt8] = []) -> SendResult { control(.ping, payload) }

    /// Sends a pong with up to 125 bytes. Pings are answered without it, unless there is an `onWebSocketPing`.
    @discardableResult
    public func pong(_ payload: [UInt8] = []) -> SendResult { control(.pong, payload) }

    private func control(_ opcode: WebSocketOpcode, _ payload: [UInt8]) -> SendResult {
        precondition(payload.count <= 125, "a control frame has at most 125 bytes (RFC 6455 §5.5)")
        guard let driver = webSocketDriver else { return .failed }
        return payload.withUnsafeBytes { driver.sendControl(transport, opcode, $0) }
    }

    // MARK: Closing

    /// Closes with a code and a reason of up to 123 bytes, which the other side is told. What was sent before arrives.
    /// The connection is closed when the other side has answered, or after `WebSocket.closeTimeout`; no message is
    /// delivered meanwhile. `close()` does the same with 1000. A code that may not be sent (RFC 6455 §7.4), such as the
    /// 1005 and 1006 that stand for no code, becomes 1000 for 1005 and 1011 for others.
    public func close(code: WebSocketCloseCode, reason: String = "") {
        transport.giveUp()
        let code = code.mayBeSent ? code : code == .noStatusReceived ? .normalClosure : .internalError
        if let driver = webSocketDriver { driver.close(transport, code, reason) } else { transport.close() }
    }

    /// Sends a last message, then closes.
    public func close(_ content: WebSocketContent) {
        send(content)
        close()
    }

    /// The code with which the conversation ended: that of the other side's close frame, or of the mistake for which
    /// the connection was closed; 1006 when it broke off. Nil while it goes on.
    public var closeCode: WebSocketCloseCode? {
        guard let state = transport.webSocket else { return nil }
        if let code = state.rest?.closeCode { return code }
        let wasOpen = state.phase != .handshake || transport.extras?.outgoing != nil
        return transport.state == .closed && wasOpen ? .abnormalClosure : nil
    }

    /// What the other side said about its reason.
    public var closeReason: String { transport.webSocket?.rest?.closeReason ?? "" }

    // MARK: What was agreed on

    /// The handshake is over, and neither side has begun to close.
    public var isWebSocketOpen: Bool { isOpen && transport.webSocket?.phase == .open }

    /// The sub-protocol that was agreed on; nil for none.
    public var selectedProtocol: String? { transport.webSocket?.rest?.selectedProtocol }

    /// Whether messages are compressed, in either direction.
    public var isCompressed: Bool { transport.webSocket?.compression != nil }

    // MARK: Callbacks of this connection alone

    /// Called when the server has agreed; outgoing connections only. What was sent before is on its way then.
    public var onWebSocketOpen: (@MainActor (Connection<WebSocket>, WebSocketResponse) throws -> Void)? {
        get { webSocketDriver?.events.onOpen }
        nonmutating set { ownEvents { $0.onOpen = newValue } }
    }

    /// Called when the other side closes, with its code (1005 when it gives none) and reason. The answer is sent after
    /// it returns. `onClose` follows.
    public var onWebSocketClose: (@MainActor (Connection<WebSocket>, WebSocketCloseCode, String) throws -> Void)? {
        get { webSocketDriver?.events.onClose }
        nonmutating set { ownEvents { $0.onClose = newValue } }
    }

    /// Called with a ping's bytes instead of answering it.
    public var onWebSocketPing: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)? {
        get { webSocketDriver?.events.onPing }
        nonmutating set { ownEvents { $0.onPing = newValue } }
    }

    /// Called with a pong's bytes.
    public var onWebSocketPong: (@MainActor (Connection<WebSocket>, [UInt8]) throws -> Void)? {
        get { webSocketDriver?.events.onPong }
        nonmutating set { ownEvents { $0.onPong = newValue } }
    }

    private func ownEvents(_ change: (inout WebSocketCallbacks) -> Void) {
        own { _ in }
        if let driver = webSocketDriver { change(&driver.events) }
    }

    // MARK: Topics

    /// Has the connection get what is published on a topic, by its worker's `publish`, until it closes. Topics are a
    /// server's: for outgoing connections it does nothing.
    public func subscribe(_ topic: String) {
        guard let driver = webSocketDriver, driver.options.role == .server, let state = transport.webSocket else {
            return
        }
        driver.topics.subscribe(transport, state, topic)
    }

    /// False when it was not subscribed.
    @discardableResult
    public func unsubscribe(_ topic: String) -> Bool {
        guard let driver = webSocketDriver, let state = transport.webSocket else { return false }
        return driver.topics.unsubscribe(transport, state, topic)
    }

    /// The topics that it is subscribed to.
    public var topics: [String] { transport.webSocket?.subscriptions.topics ?? [] }

    /// Sends to all subscribers of a topic but this connection.
    public func publish(_ topic: String, _ content: WebSocketContent) {
        webSocketDriver?.topics.publish(topic, content, except: transport)
    }

    /// What becomes of published messages while earlier output waits; `.queue` unless set.
    public var overflow: WebSocketOverflow {
        get { transport.webSocket?.overflow ?? .queue }
        nonmutating set { transport.webSocket?.overflow = newValue }
    }

    var webSocketDriver: WebSocketDriver? { driver.map { unsafeDowncast($0, to: WebSocketDriver.self) } }
}

extension StreamConnection {
    /// Sends a message, if a WebSocket is spoken.
    @inline(__always)
    func send(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, owner: AnyObject? = nil
    ) -> SendResult {
        guard driver.protocolID == ObjectIdentifier(WebSocket.self) else { return .failed }
        return unsafeDowncast(driver, to: WebSocketDriver.self).send(self, opcode, payload, owner: owner)
    }
}
