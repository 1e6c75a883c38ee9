import ApusProtocols
import CApus

/// So many frames one connection has handled before others have their turn.
private let framesPerTurn = 256

/// Binds WebSocket to connections: the handshake, frames in and out, and the rules of closing.
final class WebSocketDriver: TypedDriver<WebSocket> {
    let options: WebSocket
    @exclusivity(unchecked) var events = WebSocketCallbacks()
    /// Who gets what is published: shared by the drivers of all connections of one worker.
    let topics: WebSocketTopics
    /// The message object of the last delivery, unless it was kept.
    @exclusivity(unchecked) private var spare: WebSocketMessage?

    init(_ options: WebSocket, topics: WebSocketTopics? = nil) {
        self.options = options
        self.topics = topics ?? WebSocketTopics(options.compression)
    }

    /// As the codecs call it.
    var role: WebSocketRole { options.role == .server ? .server : .client }

    override var name: String { options.name }

    override func copy() -> TypedDriver<WebSocket> {
        let copy = WebSocketDriver(options, topics: topics)
        copy.callbacks = callbacks
        copy.events = events
        copy.predecessor = predecessor
        copy.limits = limits
        return copy
    }

    override func beginLife(_ connection: StreamConnection) {
        let state = WebSocketConnectionState(
            role, second: connection.shared.pointee.second, maxMessageBytes: connection.maxPackageSize,
            overflow: options.overflow)
        // Until the next one is open, an outgoing connection knows how its earlier life has ended.
        if let earlier = connection.webSocket, earlier.phase != .handshake || earlier.rest?.closeCode != nil {
            state.more.closeCode = earlier.rest?.closeCode ?? .abnormalClosure
            state.more.closeReason = earlier.rest?.closeReason ?? ""
        }
        // What was to be sent when the handshake is over still is.
        if let earlier = connection.webSocket, earlier.phase == .handshake { state.waiting = earlier.waiting }
        connection.webSocket = state
        connection.sendsPlainFrames = false
    }

    override func leave(_ connection: StreamConnection) {
        if let state = connection.webSocket { topics.remove(connection, state) }
        connection.webSocket = nil
        connection.sendsPlainFrames = false
    }

    override func opened(_ connection: StreamConnection) {
        super.opened(connection)
        if options.role == .client, connection.state == .established { sendRequest(connection) }
    }

    override func closed(_ connection: StreamConnection) {
        connection.sendsPlainFrames = false
        if options.role == .server, let state = connection.webSocket {
            topics.remove(connection, state)
            state.phase = .over
            state.compression = nil
            state.waiting = []
            if !state.isDecoding { dropDecoder(state) }
            if callbacks.onClose == nil, let predecessor = state.rest?.predecessor {
                state.rest?.predecessor = nil
                return predecessor.closed(connection)
            }
        }
        super.closed(connection)
    }

    override var observesClose: Bool { true }
    /// The handshake decides.
    override var isConnectedWhenSecured: Bool { false }

    // MARK: Receiving

    override func receive(_ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        guard let state = connection.webSocket else { return count }
        var offset = 0
        if state.phase == .handshake {
            offset = receiveHandshake(connection, state, bytes, count)
            guard state.phase == .open else { return offset }
        }
        state.isDecoding = true
        defer {
            state.isDecoding = false
            if state.phase == .over { dropDecoder(state) }
        }
        state.decoder.maxMessageBytes = connection.maxPackageSize
        var budget = framesPerTurn
        while offset < count, connection.wantsMessages, connection.driver === self {
            switch state.decoder.next(bytes, count, at: &offset) {
            case .needMore: return offset
            case .message(let opcode, let payload):
                connection.cork(holding: offset < count)
                if state.phase == .open { deliver(connection, opcode, payload) }
            case .ping(let payload):
                connection.cork(holding: offset < count)
                if state.phase == .open { pinged(connection, payload) }
            case .pong(let payload):
                if state.phase == .open { ponged(connection, payload) }
            case .close(let code, let reason):
                peerCloses(connection, state, code, String(decoding: reason, as: UTF8.self))
                return count
            case .failed(let failure):
                fail(connection, state, failure)
                return count
            }
            budget &-= 1
            if budget == 0, offset < count {
                connection.yieldTurn()
                break
            }
        }
        // The memory of a message that did not arrive in one piece must not wait for the next one.
        if state.phase != .over { state.decoder.forgetDelivered() }
        return connection.state == .established ? offset : count
    }

