import ApusProtocols
import CApus

/// Connections on which no HTTP is spoken: each message that comes answers one that was sent.
nonisolated extension LoadEngine {
    mutating func consumeMessages(_ connection: ConnectionPointer, _ end: UnsafePointer<UInt8>) {
        var p = UnsafePointer(buffer)
        let unanswered = connection.pointee.unanswered
        var left = unanswered
        // An empty datagram is a message.
        reading: repeat {
            let start = p
            let wasBetween = connection.pointee.messages.isBetweenMessages
            let count = connection.pointee.visitor?.echoCount ?? block.requestCount
            switch connection.pointee.messages.read(&p, end, plan.spoken, count: count) {
            case .complete where plan.exchange != .answers:
                guard hear(connection) else { return surplus(connection) }
            case .complete:
                guard left > 0 else { return surplus(connection) }
                left &-= 1
                connection.pointee.visitor?.noteEcho()
                if wasBetween, connection.pointee.visitor == nil {
                    left &-= Self.skipRepetitions(of: start, &p, end, left)
                }
            case .ping(let count): answerPing(connection, p - count, count)
            case .incomplete: break reading
            case .malformed(let reason):
                if left < unanswered { countAnswers(connection, unanswered &- left, left) }
                return fail(connection, .malformed, ErrorCause(reason))
            case .closed:
                if left < unanswered { countAnswers(connection, unanswered &- left, left) }
                return lose(connection, .closedEarly, .unspecific)
            }
        } while p < end
        if left < unanswered { countAnswers(connection, unanswered &- left, left) }
        connection.pointee.carry.hold(p, end - p)
        if plan.exchange == .broadcasts { return settleBroadcast(connection) }
        guard left == 0, unanswered > 0 else { return }
        // Nobody has told the server that a message would be the last one.
        if !plan.keepsAlive { return reopen(connection) }
        finishBatch(connection)
    }

    /// What the socket does not take is lost: a peer that reads nothing waits for no pong.
    private func answerPing(_ connection: ConnectionPointer, _ payload: UnsafePointer<UInt8>, _ count: Int) {
        // Not in the middle of a message, and not while OpenSSL waits for the rest of what it was given.
        guard connection.pointee.sentBytes == connection.pointee.batchBytes else { return }
        let pong = LoadMessage.frame(.pong, Array(UnsafeBufferPointer(start: payload, count: count)))
        _ = pong.withUnsafeBufferPointer { write(connection, $0.baseAddress!, $0.count) }
    }

    /// Tells the peer of a WebSocket that the connection closes (RFC 6455 §5.5.1).
    func sayGoodbye(_ connection: ConnectionPointer) {
        guard greeting != nil, connection.pointee.phase == .established || connection.pointee.phase == .idle,
            connection.pointee.sentBytes == connection.pointee.batchBytes
        else { return }
        let frame = LoadMessage.frame(.close, [0x03, 0xE8])
        _ = frame.withUnsafeBufferPointer { write(connection, $0.baseAddress!, $0.count) }
    }
}
