import ApusProtocols
import CApus

/// Puts one process's share of the load on a server: one thread, one poller, no object and no allocation for a request.
///
/// Each connection sends a batch of requests and, when all of them are answered, the next one; with a rate, one request
/// when it is due. It is registered with the poller once. Responses are read in place in one buffer that all
/// connections share.
package nonisolated struct LoadEngine: ~Copyable {
    static let receiveCapacity = 64 * 1024
    private static let maxSweepInterval: Int64 = 100_000_000
    private static let progressInterval: Int64 = 100_000_000
    /// Connections opened between two looks at the others, which have been accepted meanwhile.
    private static let openingSlice = 128
    /// Descriptors of a process that are no connections.
    private static let otherDescriptors = 32
    /// Tells the descriptor that ends the run from a connection's index.
    private static let stopGeneration = UInt32.max

    let plan: LoadPlan
    let poller: OpaquePointer
    var connector: Connector
    let hasTLS: Bool
    var sessions: TLSSessions?
    /// How a WebSocket is opened; nil without.
    let greeting: WebSocketClientHandshake?
    /// There is more than TCP's handshake to wait for.
    let hasHandshakes: Bool
    let block: RequestBlock
    /// What the visitors ask, unless a scenario tells them.
    var mix: RequestMix?
    let connections: UnsafeMutablePointer<LoadConnection>
    let connectionCount: Int
    /// What a connection carries comes first, then what is received, then room for scanners that read ahead.
    let buffer: UnsafeMutablePointer<UInt8>
    var headCache = HTTPResponseHeadCache()
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

    // With a rate.
    let hasRate: Bool
    var arrivals: ArrivalSchedule
    /// More requests will be due.
    var isReleasing: Bool
    /// All connections are there, so that the first request was due.
    var isScheduled = false
    var nextArrival = Int64.max
    /// Requests that were due and are neither answered nor failed, and when those of them were due that no connection
    /// has taken yet.
    var outstanding = 0
    var backlog = Ring<Int64>()
    /// Connections that wait for a request, the one that has waited longest first.
    var idle = Ring<Int32>()
    /// Connections that were there with all their handshakes, so far.
    var readyCount = 0
    /// Connections whose first attempt to connect is under way.
    var firstAttempts = 0
    /// Connections with all their handshakes, when deadlines were looked at last.
    private var openCount = 0

    // Where messages are broadcast: when each was due, and the connections that it comes to.
    var broadcasts: [Int64] = []
    var listenerCount = 0

    // The clock: when the first connection was begun, when the load began, when the part of it began that is measured,
    // and when it ends.
    private(set) var openedFrom: Int64 = 0
    private(set) var startedAt: Int64 = 0
    private(set) var endsAt = Int64.max
    private var measuredFrom = Int64.max
    private var cpuTimeBefore: Int64 = 0
    private var interval = IntervalRecorder()

    /// Throws when the system refuses a poller, or a file for TLS cannot be used.
    package init(_ plan: LoadPlan, scenario: (() -> any LoadScenario)? = nil) throws(LoadError) {
        do throws(LoadOptionsError) {
            mix = try plan.visit.map { plan throws(LoadOptionsError) in try RequestMix(plan) }
            sessions = try plan.tls.map { options throws(LoadOptionsError) in try TLSSessions(options, host: plan.host)
            }
        } catch {
            throw .options(error)
        }
        try Self.checkDescriptors(min(plan.connections, plan.requests))
        guard let poller = capus_loop_create(CAPUS_BACKEND_EPOLL) else {
            throw .system("create an event loop", errno: capus_last_error())
        }
        hasTLS = plan.tls != nil
        greeting = plan.spoken == .webSocket ? Self.greeting(plan) : nil
        hasHandshakes = plan.tls != nil || plan.spoken == .webSocket
        self.plan = plan
        self.poller = poller
        connector = Connector(plan)
        block = RequestBlock(plan.request, depth: plan.pipelineDepth)
        // A connection without a request to make is none.
        connectionCount = min(plan.connections, plan.requests)
        connections = .allocate(capacity: connectionCount)
        connections.initialize(repeating: LoadConnection(), count: connectionCount)
        if let visit = plan.visit {
            for index in 0..<connectionCount {
                connections[index].visitor = Visitor(visit, plan.spoken, isSecure: plan.tls != nil, scenario)
            }
        }
        let bufferCount = HTTPResponseReader.maxUnitBytes + Self.receiveCapacity + Int(CAPUS_SCAN_PADDING)
        buffer = .allocate(capacity: bufferCount)
        buffer.initialize(repeating: 0, count: bufferCount)
        requestsLeft = plan.requests
        hasRate = plan.rate != nil
        isReleasing = hasRate
        arrivals = ArrivalSchedule(
            rate: plan.rate ?? 1, plan.arrivals, offset: plan.arrivalOffset, seed: .random(in: .min ... .max))
    }

    /// Rather now than by as many errors.
    private static func checkDescriptors(_ connections: Int) throws(LoadError) {
        capus_raise_descriptor_limit()
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        capus_descriptor_limits(&soft, &hard)
        guard connections + otherDescriptors > soft else { return }
        let room = Int(clamping: soft) - otherDescriptors
        throw .options(
            LoadOptionsError(
                "--connections",
                "\(connections) in one process; the system allows it \(room): give it more processes with --threads"))
    }

    /// The key is for proxies that would repeat an old answer (RFC 6455 §10.8); one for all connections costs no server
    /// less.
    private static func greeting(_ plan: LoadPlan) -> WebSocketClientHandshake? {
        var wishes = WebSocketClientHandshake.Wishes()
        wishes.fields = plan.headers.map { ($0.name, $0.value) }
        guard let url = try? WebSocketURL(plan.url) else { return nil }
        let key = (0..<WebSocketHandshake.keyBytes).map { _ in UInt8.random(in: .min ... .max) }
        return try? WebSocketClientHandshake(url, key: key, wishes)
    }

    deinit {
        for index in 0..<connectionCount { connections[index].carry.deallocate() }
        connections.deinitialize(count: connectionCount)
        connections.deallocate()
        buffer.deallocate()
        capus_loop_destroy(poller)
    }

    /// Runs to the end, or until `stopDescriptor` becomes readable. `onProgress` is called some times a second.
    package mutating func run(stopDescriptor: Int32? = nil, onProgress: (LoadProgress) -> Void) -> LoadResult {
        if let stopDescriptor {
            _ = capus_loop_watch(poller, stopDescriptor, Self.stopGeneration, UInt32(CAPUS_READ))
        }
        now = capus_monotonic_ns()
        openedFrom = now
        cpuTimeBefore = ThreadTime.now()
        lastAnswerAt = now
        nextSweep = now
        activeCount = connectionCount
        if !hasRate { begin(at: now) }
        var nextProgress = now
        while activeCount > 0, !isStopped, !isDone {
            if begunCount < connectionCount { beginConnections() }
            if hasRate { release() }
            turn(until: min(nextOpening, nextDeadline))
            if now >= nextSweep { sweep() }
            if isNobodyThere { stop(.neverConnected) }
            if now >= nextProgress {
                nextProgress = now + Self.progressInterval
                reportProgress(onProgress)
            }
        }
        now = capus_monotonic_ns()
        if !isMeasuring { measuredFrom = openedFrom }
        result.elapsed = now - measuredFrom
        result.memory = ProcessMemory.peak()
        result.cpuTime = ThreadTime.now() - cpuTimeBefore
        if let last = interval.last(result, now - measuredFrom) { onProgress(progress(with: last)) }
        finish()
        return result
    }

    /// The load begins: with a rate, when all connections are there.
    mutating func begin(at time: Int64) {
        startedAt = time
        if plan.duration != .max { endsAt = time + plan.warmUp + plan.duration }
        if plan.warmUp == 0 { beginMeasuring() }
    }

    private mutating func beginMeasuring() {
        measuredFrom = now
        guard plan.warmUp > 0 else { return }
        cpuTimeBefore = ThreadTime.now()
        let connectionsOpened = result.connectionsOpened
        result = LoadResult()
        result.connectionsOpened = connectionsOpened
    }

    private var nextDeadline: Int64 { min(nextSweep, nextArrival, now < endsAt ? endsAt : .max) }

    /// The time is over. What was due by then may still be answered for as long as any request may take.
    private var isDone: Bool {
        guard hasRate else { return now >= endsAt }
        // What was due before the end is sent, however late.
        guard !isReleasing else { return false }
        if endsAt == .max { return outstanding == 0 }
        return now >= endsAt && (outstanding == 0 || now >= endsAt + plan.timeout)
    }

    /// Nothing but failures so far.
    private var isNobodyThere: Bool {
        result.requests == 0 && (readyCount == 0 || plan.spoken == .udp)
            && result.errors.count(.connect) + result.errors.count(.tls) >= UInt64(begunCount)
    }

    var hasBegunAll: Bool { begunCount == connectionCount }

    /// When the next connection is begun.
    private var nextOpening: Int64 {
        guard begunCount < connectionCount else { return .max }
        return openedFrom + Int64(Double(plan.ramp) * Double(begunCount) / Double(connectionCount))
    }

    private mutating func beginConnections() {
        let count = min(connectionCount, begunCount + Self.openingSlice)
        while nextOpening <= now, begunCount < count {
            let connection = connections + begunCount
            if hasRate, plan.keepsAlive {
                connection.pointee.isFirstAttempt = true
                firstAttempts += 1
            }
            startBatch(connection)
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
        let mayBeConnected = connection.pointee.isShakingHands
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
        openCount = 0
        for index in 0..<begunCount {
            let connection = connections + index
            checkDeadline(connection)
            if connection.pointee.fd >= 0, !connection.pointee.isShakingHands { openCount += 1 }
            if connection.pointee.isShakingHands || connection.pointee.phase == .established {
                nextSweep = min(nextSweep, connection.pointee.progressAt + plan.timeout)
            }
        }
        let isWaiting = hasRate ? outstanding > 0 : activeCount > 0
        // Of datagrams some are lost, which tells nothing of those that follow.
        let patience = plan.timeout * (plan.spoken == .udp ? 10 : 1)
        if plan.hasRequestCount, isWaiting, now - lastAnswerAt >= patience { stop(.gaveUp) }
    }

    private mutating func reportProgress(_ onProgress: (LoadProgress) -> Void) {
        if !isMeasuring, isScheduled || !hasRate, now >= startedAt + plan.warmUp { beginMeasuring() }
        let ended = isMeasuring ? interval.next(result, now - measuredFrom) : nil
        onProgress(progress(with: ended))
    }

    private var isMeasuring: Bool { measuredFrom != .max }

    private func progress(with interval: IntervalRecorder.Numbered?) -> LoadProgress {
        var progress = LoadProgress()
        progress.requests = result.requests
        progress.errorTally = result.errors
        progress.isWarmingUp = !isMeasuring
        progress.elapsed = isMeasuring ? now - measuredFrom : startedAt > 0 ? now - startedAt : 0
        progress.connections = openCount
        progress.waiting = backlog.count
        progress.interval = interval?.interval
        progress.intervalIndex = interval?.index ?? 0
        return progress
    }

    private mutating func finish() {
        var unfinished = (plan.hasRequestCount ? requestsLeft : 0) + backlog.count
        for index in 0..<connectionCount {
            let connection = connections + index
            let isListening = connection.pointee.isListening
            unfinished += isListening ? broadcasts.count - connection.pointee.heard : connection.pointee.unanswered
            closeDescriptor(connection)
        }
        result.unfinished = UInt64(unfinished)
    }
}
