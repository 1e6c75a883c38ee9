import CApus

/// The event loop of a process: it waits for readiness, timers and other threads, and runs what is due, one thing at a
/// time, on the main thread.
///
/// Handlers run on it, so they must not block: everything else of the process waits meanwhile.
public final class EventLoop {
    /// Bytes one read takes at most.
    static let receiveCapacity = 64 * 1024
    /// Bytes of output that are collected at most before they are sent.
    static let outputCapacity = 64 * 1024

    /// The loop of this process.
    @exclusivity(unchecked) public private(set) static var current: EventLoop! = nil

    /// What waits for readiness.
    public let backend: Backend

    /// Timers that wait to fire.
    public var timerCount: Int { timers.count }

    /// Monotonic time in nanoseconds, read once a turn.
    @exclusivity(unchecked) public private(set) final var now: Int64
    /// That of the loop of this process.
    package static var now: Int64 { current.now }
    @exclusivity(unchecked) private final var nextSecond: Int64

    /// One buffer for all connections: parsers read in place, and what is no complete message is moved out.
    let receiveBuffer: UnsafeMutablePointer<UInt8>
    let state: UnsafeMutablePointer<LoopState>
    let timers = TimerHeap()
    let executor: LoopExecutor
    /// What tasks that are started for handlers prefer: they stay on the loop's thread then.
    package var taskExecutor: any TaskExecutor { executor }
    var status: UnsafeMutablePointer<capus_worker_status> { state.pointee.status }

    /// Called with what a callback threw that belongs to no connection, and the callback's name.
    var errorHandler: @MainActor (any Error, String) -> Void = { error, place in Log.write("\(place) failed: \(error)")
    }

    /// How many messages may be received until `onRequestLimit` is called, once.
    @exclusivity(unchecked) var requestLimit = UInt64.max
    /// Some connection's `onError` is told of a message that could not be sent.
    @exclusivity(unchecked) var isReportingFailedSend = false
    var onRequestLimit: @MainActor () -> Void = {}

    /// What `watchRead`, `watchWrite` and `watchSignal` started.
    var userWatches: [Int32: UserWatch] = [:]
    var signalWatches: [Int32: Watch] = [:]

    /// Called when a worker's loop has ended, before its process does.
    package var lastActions: [@MainActor () -> Void] = []

    private let poller: OpaquePointer
    private let wakeupDescriptor: Int32
    @exclusivity(unchecked) private var slots: UnsafeMutablePointer<Slot>
    @exclusivity(unchecked) private var slotCount: Int
    @exclusivity(unchecked) private var lastGeneration: UInt32 = 0
    /// Closed in this turn: kept alive until its end, since events for them may still be in the list.
    @exclusivity(unchecked) private var retired: [Pollable] = []
    /// See `executeInTurn`.
    private var turns: [@MainActor () -> Void] = []
    private static let turnNanoseconds: Int64 = 5_000_000
    /// Seconds until something is watched again for which there was no room.
    static let watchingRetryInterval = 0.1
    private var lastWatchComplaint = Int64.min
    @exclusivity(unchecked) private var deferred: [@MainActor () -> Void] = []
    @exclusivity(unchecked) private var isStopped = false

    private struct Slot {
        var object: Unmanaged<Pollable>?
        var generation: UInt32
    }

    /// Makes the loop of this process. Its status page is `status`, or one of its own.
    init(backend: Backend, status: UnsafeMutablePointer<capus_worker_status>? = nil) throws(SystemError) {
        guard let poller = capus_loop_create(backend.poller) else { throw SystemError.last("create event loop") }
        let wakeup = capus_eventfd_create()
        guard wakeup >= 0 else { throw SystemError("create wake-up descriptor", -wakeup) }
        self.backend = backend
        self.poller = poller
        wakeupDescriptor = wakeup
        executor = LoopExecutor(wakeupDescriptor: wakeup)
        now = capus_monotonic_ns()
        nextSecond = now + 1_000_000_000
        receiveBuffer = .allocate(capacity: Self.receiveCapacity + Int(CAPUS_SCAN_PADDING))
        receiveBuffer.initialize(repeating: 0, count: Self.receiveCapacity + Int(CAPUS_SCAN_PADDING))
        let page = status ?? .allocate(capacity: 1)
        if status == nil { page.initialize(to: capus_worker_status()) }
        state = .allocate(capacity: 1)
        state.initialize(to: LoopState(output: OutputBuffer(capacity: Self.outputCapacity), status: page))
        slotCount = 256
        slots = .allocate(capacity: slotCount)
        slots.initialize(repeating: Slot(object: nil, generation: 0), count: slotCount)
        Self.current = self
        watchWakeups()
    }