    /// Nothing more is decoded: gives the memory back.
    private func dropDecoder(_ state: WebSocketConnectionState) {
        state.decoder = WebSocketDecoder(role: role, maxMessageBytes: 0)
    }

    @inline(__always)
    private func deliver(
        _ connection: StreamConnection, _ opcode: WebSocketOpcode, _ payload: UnsafeMutableRawBufferPointer
    ) {
        connection.noteMessage()
        let bytes = payload.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? connection.loop.receiveBuffer
        if spare == nil { spare = WebSocketMessage(bytes) }
        var message = spare.take()!
        message.storage = bytes
        message.count = payload.count
        // Not `==`, which would be called through a table.
        if case .text = opcode { message.isText = true } else { message.isText = false }
        do {
            try callbacks.onMessage?(Connection(connection), message)
        } catch {
            callbackFailed(connection, error)
        }
        if isKnownUniquelyReferenced(&message) { spare = message } else { message.detach() }
    }

    /// A message that is arriving in pieces needs no room here: the decoder collects it.
    override func maxHeldBytes(_ connection: StreamConnection) -> Int { EventLoop.receiveCapacity }

    // MARK: Sending

    override func send(_ connection: StreamConnection, _ message: WebSocketContent) -> SendResult {
        message.withBytes { bytes in
            send(connection, message.opcode, bytes, owner: nil)
        }
    }

    // MARK: Control frames

    @inline(never)
    private func pinged(_ connection: StreamConnection, _ payload: UnsafeRawBufferPointer) {
        if let onPing = events.onPing {
            run(connection, CAPUS_DOING_MESSAGE) { try onPing(Connection(connection), Array(payload)) }
        } else if connection.outbound == nil || connection.pendingSendBytes < Self.maxUnreadPongs {
            _ = sendControl(connection, .pong, payload)
        }
    }

    /// RFC 6455 §5.5.3: not every ping needs an answer of its own, least of all from whom none is read.
    private static let maxUnreadPongs = 64 * 1024

    @inline(never)
    private func ponged(_ connection: StreamConnection, _ payload: UnsafeRawBufferPointer) {
        guard let onPong = events.onPong else { return }
        run(connection, CAPUS_DOING_MESSAGE) { try onPong(Connection(connection), Array(payload)) }
    }

    // MARK: Closing

    /// RFC 6455 §5.5.1: an endpoint that did not close first echoes the code, and the server closes the connection.
    @inline(never)
    private func peerCloses(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ code: WebSocketCloseCode?,
        _ reason: String
    ) {
        state.more.closeCode = code ?? .noStatusReceived
        state.more.closeReason = reason
        if state.phase == .open, let onClose = events.onClose {
            run(connection, CAPUS_DOING_CLOSE) {
                try onClose(Connection(connection), code ?? .noStatusReceived, reason)
            }
        }
        // The callback may have closed, or begun the connection anew.
        guard connection.webSocket === state, connection.state == .established else { return }
        if state.phase == .open { sendCloseFrame(connection, state, code, "", then: .over) }
        state.phase = .over
        if connection.state == .established { connection.end() }
    }

    /// Begins to close: what was sent before goes out, and the other side's close frame is waited for.
    func close(_ connection: StreamConnection, _ code: WebSocketCloseCode, _ reason: String) {
        guard let state = connection.webSocket else { return connection.close() }
        switch state.phase {
        case .closing, .over: return
        case .handshake: return connection.close()
        case .open: break
        }
        guard sendCloseFrame(connection, state, code, reason, then: .closing) else { return }
        state.askedAt = max(1, connection.shared.pointee.second)
        // A peer that finished sending cannot answer.
        if connection.isPeerFinished { return connection.close() }
        // The answer is waited for whoever holds messages back.
        connection.readAnswerOfPeer()
    }

    override func close(_ connection: StreamConnection) { close(connection, .normalClosure, "") }
    override func end(_ connection: StreamConnection) { close(connection) }

    /// The peer has broken the rules: it is told which.
    @inline(never)
    private func fail(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ failure: WebSocketFailure
    ) {
        if connection.loop.mayComplainOfClient() {
            Log.write("\(name) connection with \(connection.peer.text) ends with \(failure.closeCode): \(failure)")
        }
        state.more.closeCode = failure.closeCode
        state.more.closeReason = "\(failure)"
        if state.phase == .open { sendCloseFrame(connection, state, failure.closeCode, "", then: .over) }
        state.phase = .over
        if connection.state == .established { connection.end() }
    }

