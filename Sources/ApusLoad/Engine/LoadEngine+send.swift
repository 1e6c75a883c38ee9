import ApusProtocols
import CApus

nonisolated extension LoadEngine {
    typealias ConnectionPointer = UnsafeMutablePointer<LoadConnection>

    /// A refused connect is tried again after this long: a server that restarts is met again soon, one that is gone is
    /// not hammered.
    static let connectRetryDelay: Int64 = 100_000_000
    /// A Unix socket whose backlog is full refuses at once.
    private static let backlogRetryDelay: Int64 = 1_000_000

    // MARK: Batches

    /// Begins the next batch, or retires the connection when there is nothing more to ask.
    mutating func startBatch(_ connection: ConnectionPointer) {
        if hasRate || plan.exchange == .pushes { return takeArrival(connection) }
        let count = min(plan.pipelineDepth, requestsLeft)
        guard count > 0, !isStopped else { return retire(connection) }
        requestsLeft -= count
        ask(connection, count)
    }

    mutating func retire(_ connection: ConnectionPointer) {
        closeDescriptor(connection)
        connection.pointee.phase = .retired
        activeCount -= 1
    }

    /// Sends so many requests, on a new connection if there is none.
    mutating func ask(_ connection: ConnectionPointer, _ count: Int) {
        connection.pointee.unanswered = count
        connection.pointee.sentBytes = 0
        if let visitor = connection.pointee.visitor { visitor.ask(count, &mix) }
        connection.pointee.batchBytes = unansweredBytes(connection)
        connection.pointee.startedAt = 0
        connection.pointee.progressAt = now
        if connection.pointee.fd >= 0 {
            send(connection)
        } else {
            open(connection)
        }
    }

    /// Sends what is left of the batch, as far as the kernel takes it.
    mutating func send(_ connection: ConnectionPointer) {
        if connection.pointee.phase == .closing || connection.pointee.phase == .idle { return }
        if hasHandshakes, connection.pointee.isShakingHands { return goOnOpening(connection) }
        if connection.pointee.batchBytes == 0 { return confirmConnected(connection) }
        let isFirst = connection.pointee.startedAt == 0
        // Before the call: by its end the server may have answered.
        if isFirst { connection.pointee.startedAt = capus_monotonic_ns() }
        while connection.pointee.sentBytes < connection.pointee.batchBytes {
            let sent = connection.pointee.sentBytes
            let written = writeRest(connection, sent)
            guard written >= 0 else { return sendFailed(connection, Int32(-written), isFirst) }
            // What takes bytes is a connection.
            if connection.pointee.phase == .connecting { noteEstablished(connection) }
            connection.pointee.sentBytes = sent &+ written
            result.bytesSent &+= UInt64(written)
        }
        watch(connection, CAPUS_READ)
        // The server may have answered a request before all of it was sent.
        if connection.pointee.unanswered == 0 { finishBatch(connection) }
    }

    /// Bytes of the requests that are not answered.
    @inline(__always)
    func unansweredBytes(_ connection: ConnectionPointer) -> Int {
        if plan.subscribes { return block.requestCount }
        return connection.pointee.visitor?.byteCount ?? connection.pointee.unanswered &* block.requestCount
    }

    /// Writes what is left of the batch behind `sent` bytes, or a part of it; as `capus_send`.
    @inline(__always)
    private func writeRest(_ connection: ConnectionPointer, _ sent: Int) -> Int {
        if let visitor = connection.pointee.visitor {
            return visitor.withBytes(from: sent) { write(connection, $0, $1) }
        }
        let offset = sent == 0 ? 0 : sent % block.requestCount
        let count = min(connection.pointee.batchBytes &- sent, block.count &- offset)
        return write(connection, block.bytes + offset, count)
    }

    @inline(__always)
    mutating func watch(_ connection: ConnectionPointer, _ interest: Int) {
        guard connection.pointee.interest != UInt32(interest) else { return }
        let index = UInt32(connection - connections)
        let failure = capus_loop_watch(poller, connection.pointee.fd, index, UInt32(interest))
        connection.pointee.interest = UInt32(interest)
        if failure != 0 { connectFailed(connection, ErrorCause(code: failure)) }
    }

    private mutating func sendFailed(_ connection: ConnectionPointer, _ failure: Int32, _ isFirst: Bool) {
        if failure == CAPUS_WOULD_BLOCK {
            // Nothing was sent before there was a connection.
            if isFirst, connection.pointee.phase == .connecting { connection.pointee.startedAt = 0 }
            return watch(connection, CAPUS_READ | CAPUS_WRITE)
        }
        if connection.pointee.phase == .connecting { return connectFailed(connection, ErrorCause(code: failure)) }
        // What the peer said before it closed may be a whole response; reading to the end settles it.
        connection.pointee.sendFailure = failure
        isSettlingSendFailure = true
        while connection.pointee.sendFailure != 0 { receive(connection) }
        isSettlingSendFailure = false
    }

    // MARK: Connections

    mutating func noteEstablished(_ connection: ConnectionPointer) {
        result.connectionsOpened += 1
        noteReady(connection)
    }

    mutating func noteReady(_ connection: ConnectionPointer) {
        noteAttempted(connection)
        readyCount &+= 1
        connection.pointee.phase = .established
        connection.pointee.progressAt = now
        if plan.exchange == .broadcasts { beginListening(connection) }
    }

    /// Opens a connection and sends the requests that are not answered.
    mutating func open(_ connection: ConnectionPointer) {
        connection.pointee.reader = HTTPResponseReader()
        connection.pointee.messages = MessageReader()
        connection.pointee.isReused = false
        connection.pointee.sentBytes = 0
        connection.pointee.visitor?.rewind()
        let sends = connection.pointee.unanswered > 0 || plan.subscribes
        connection.pointee.batchBytes = sends ? unansweredBytes(connection) : 0
        // A server that always fails us while we send would have us call ourselves without end.
        if isSettlingSendFailure { return wait(connection, 0) }
        let goesOn = connection.pointee.visitor?.isRedirected == true
        if !plan.keepsAlive, !goesOn { connection.pointee.startedAt = capus_monotonic_ns() }
        let fd = connector.connect()
        if fd < 0 {
            if -fd == CAPUS_WOULD_BLOCK { return wait(connection, Self.backlogRetryDelay) }
            return connectFailed(connection, ErrorCause(code: -fd))
        }
        connection.pointee.fd = fd
        connection.pointee.phase = .connecting
        // Over loopback the connection is there already; elsewhere this says that it has to be waited for.
        send(connection)
    }

    /// Counts the failure; the batch waits for the next try.
    mutating func connectFailed(
        _ connection: ConnectionPointer, _ cause: ErrorCause, _ kind: LoadErrorKind = .connect
    ) {
        noteAttempted(connection)
        closeDescriptor(connection)
        result.errors.add(kind, cause)
        connection.pointee.startedAt = 0
        connection.pointee.progressAt = now
        wait(connection, Self.connectRetryDelay)
    }

    mutating func wait(_ connection: ConnectionPointer, _ delay: Int64) {
        connection.pointee.phase = .waiting
        connection.pointee.retryAt = now + delay
        nextSweep = min(nextSweep, now + delay)
    }

    /// Opens a connection again that the server has closed, without an error.
    mutating func reopen(_ connection: ConnectionPointer) {
        closeDescriptor(connection)
        loseBroadcasts(connection, .closedEarly, .unspecific)
        let hasMore = connection.pointee.unanswered > 0 || requestsLeft > 0
        if plan.keepsAlive, hasMore { result.reconnects += 1 }
        guard connection.pointee.unanswered > 0 else { return startBatch(connection) }
        connection.pointee.progressAt = now
        open(connection)
    }

    func closeDescriptor(_ connection: ConnectionPointer) {
        guard connection.pointee.fd >= 0 else { return }
        if connection.pointee.interest != 0 { _ = capus_loop_watch(poller, connection.pointee.fd, 0, 0) }
        sayGoodbye(connection)
        if let tls = connection.pointee.tls {
            capus_tls_finish(tls, connection.pointee.fd)
            capus_tls_destroy(tls)
            connection.pointee.tls = nil
        }
        capus_close(connection.pointee.fd)
        connection.pointee.fd = -1
        connection.pointee.interest = 0
        connection.pointee.sendFailure = 0
        connection.pointee.carry.clear()
    }
}