    /// Other threads, and the main dispatch queue, reach the loop through a descriptor each.
    private func watchWakeups() {
        let executor = executor
        let descriptor = wakeupDescriptor
        watch(
            Watch(fd: descriptor) {
                capus_eventfd_clear(descriptor)
                executor.collectForeignJobs()
            })
        _ = executor.becomeMainExecutor()
        let mainQueue = capus_main_queue_descriptor()
        if mainQueue >= 0 { watch(Watch(fd: mainQueue) { capus_main_queue_drain() }) }
    }

    // MARK: Watching descriptors

    /// Watches a descriptor that is not watched yet. The loop keeps the object until `unwatch`.
    func watch(_ object: Pollable, for interest: UInt32 = UInt32(CAPUS_READ)) {
        lastGeneration = lastGeneration == .max ? 1 : lastGeneration + 1
        object.generation = lastGeneration
        let index = Int(object.fd)
        if index >= slotCount { growSlots(toHold: index) }
        slots[index] = Slot(object: Unmanaged.passRetained(object), generation: lastGeneration)
        setInterest(object, interest)
    }

    /// Changes what a watched descriptor is watched for.
    func setInterest(_ object: Pollable, _ interest: UInt32) {
        let failure = capus_loop_watch(poller, object.fd, object.generation, interest)
        if failure != 0 { watchingFailed(object, interest, failure) }
    }

    /// Stops watching. Events that are in this turn's list already are not delivered.
    func unwatch(_ object: Pollable) {
        let index = Int(object.fd)
        guard object.generation != 0, slots[index].generation == object.generation else { return }
        _ = capus_loop_watch(poller, object.fd, object.generation, 0)
        if let reference = slots[index].object { retired.append(reference.takeRetainedValue()) }
        slots[index] = Slot(object: nil, generation: 0)
        object.generation = 0
    }

    /// Stops watching, and hands the descriptor over.
    func release(_ object: Pollable) -> Int32 {
        unwatch(object)
        let released = object.fd
        object.fd = -1
        return released
    }

    /// Stops watching whatever watches the descriptor.
    func watchNothing(of fd: Int32) {
        if let object = slots[Int(fd)].object?.takeUnretainedValue() { unwatch(object) }
    }

    /// The kernel's memory, or its limit of watched descriptors, is used up: one object has to do without.
    @inline(never)
    func watchingFailed(_ object: Pollable, _ interest: UInt32, _ failure: Int32) {
        let error = SystemError("watch descriptor \(object.fd)", failure)
        // These are mistakes of whoever made the descriptor, and would not pass.
        let isMistake = [CAPUS_BAD_DESCRIPTOR, CAPUS_FORBIDDEN].contains(Int(failure))
        precondition(!isMistake, "\(error)")
        if lastWatchComplaint == .min || now - lastWatchComplaint > 1_000_000_000 {
            lastWatchComplaint = now
            Log.write("\(error): connections are closed, listeners wait", .error)
        }
        let registration = object.generation
        // Not now: the caller is in the midst of something with it.
        execute { [self] in
            if registration != 0, object.generation == registration {
                object.couldNotBeWatched(for: interest, on: self, failure)
            }
        }
    }

    private func growSlots(toHold index: Int) {
        var count = slotCount
        while count <= index { count *= 2 }
        let grown = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        grown.moveInitialize(from: slots, count: slotCount)
        (grown + slotCount).initialize(repeating: Slot(object: nil, generation: 0), count: count - slotCount)
        slots.deallocate()
        slots = grown
        slotCount = count
    }

    /// Makes the queue of unsent output of a watched descriptor; nil when memory is out.
    func makeOutbound(_ object: Pollable, tls: OpaquePointer?, waits: Bool) -> OpaquePointer? {
        guard let tls else { return capus_outbound_create(poller, object.fd, object.generation) }
        return capus_outbound_create_watched(poller, object.fd, object.generation, tls, waits)
    }

