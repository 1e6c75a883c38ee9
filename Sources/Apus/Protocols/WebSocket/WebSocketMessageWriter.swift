import ApusProtocols

/// Sends one message piece by piece, without holding it in memory: each piece becomes a frame (RFC 6455 §5.4). Other
/// messages of the connection wait for its end; pings and pongs do not. Streamed messages are not compressed.
///
///     let message = try connection.startMessage(.binary)
///     for try await block in blocks { try await message.write(block) }
///     message.end()
@MainActor public final class WebSocketMessageWriter {
    private let transport: StreamConnection
    /// The conversation that the message belongs to; the connection may be made anew.
    private let state: WebSocketConnectionState
    /// What the next frame is.
    private var opcode: WebSocketOpcode
    private var isOver = false

    init(_ transport: StreamConnection, _ state: WebSocketConnectionState, _ opcode: WebSocketOpcode) {
        self.transport = transport
        self.state = state
        self.opcode = opcode
    }

    // A message that nobody ends can never be completed.
    isolated deinit {
        if !isOver, let driver { driver.close(transport) }
    }

    /// Sends a piece, after waiting for room in the send buffer. Text may be cut anywhere, also within a character.
    /// Throws `ConnectionError` when the connection is closed or closes meanwhile.
    public func write(_ piece: [UInt8]) async throws {
        try await transport.waitForRoom()
        guard !piece.isEmpty else { return }
        try send(piece, isFinal: false)
    }

    /// Sends a piece of text.
    public func write(_ piece: String) async throws { try await write(Array(piece.utf8)) }

    /// Ends the message. What waited for it is sent.
    public func end() {
        guard !isOver else { return }
        try? send([], isFinal: true)
        isOver = true
        guard let driver else { return }
        state.isStreaming = false
        driver.noteSendsPlainFrames(transport, state)
        driver.sendWaiting(transport, state)
    }

    private func send(_ piece: [UInt8], isFinal: Bool) throws(ConnectionError) {
        precondition(!isOver, "the message has ended")
        guard let driver, state.phase == .open else { throw .closed }
        let owner = piece.count > 4096 ? ByteBox(piece) : nil
        let result = piece.withUnsafeBytes {
            driver.sendFrame(transport, opcode, $0, owner: owner, isFinal: isFinal)
        }
        opcode = .continuation
        if result == .failed { throw .closed }
    }

    /// Nil when the conversation has ended.
    private var driver: WebSocketDriver? {
        guard transport.state == .established, transport.webSocket === state else { return nil }
        return Connection<WebSocket>(transport).webSocketDriver
    }
}

extension Connection where P == WebSocket {
    /// The kind of a message.
    public enum MessageKind: Sendable {
        case text, binary
    }

    /// Begins a message that is sent piece by piece; see `WebSocketMessageWriter`. Throws when the connection is not
    /// open, or such a message is under way.
    public func startMessage(_ kind: MessageKind) throws(ConnectionError) -> WebSocketMessageWriter {
        guard isWebSocketOpen, let state = transport.webSocket else { throw .closed }
        guard !state.isStreaming else { throw ConnectionError(description: "a message is under way") }
        if let driver = webSocketDriver, driver.topics.hasPending { driver.topics.flush(transport, state) }
        state.isStreaming = true
        transport.sendsPlainFrames = false
        return WebSocketMessageWriter(transport, state, kind == .text ? .text : .binary)
    }
}
