import ApusProtocols
import CApus

extension WebSocketDriver {
    /// Payloads up to this size are copied behind their head and leave in one piece with it.
    private static let inlineBytes = 8 * 1024

    /// Sends a message. The bytes stay where they are as long as `owner` lives; without one they are copied if they
    /// have to wait.
    func send(
        _ connection: StreamConnection, _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, owner: AnyObject?
    ) -> SendResult {
        if connection.sendsPlainFrames, connection.outbound == nil, connection.shared.pointee.pendingPublishers == 0,
            connection.state == .established, connection.closeKind == .open
        {
            return sendPlainFrame(connection, opcode, payload, owner: owner)
        }
        return sendOther(connection, opcode, payload, owner: owner)
    }

    /// The same, when something may stand in the way.
    @inline(never)
    private func sendOther(
        _ connection: StreamConnection, _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, owner: AnyObject?
    ) -> SendResult {
        guard let state = connection.webSocket, state.phase != .over, state.phase != .closing else { return .failed }
        if topics.hasPending { topics.flush(connection, state) }
        guard connection.canSend() else { return .failed }
        guard state.phase == .open, !state.isStreaming else { return sendLater(connection, state, opcode, payload) }
        if let compression = state.compression, payload.count >= compression.threshold {
            return compression.compress(payload) { compressed in
                sendFrame(connection, opcode, compressed, owner: nil, isCompressed: true)
            }
        }
        return sendFrame(connection, opcode, payload, owner: owner)
    }

    /// Sends a frame, whatever the state of the conversation.
    @inline(__always)
    func sendFrame(
        _ connection: StreamConnection, _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer,
        owner: AnyObject?, isCompressed: Bool = false, isFinal: Bool = true
    ) -> SendResult {
        guard options.role == .server else {
            let frame = maskedFrame(opcode, payload, isCompressed: isCompressed, isFinal: isFinal)
            return frame.withUnsafeBytes { connection.sendRaw($0, owner: frame.count > 4096 ? ByteBox(frame) : nil) }
        }
        return sendPlainFrame(
            connection, opcode, payload, owner: owner, flags: (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0))
    }

    /// Sends a frame that is not masked. `flags`: FIN and RSV1.
    @inline(__always)
    private func sendPlainFrame(
        _ connection: StreamConnection, _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer,
        owner: AnyObject?, flags: UInt8 = 0x80
    ) -> SendResult {
        let target = connection.shared.pointee.output.target
        // Nearly every frame. There is room for it: more than half of the buffer never stays collected.
        if payload.count < 126, let base = payload.baseAddress {
            target[0] = flags | opcode.rawValue
            target[1] = UInt8(truncatingIfNeeded: payload.count)
            (target + 2).update(from: base.assumingMemoryBound(to: UInt8.self), count: payload.count)
            return connection.sendRendered(2 &+ payload.count)
        }
        return sendLongFrame(connection, opcode, payload, owner: owner, flags: flags)
    }

    @inline(never)
    private func sendLongFrame(
        _ connection: StreamConnection, _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer,
        owner: AnyObject?, flags: UInt8
    ) -> SendResult {
        let head = WebSocketFrameHead(
            opcode, length: payload.count, isFinal: flags & 0x80 != 0, isCompressed: flags & 0x40 != 0)
        // There is room for any head: more than half of the buffer never stays collected.
        let target = connection.shared.pointee.output.target
        let headCount = head.render(into: target)
        guard let base = payload.baseAddress, payload.count > 0 else { return connection.sendRendered(headCount) }
        guard payload.count <= Self.inlineBytes, headCount + payload.count <= connection.shared.pointee.output.room
        else { return connection.sendRendered(headCount, body: base, payload.count, owner: owner) }
        UnsafeMutableRawPointer(target + headCount).copyMemory(from: base, byteCount: payload.count)
        return connection.sendRendered(headCount + payload.count)
    }

    /// RFC 6455 §5.3: what a client sends is masked, with another key each time.
    private func maskedFrame(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, isCompressed: Bool, isFinal: Bool
    ) -> [UInt8] {
        let head = WebSocketFrameHead(
            opcode, length: payload.count, mask: WebSocketMaskKeys.shared.next(), isFinal: isFinal,
            isCompressed: isCompressed)
        var frame: [UInt8] = []
        frame.reserveCapacity(WebSocketFrameHead.maxByteCount + payload.count)
        head.append(payload, to: &frame)
        return frame
    }

    /// Pings and pongs go out whatever waits, but for the handshake.
    func sendControl(
        _ connection: StreamConnection, _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer
    ) -> SendResult {
        guard let state = connection.webSocket, state.phase == .open else { return .failed }
        if topics.hasPending { topics.flush(connection, state) }
        guard state.phase == .open, connection.canSend() else { return .failed }
        return sendFrame(connection, opcode, payload, owner: nil)
    }

    /// The handshake, or a message that is sent in pieces, comes first.
    @inline(never)
    private func sendLater(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ opcode: WebSocketOpcode,
        _ payload: UnsafeRawBufferPointer
    ) -> SendResult {
        let mask = options.role == .client ? WebSocketMaskKeys.shared.next() : nil
        let head = WebSocketFrameHead(opcode, length: payload.count, mask: mask)
        return Self.keep(connection, state) { head.append(payload, to: &$0) }
    }

    /// Keeps frames, which `append` adds, until `sendWaiting`.
    static func keep(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ append: (inout [UInt8]) -> Void
    ) -> SendResult {
        guard state.waiting.count < connection.maxSendBufferSize else {
            connection.noteFailedSend("send buffer full and drop package")
            return .failed
        }
        append(&state.waiting)
        if state.waiting.count >= connection.maxSendBufferSize { connection.driver.bufferFull(connection) }
        return connection.state == .closed ? .failed : .queued
    }

    /// What waited can go.
    func sendWaiting(_ connection: StreamConnection, _ state: WebSocketConnectionState) {
        guard !state.waiting.isEmpty else { return }
        let frames = state.waiting
        state.waiting = []
        _ = frames.withUnsafeBytes { connection.sendRaw($0, owner: frames.count > 4096 ? ByteBox(frames) : nil) }
        connection.extras?.roomAppeared(connection.pendingSendBytes, of: connection.maxSendBufferSize)
    }
}
