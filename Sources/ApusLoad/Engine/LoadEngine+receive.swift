import ApusProtocols
import CApus

nonisolated extension LoadEngine {
    /// A server that said it would close gets this long to do so: whoever closes first keeps the port occupied.
    private static let closingGrace: Int64 = 100_000_000

    /// Reads and counts the responses that end in what came.
    mutating func receive(_ connection: ConnectionPointer) {
        // Half a record is pending, too, and there is nothing to do but wait for the rest.
        while receiveOnce(connection), hasPending(connection) {}
    }

    /// False when nothing came.
    private mutating func receiveOnce(_ connection: ConnectionPointer) -> Bool {
        switch connection.pointee.phase {
        case .securing, .greeting: return false
        case .closing:
            awaitClose(connection)
            return false
        case .idle where plan.spoken == .http:
            idleEnded(connection)
            return false
        default: break
        }
        let carried = connection.pointee.carry.count
        if carried > 0 { connection.pointee.carry.copy(to: buffer) }
        let count = read(connection, buffer + carried)
        guard count > 0 || (count == 0 && plan.spoken == .udp) else {
            receiveEnded(connection, count)
            return false
        }
        result.bytesReceived &+= UInt64(count)
        let end = UnsafePointer(buffer + (carried &+ count))
        if plan.spoken != .http {
            consumeMessages(connection, end)
        } else if connection.pointee.visitor == nil {
            consume(connection, end)
        } else {
            consumeVisit(connection, end)
        }
        return true
    }

    @inline(__always)
    private mutating func consume(_ connection: ConnectionPointer, _ end: UnsafePointer<UInt8>) {
        var p = UnsafePointer(buffer)
        let unanswered = connection.pointee.unanswered
        var left = unanswered
        var outcome = HTTPResponseReader.Outcome.incomplete
        while left > 0, p < end {
            let start = p
            outcome = connection.pointee.reader.read(&p, end, hasBody: plan.responsesHaveBody, cache: &headCache)
            guard outcome == .complete else { break }
            var count = 1
            if !connection.pointee.reader.closes { count &+= Self.skipRepetitions(of: start, &p, end, left &- 1) }
            result.statuses.add(status: connection.pointee.reader.status, count: count)
            left &-= count
            if connection.pointee.reader.closes { break }
        }
        if left < unanswered { countAnswers(connection, unanswered &- left, left) }
        if outcome == .complete || left == 0 {
            if p < end { return surplus(connection) }
            connection.pointee.carry.clear()
            return isLast(connection) ? beginClosing(connection) : advance(connection)
        }
        if case .malformed(let error) = outcome { return fail(connection, .malformed, ErrorCause(.response(error))) }
        connection.pointee.carry.hold(p, end - p)
    }

    /// The connection ends behind the response that was read last.
    func isLast(_ connection: ConnectionPointer) -> Bool { connection.pointee.reader.closes || !plan.keepsAlive }

    /// Pipelined responses to one and the same request are mostly copies of each other. If the bytes from `start` on
    /// repeat with the period of the response that ends at `p`, they are copies of it, and one comparison reads all of
    /// them. Returns how many, `limit` at most.
    @inline(__always)
    static func skipRepetitions(
        of start: UnsafePointer<UInt8>, _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ limit: Int
    ) -> Int {
        let period = p - start
        guard limit > 0, end - p >= period else { return 0 }
        let count = min(limit, (end - p) / period)
        guard memcmp(start, p, count &* period) == 0 else { return 0 }
        p += count &* period
        return count
    }

    @inline(__always)
    mutating func countAnswers(_ connection: ConnectionPointer, _ count: Int, _ left: Int) {
        connection.pointee.unanswered = left
        noteAnswer(connection)
        result.requests &+= UInt64(count)
        let serviceTime = now &- connection.pointee.startedAt
        if hasRate {
            outstanding &-= count
            result.latencies.record(nanoseconds: now &- connection.pointee.dueAt, count: UInt64(count))
            result.serviceLatencies.record(nanoseconds: serviceTime, count: UInt64(count))
        } else {
            result.latencies.record(nanoseconds: serviceTime, count: UInt64(count))
        }
    }

    @inline(__always)
    mutating func noteAnswer(_ connection: ConnectionPointer) {
        connection.pointee.isReused = true
        connection.pointee.progressAt = now
        lastAnswerAt = now
    }

    @inline(__always)
    private mutating func advance(_ connection: ConnectionPointer) {
        if connection.pointee.unanswered == 0 { finishBatch(connection) }
    }

    /// All requests of the batch are answered.
    @inline(__always)
    mutating func finishBatch(_ connection: ConnectionPointer) {
        if connection.pointee.sendFailure != 0 { return reopen(connection) }
        // The rest of a request that was answered early still has to go, or the next one would be taken for it.
        guard connection.pointee.sentBytes == connection.pointee.batchBytes else { return }
        startBatch(connection)
    }

    // MARK: The server closes

    private mutating func receiveEnded(_ connection: ConnectionPointer, _ count: Int) {
        if connection.pointee.phase == .idle {
            if -count != Int(CAPUS_WOULD_BLOCK) { idleClosed(connection) }
            return
        }
        let sendFailure = connection.pointee.sendFailure
        if count == 0, connection.pointee.reader.finish() {
            if let visitor = connection.pointee.visitor {
                _ = judge(connection, visitor)
            } else {
                result.statuses.add(status: connection.pointee.reader.status)
                countAnswers(connection, 1, connection.pointee.unanswered - 1)
            }
            return reopen(connection)
        }
        if -count == Int(CAPUS_WOULD_BLOCK) {
            if sendFailure != 0 { lose(connection, .write, ErrorCause(code: sendFailure)) }
            return
        }
        if sendFailure != 0 { return lose(connection, .write, ErrorCause(code: sendFailure)) }
        if count == 0 { return lose(connection, .closedEarly, .unspecific) }
        lose(connection, .read, ErrorCause(code: Int32(-count)))
    }

    /// The connection is gone. A server may close one that it considers idle at any time (RFC 9112 §9.5): requests
    /// that crossed with that are sent again on a new one. That a response was completed on this one keeps it from
    /// repeating.
    mutating func lose(_ connection: ConnectionPointer, _ kind: LoadErrorKind, _ cause: ErrorCause) {
        let isBetween =
            connection.pointee.reader.isBetweenResponses && connection.pointee.messages.isBetweenMessages
        let isUntouched = isBetween && connection.pointee.carry.count == 0
        let mayRepeat = plan.spoken != .udp && plan.exchange == .answers
        if connection.pointee.isReused, isUntouched, mayRepeat { return reopen(connection) }
        // Nobody listens there: it is not asked as fast as it refuses.
        if plan.spoken == .udp, !connection.pointee.isReused { return connectFailed(connection, cause) }
        fail(connection, kind, cause)
    }

    /// The last response is in; what has to follow is the end of the stream, which mostly is there already.
    mutating func beginClosing(_ connection: ConnectionPointer) {
        if connection.pointee.sendFailure != 0 { return reopen(connection) }
        connection.pointee.phase = .closing
        watch(connection, CAPUS_READ)
        connection.pointee.retryAt = now + Self.closingGrace
        nextSweep = min(nextSweep, connection.pointee.retryAt)
        awaitClose(connection)
    }

    private mutating func awaitClose(_ connection: ConnectionPointer) {
        let count = read(connection, buffer)
        if -count == Int(CAPUS_WOULD_BLOCK) { return }
        if count > 0 { return surplus(connection) }
        reopen(connection)
    }

    // MARK: Errors

    mutating func surplus(_ connection: ConnectionPointer) {
        result.errors.add(.malformed, ErrorCause(.surplus))
        reopen(connection)
    }

    /// Counts what is unanswered as failed, and goes on with a new connection.
    mutating func fail(_ connection: ConnectionPointer, _ kind: LoadErrorKind, _ cause: ErrorCause) {
        if plan.exchange == .broadcasts {
            loseBroadcasts(connection, kind, cause)
        } else {
            result.errors.add(kind, cause, count: UInt64(connection.pointee.unanswered))
            outstanding -= connection.pointee.unanswered
        }
        connection.pointee.unanswered = 0
        connection.pointee.visitor?.giveUp()
        closeDescriptor(connection)
        startBatch(connection)
    }

    /// Does what is due on a connection now.
    mutating func checkDeadline(_ connection: ConnectionPointer) {
        let isLate = now - connection.pointee.progressAt >= plan.timeout
        switch connection.pointee.phase {
        case .retired, .idle: break
        case .connecting: if isLate { connectFailed(connection, .noAnswer) }
        case .securing: if isLate { connectFailed(connection, .noAnswer, .tls) }
        case .greeting: if isLate { connectFailed(connection, .noAnswer) }
        case .established: if isLate { fail(connection, .timeout, .unspecific) }
        case .waiting:
            if now < connection.pointee.retryAt {
                nextSweep = min(nextSweep, connection.pointee.retryAt)
            } else if isLate, connection.pointee.unanswered > 0 {
                connectFailed(connection, .noAnswer)
            } else {
                open(connection)
            }
        case .closing:
            if now >= connection.pointee.retryAt {
                reopen(connection)
            } else {
                nextSweep = min(nextSweep, connection.pointee.retryAt)
            }
        }
    }
}
