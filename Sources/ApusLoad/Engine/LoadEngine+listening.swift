/// Connections that hear more than answers to what they have sent: broadcasts, and what a server pushes by itself.
nonisolated extension LoadEngine {
    /// A message has come. False when nobody has sent it.
    mutating func hear(_ connection: ConnectionPointer) -> Bool {
        defer { noteAnswer(connection) }
        if plan.exchange == .pushes {
            // The last one that was asked for may come together with others.
            guard requestsLeft > 0 else { return true }
            if connection.pointee.heard > 0 {
                result.latencies.record(nanoseconds: now - connection.pointee.progressAt, count: 1)
            }
            connection.pointee.heard = 1
            result.requests += 1
            requestsLeft -= 1
            if requestsLeft == 0 { stop(.finished) }
            return true
        }
        guard connection.pointee.heard < broadcasts.count else { return false }
        result.latencies.record(nanoseconds: now - broadcasts[connection.pointee.heard], count: 1)
        result.deliveries += 1
        connection.pointee.heard += 1
        outstanding -= 1
        return true
    }

    // MARK: Pushes

    /// Opens the connection if there is none, and waits for what comes.
    mutating func listen(_ connection: ConnectionPointer) {
        guard !isStopped else { return retire(connection) }
        guard connection.pointee.fd >= 0 else {
            connection.pointee.heard = 0
            return openAhead(connection)
        }
        connection.pointee.phase = .idle
    }

    // MARK: Broadcasts

    /// From now on each broadcast comes to it.
    mutating func beginListening(_ connection: ConnectionPointer) {
        connection.pointee.isListening = true
        connection.pointee.heard = broadcasts.count
        listenerCount += 1
    }

    /// A connection is about to send what comes to all.
    mutating func noteBroadcast(_ connection: ConnectionPointer, _ dueAt: Int64) {
        connection.pointee.ownBroadcast = broadcasts.count
        broadcasts.append(dueAt)
        // One for the connection itself was counted when it was due.
        outstanding += listenerCount - 1
    }

    /// The sender is free when its own message has come back.
    mutating func settleBroadcast(_ connection: ConnectionPointer) {
        guard connection.pointee.unanswered > 0, connection.pointee.heard > connection.pointee.ownBroadcast else {
            return
        }
        connection.pointee.unanswered = 0
        result.requests += 1
        result.serviceLatencies.record(nanoseconds: now - connection.pointee.startedAt, count: 1)
        finishBatch(connection)
    }

    /// What has not come to a connection that is gone never will.
    mutating func loseBroadcasts(_ connection: ConnectionPointer, _ kind: LoadErrorKind, _ cause: ErrorCause) {
        guard connection.pointee.isListening else { return }
        connection.pointee.isListening = false
        let missing = broadcasts.count - connection.pointee.heard
        connection.pointee.unanswered = 0
        listenerCount -= 1
        outstanding -= missing
        result.errors.add(kind, cause, count: UInt64(missing))
    }
}
