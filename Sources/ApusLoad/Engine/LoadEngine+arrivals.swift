import CApus

/// A load with a rate: requests are due when the schedule says, whatever the server does. One that no connection is
/// free for waits, and its latency counts from when it was due.
nonisolated extension LoadEngine {
    /// Hands out the requests that are due. The first is due when all connections are there.
    mutating func release() {
        guard isReleasing else { return }
        if !isScheduled {
            guard hasBegunAll, firstAttempts == 0 else { return }
            isScheduled = true
            result.openingTime = now - openedFrom
            begin(at: now + plan.hold)
            nextArrival = startedAt + arrivals.next()
        }
        while nextArrival <= now, nextArrival < endsAt, requestsLeft > 0 {
            if outstanding == 0 { lastAnswerAt = now }
            requestsLeft -= 1
            outstanding += 1
            result.lags.record(nanoseconds: now - nextArrival, count: 1)
            backlog.append(nextArrival)
            nextArrival = startedAt + arrivals.next()
        }
        while backlog.count > 0, let index = idle.popFirst() {
            let connection = connections + Int(index)
            connection.pointee.isQueued = false
            // It may have been closed meanwhile.
            if connection.pointee.phase == .idle { takeArrival(connection) }
        }
        result.mostWaiting = max(result.mostWaiting, UInt64(backlog.count))
        if nextArrival >= endsAt || requestsLeft == 0 {
            isReleasing = false
            nextArrival = .max
        }
    }

    /// Sends the request that has been due the longest, or waits for the next one.
    mutating func takeArrival(_ connection: ConnectionPointer) {
        if plan.exchange == .pushes { return listen(connection) }
        // Not before the connection is there: how long connecting takes belongs to no request.
        if plan.keepsAlive, connection.pointee.fd < 0 { return openAhead(connection) }
        guard let dueAt = backlog.popFirst() else { return rest(connection) }
        connection.pointee.phase = connection.pointee.fd < 0 ? .waiting : .established
        connection.pointee.dueAt = dueAt
        if plan.exchange == .broadcasts { noteBroadcast(connection, dueAt) }
        ask(connection, 1)
    }

    mutating func openAhead(_ connection: ConnectionPointer) {
        connection.pointee.progressAt = now
        open(connection)
    }

    private mutating func rest(_ connection: ConnectionPointer) {
        connection.pointee.phase = .idle
        connection.pointee.sentBytes = 0
        connection.pointee.batchBytes = 0
        guard !connection.pointee.isQueued else { return }
        connection.pointee.isQueued = true
        idle.append(Int32(connection - connections))
    }

    /// A connection without a request: whether it is there yet.
    mutating func confirmConnected(_ connection: ConnectionPointer) {
        // Nothing sent is a datagram, too.
        let failure = plan.spoken == .udp ? 0 : -capus_send(connection.pointee.fd, block.bytes, 0)
        if failure == Int(CAPUS_WOULD_BLOCK) { return watch(connection, CAPUS_READ | CAPUS_WRITE) }
        if failure > 0 { return connectFailed(connection, ErrorCause(code: Int32(failure))) }
        noteEstablished(connection)
        watch(connection, CAPUS_READ)
        if connection.pointee.phase == .established { takeArrival(connection) }
    }

    mutating func noteAttempted(_ connection: ConnectionPointer) {
        guard connection.pointee.isFirstAttempt else { return }
        connection.pointee.isFirstAttempt = false
        firstAttempts -= 1
    }

    /// Something came on a connection that nothing was asked on: mostly its end.
    mutating func idleEnded(_ connection: ConnectionPointer) {
        let count = read(connection, buffer)
        if -count == Int(CAPUS_WOULD_BLOCK) { return }
        if count > 0 { result.errors.add(.malformed, ErrorCause(.surplus)) }
        idleClosed(connection)
    }

    /// A connection that nothing was asked on is gone.
    mutating func idleClosed(_ connection: ConnectionPointer) {
        closeDescriptor(connection)
        if plan.hold > 0 || plan.exchange != .answers {
            result.errors.add(.closedEarly, .unspecific)
            loseBroadcasts(connection, .closedEarly, .unspecific)
            return wait(connection, Self.connectRetryDelay)
        }
        if connection.pointee.isReused {
            result.reconnects += 1
            return openAhead(connection)
        }
        // A server that closes whatever connects is not hammered.
        wait(connection, Self.connectRetryDelay)
    }
}
