import CApus

/// Puts one process's share of the load on a server: one thread, one poller, no object and no allocation for a request.
///
/// Each connection sends a batch of requests and, when all of them are answered, the next one. It is registered with
/// the poller once. Responses are read in place in one buffer that all connections share.
package nonisolated struct LoadEngine: ~Copyable {
    static let receiveCapacity = 64 * 1024
    private static let maxSweepInterval: Int64 = 100_000_000
    private static let progressInterval: Int64 = 100_000_000
    /// Connections opened between two looks at the others, which have been accepted meanwhile.
    private static let openingSlice = 128
    /// Tells the descriptor that ends the run from a connection's index.
    private static let stopGeneration = UInt32.max

    let plan: LoadPlan
    let poller: OpaquePointer
    var connector: Connector
    let block: RequestBlock
    let connections: UnsafeMutablePointer<LoadConnection>
    let connectionCount: Int
    /// What a connection carries comes first, then what is received, then room for scanners that read ahead.
    let buffer: UnsafeMutablePointer<UInt8>
    var headCache = ResponseHeadCache()
    var result = LoadResult()
    /// Requests that are still to be handed out.
    var requestsLeft: Int
    /// Connections that have been begun, and those that are not retired.
    private var begunCount = 0
    var activeCount = 0
    var isStopped = false
    /// A connection on which sending failed is being read to its end.
    var isSettlingSendFailure = false
    /// The clock as it was when the poller returned.
    var now: Int64 = 0
    /// When a response was completed last, or the run began.
    var lastAnswerAt: Int64 = 0
    /// When deadlines are looked at next.
    var nextSweep: Int64 = 0

    /// Nil when the system refuses a poller.
    package init?(_ plan: LoadPlan) {
        guard let poller = capus_loop_create(CAPUS_BACKEND_EPOLL) else { return nil }
        self.plan = plan
        self.poller = poller
        connector = Connector(plan.endpoint)
        block = RequestBlock(plan.request, depth: plan.pipelineDepth)
        // A connection without a request to make is none.
        connectionCount = min(plan.connections, plan.requests)
        connections = .allocate(capacity: connectionCount)
        connections.initialize(repeating: LoadConnection(), count: connectionCount)
        let bufferCount = ResponseReader.maxUnitBytes + Self.receiveCapacity + Int(CAPUS_SCAN_PADDING)
        buffer = .allocate(capacity: bufferCount)
        buffer.initialize(repeating: 0, count: bufferCount)
        requestsLeft = plan.requests
    }

    deinit {
        for index in 0..<connectionCount { connections[index].carry.deallocate() }
        connections.deallocate()
        buffer.deallocate()
        capus_loop_destroy(poller)
    }

    /// Runs to the end, or until `stopDescriptor` becomes readable. `onProgress` is called some times a second.
    package mutating func run(stopDescriptor: Int32? = nil, onProgress: (LoadProgress) -> Void) -> LoadResult {
        capus_raise_descriptor_limit()
        if let stopDescriptor {
            _ = capus_loop_watch(poller, stopDescriptor, Self.stopGeneration, UInt32(CAPUS_READ))
        }
        let cpuTime = ThreadTime.now()
        let start = capus_monotonic_ns()
        let end = plan.duration == .max ? Int64.max : start + plan.duration
        now = start
        lastAnswerAt = start
        nextSweep = start
        activeCount = connectionCount
        var nextProgress = start
        while activeCount > 0, !isStopped {
            if begunCount < connectionCount { beginConnections() }
            turn(until: begunCount < connectionCount ? now : min(end, nextSweep))
            if now >= end { break }
            if now >= nextSweep { sweep() }
            // Nothing but failures so far: nobody is there.
            if result.connectionsOpened == 0, result.errors.count(.connect) >= UInt64(begunCount) {
                stop(.neverConnected)
            }
            if now >= nextProgress {
                nextProgress = now + Self.progressInterval
                onProgress(progress(since: start))
            }
        }
        result.elapsed = capus_monotonic_ns() - start
        result.cpuTime = ThreadTime.now() - cpuTime
        finish()
        return result
    }

    private mutating func beginConnections() {
        let count = min(connectionCount, begunCount + Self.openingSlice)
        while begunCount < count {
            startBatch(connections + begunCount)
            begunCount += 1
        }
    }

    private mutating func turn(until deadline: Int64) {
        var events: UnsafePointer<capus_event>?
        let count = capus_loop_poll(poller, deadline, now, &events)
        now = capus_monotonic_ns()
        guard count >= 0, let events else { return stop(.pollerFailed) }
        for i in 0..<Int(count) { dispatch(events[i]) }
    }

    @inline(__always)
    private mutating func dispatch(_ event: capus_event) {
        if event.generation == Self.stopGeneration { return stop(.interrupted) }
        let connection = connections + Int(event.generation)
        // An event of a descriptor that was closed earlier in this turn.
        guard connection.pointee.fd == event.fd else { return }
        let mayBeConnected = connection.pointee.phase == .connecting
        if event.flags & UInt32(CAPUS_WRITE) != 0 || mayBeConnected { send(connection) }
        if event.flags & UInt32(CAPUS_READ | CAPUS_HANGUP) != 0, connection.pointee.fd == event.fd {
            receive(connection)
        }
    }

    mutating func stop(_ end: LoadResult.End) {
        isStopped = true
        result.end = end
    }

    /// Looks at every connection's deadline.
    private mutating func sweep() {
        let interval = min(Self.maxSweepInterval, max(1_000_000, plan.timeout / 10))
        nextSweep = now + interval
        for index in 0..<begunCount {
            let connection = connections + index
            checkDeadline(connection)
            let phase = connection.pointee.phase
            if phase == .connecting || phase == .established {
                nextSweep = min(nextSweep, connection.pointee.progressAt + plan.timeout)
            }
        }
        if plan.hasRequestCount, activeCount > 0, now - lastAnswerAt >= plan.timeout { stop(.gaveUp) }
    }

    private func progress(since start: Int64) -> LoadProgress {
        var progress = LoadProgress()
        progress.requests = result.requests
        progress.errors = result.errors.total
        progress.elapsed = now - start
        return progress
    }

    private mutating func finish() {
        var unfinished = plan.hasRequestCount ? requestsLeft : 0
        for index in 0..<connectionCount {
            let connection = connections + index
            unfinished += connection.pointee.unanswered
            closeDescriptor(connection)
        }
        result.unfinished = UInt64(unfinished)
    }
}
