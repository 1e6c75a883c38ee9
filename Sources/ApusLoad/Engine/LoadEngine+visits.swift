/// Connections whose requests are not all the same, or whose responses are looked into.
nonisolated extension LoadEngine {
    mutating func consumeVisit(_ connection: ConnectionPointer, _ end: UnsafePointer<UInt8>) {
        guard var visitor = connection.pointee.visitor else { return }
        var p = UnsafePointer(buffer)
        while connection.pointee.unanswered > 0, p < end {
            let outcome = connection.pointee.reader.read(
                &p, end, hasBody: visitor.responseHasBody, cache: &headCache, observer: &visitor)
            switch outcome {
            case .incomplete: return connection.pointee.carry.hold(p, end - p)
            case .malformed(let error): return fail(connection, .malformed, ErrorCause(.response(error)))
            case .complete: break
            }
            let isOver = judge(connection, visitor)
            if isLast(connection) {
                if p < end { return surplus(connection) }
                connection.pointee.carry.clear()
                return beginClosing(connection)
            }
            guard isOver else {
                if p < end { return surplus(connection) }
                connection.pointee.carry.clear()
                return goOn(connection)
            }
        }
        if p < end { return surplus(connection) }
        connection.pointee.carry.clear()
        if connection.pointee.unanswered == 0 { finishBatch(connection) }
    }

    /// Counts the response that has been read to its end. False when the request goes on elsewhere.
    mutating func judge(_ connection: ConnectionPointer, _ visitor: Visitor) -> Bool {
        let status = connection.pointee.reader.status
        switch visitor.conclude(status) {
        case .answered:
            result.statuses.add(status: status)
            countAnswers(connection, 1, connection.pointee.unanswered - 1)
        case .unexpected(let reason):
            var cause = ErrorCause.unspecific
            cause.detail = reason
            result.errors.add(.unexpected, cause)
            noteAnswer(connection)
            connection.pointee.unanswered -= 1
            outstanding -= 1
        case .redirected:
            result.redirects += 1
            noteAnswer(connection)
            return false
        }
        return true
    }

    /// Sends the request that a redirect asks for.
    private mutating func goOn(_ connection: ConnectionPointer) {
        connection.pointee.sentBytes = 0
        connection.pointee.batchBytes = unansweredBytes(connection)
        send(connection)
    }
}