    /// A queue for an object that writes beside it: it is told whenever the descriptor takes more.
    func makeWatchedOutbound(_ object: Pollable, tls: OpaquePointer?) -> OpaquePointer? {
        capus_outbound_create_watched(poller, object.fd, object.generation, tls, true)
    }

    // MARK: TLS handshakes

    /// Handshakes one turn makes at most: they are expensive, and open connections want to stay quick.
    private static let handshakesPerTurn = 8
    @exclusivity(unchecked) private var handshakes = 0
    private var lastComplaint = Int64.min

    /// Whether this turn has time for another step of a handshake.
    func mayShakeHands() -> Bool {
        handshakes += 1
        return handshakes <= Self.handshakesPerTurn
    }

    /// Whether a client that fails its handshake, or speaks another protocol, is worth a line in the log: once a
    /// second.
    func mayComplainOfClient() -> Bool {
        guard lastComplaint == .min || now - lastComplaint > 1_000_000_000 else { return false }
        lastComplaint = now
        return true
    }

    // MARK: Deferring work

    /// Runs `body` after the events of this turn, before the loop waits again.
    public func execute(_ body: @escaping @MainActor () -> Void) { deferred.append(body) }

    /// Runs `body` in a later turn: for work that goes on and on, so that others come in between. So much of it is done
    /// in each turn as there is time for.
    func executeInTurn(_ body: @escaping @MainActor () -> Void) { turns.append(body) }

    /// Runs `body` on the loop soon; may be called from any thread.
    public nonisolated func post(_ body: @escaping @MainActor @Sendable () -> Void) {
        Task(executorPreference: executor) { await body() }
    }

    /// The same; what is called on the loop's thread, as most cancellations of tasks are, makes no detour over others.
    package nonisolated static func soon(_ body: @escaping @MainActor @Sendable () -> Void) {
        guard LoopExecutor.isOnLoop else {
            Task { @MainActor in body() }
            return
        }
        MainActor.assumeIsolated { current.execute(body) }
    }

    // MARK: Running

    /// Runs until `stop()`.
    func run() {
        isStopped = false
        while !isStopped { turn() }
    }

    /// Ends `run()` after this turn.
    func stop() { isStopped = true }

    /// Waits once and runs what became due.
    private func turn() {
        status.pointee.busy_since_ns = 0
        handshakes = 0
        let idle = deferred.isEmpty && !executor.hasJobs && turns.isEmpty
        var events: UnsafePointer<capus_event>?
        let count = capus_loop_poll(poller, idle ? timers.nextDeadline : 0, now, &events)
        precondition(count >= 0, "the event loop cannot wait: \(SystemError("poll", -count))")
        now = capus_monotonic_ns()
        status.pointee.busy_since_ns = UInt64(now)
        if now >= nextSecond { startSecond() }
        if let events {
            for i in 0..<Int(count) { dispatch(events[i]) }
        }
        finishTurn()
    }

    private func dispatch(_ event: capus_event) {
        let slot = slots[Int(event.fd)]
        guard slot.generation == event.generation, let object = slot.object else { return }
        object.takeUnretainedValue().ready(event.flags)
    }

    /// Timers after input and output, then what either of them left to do.
    private func finishTurn() {
        if timers.nextDeadline >= 0, timers.nextDeadline <= now { timers.runDue(now, status) }
        status.pointee.timers = UInt64(timers.count)
        if status.pointee.requests >= requestLimit {
            requestLimit = .max
            onRequestLimit()
        }
        if executor.hasJobs {
            status.pointee.doing = UInt64(CAPUS_DOING_TASK)
            executor.runJobs()
        }
        if !deferred.isEmpty {
            let bodies = deferred
            deferred.removeAll()
            for body in bodies { body() }
        }
        if !turns.isEmpty { continueTurns() }
        if !retired.isEmpty { retired.removeAll(keepingCapacity: true) }
    }

    private func continueTurns() {
        let end = capus_monotonic_ns() + Self.turnNanoseconds
        // Those that have had theirs wait behind the others.
        let count = turns.count
        var done = 0
        repeat {
            let body = turns[done]
            done += 1
            body()
        } while done < count && capus_monotonic_ns() < end
        turns.removeFirst(done)
    }

    private func startSecond() {
        while nextSecond <= now {
            nextSecond += 1_000_000_000
            state.pointee.second &+= 1
        }
        state.pointee.date.refresh()
    }
}