    /// Sends the last frame, behind all that was sent or published before, whatever waits. The phase changes first:
    /// what sending calls must not send behind it, or close again. False when the connection has ended by it.
    @discardableResult
    private func sendCloseFrame(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ code: WebSocketCloseCode?,
        _ reason: String, then phase: WebSocketConnectionState.Phase
    ) -> Bool {
        topics.flush(connection, state)
        guard state.phase == .open, connection.state == .established else { return false }
        state.phase = phase
        connection.sendsPlainFrames = false
        // RFC 6455 §5.5: at most 125 bytes, and no part of a character.
        var text = reason
        while text.utf8.count > 123 { text.removeLast() }
        let payload = code.map { [UInt8($0.rawValue >> 8), UInt8($0.rawValue & 0xFF)] + Array(text.utf8) } ?? []
        _ = payload.withUnsafeBytes { sendFrame(connection, .close, $0, owner: nil) }
        return connection.state == .established
    }

    override func callbackFailed(_ connection: StreamConnection, _ error: any Error) {
        // Before the handshake is over, an error may be an answer.
        if connection.webSocket?.phase == .handshake, let refusal = error as? HTTPError,
            callbacks.errorHandler == nil
        {
            return refuse(connection, refusal)
        }
        if let verdict = error as? WebSocketError, callbacks.errorHandler == nil, let state = connection.webSocket,
            state.phase != .handshake
        {
            // Closed already: it is at it.
            return state.phase == .open ? close(connection, verdict.code, verdict.reason) : ()
        }
        super.callbackFailed(connection, error)
    }

    override func answerFailure(_ connection: StreamConnection, _ error: any Error) {
        guard let state = connection.webSocket else { return connection.destroy() }
        switch state.phase {
        case .handshake where options.role == .server: refuse(connection, HTTPError(.internalServerError))
        case .open:
            state.more.closeCode = .internalError
            sendCloseFrame(connection, state, .internalError, "", then: .over)
            state.phase = .over
            if connection.state == .established { connection.end() }
        // What was sent before still arrives.
        case .closing: break
        default: if connection.state == .established { connection.destroy() }
        }
    }

    // MARK: Time

    override func timeOut(_ connection: StreamConnection, after idleSeconds: UInt32) {
        guard let state = connection.webSocket else { return super.timeOut(connection, after: idleSeconds) }
        let second = connection.shared.pointee.second
        switch state.phase {
        case .handshake:
            if Double(idleSeconds) >= options.handshakeTimeout { handshakeTimedOut(connection) }
        case .open:
            keepAlive(connection, state, second)
            if connection.state == .established, state.phase == .open {
                super.timeOut(connection, after: idleSeconds)
            }
        case .closing, .over:
            if connection.outbound != nil {
                // The close frame waits behind what the peer is still reading.
                state.askedAt = max(1, second)
                if Double(idleSeconds) >= connection.closeTimeout { connection.destroy() }
            } else if Double(second &- state.askedAt) >= options.closeTimeout {
                connection.destroy()
            }
        }
    }

    /// Asks a silent peer whether it is there, and gives one up that does not answer.
    private func keepAlive(_ connection: StreamConnection, _ state: WebSocketConnectionState, _ second: UInt32) {
        // Who takes what waits for it is there; and where nobody reads, nothing can be told of the other side.
        let moved = connection.bytesRead &+ (connection.outbound != nil ? connection.bytesWritten : 0)
        if state.bytesHeard != moved || !connection.isWatchingInput {
            state.bytesHeard = moved
            state.heardAt = second
            state.askedAt = 0
        }
        guard let interval = options.pingInterval else { return }
        if state.askedAt != 0 {
            guard Double(second &- state.askedAt) >= options.pongTimeout else { return }
            connection.destroy()
        } else if Double(second &- state.heardAt) >= interval {
            state.askedAt = max(1, second)
            _ = sendControl(connection, .ping, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    override func drain(_ connection: StreamConnection, _ mode: DrainMode) {
        guard mode != .graceful, connection.partial.count == 0, !owesAnswer(connection) else { return }
        if mode == .reload, connection.webSocket?.phase == .handshake {
            // Its request is on its way: cut off now, the client would not even be told why.
            guard connection.shared.pointee.second &- connection.stamp > 2 else { return }
        }
        close(connection, .goingAway, "")
    }

    /// A handler that takes too long, or half the head of a frame, has kept it from being told before.
    override func giveUp(_ connection: StreamConnection) {
        if connection.state == .established, let state = connection.webSocket, state.phase == .open {
            guard sendCloseFrame(connection, state, .goingAway, "", then: .closing) else { return }
        }
        connection.destroy()
    }
}
