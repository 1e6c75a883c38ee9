import CApus

/// A timer on the event loop of this process, with a resolution of about a millisecond on the monotonic clock.
///
/// Timers run one at a time between other callbacks. A tick that comes late is not made up for in a burst.
public final class WorkerTimer {
    /// Never 0, and unique within the process.
    public let id: Int
    /// Nanoseconds between ticks; −1 for a timer that fires once.
    let interval: Int64
    /// Where the heap has it; −1 when it does not wait.
    @exclusivity(unchecked) var heapIndex = -1
    /// Nil when it will not be called again: whoever keeps a timer that is over keeps nothing of what it was for, which
    /// may be who keeps it.
    private var body: (@MainActor (WorkerTimer) throws -> Void)?

    @exclusivity(unchecked) private static var lastID = 0

    /// One that does not wait yet.
    package init(interval: Int64, body: @escaping @MainActor (WorkerTimer) throws -> Void) {
        Self.lastID += 1
        id = Self.lastID
        self.interval = interval
        self.body = body
    }

    /// Freed where it is let go of, without asking whether that is the loop's thread: there is nothing to do there.
    nonisolated deinit {}

    private static func start(
        _ delay: Double, repeats: Bool, _ body: @escaping @MainActor (WorkerTimer) throws -> Void
    ) -> WorkerTimer {
        precondition(delay >= 0 && delay.isFinite, "a timer's interval is a number of seconds, not \(delay)")
        precondition(
            EventLoop.current != nil, "a timer needs a running worker: set it in onWorkerStart or a later callback")
        let nanoseconds = Int64(min(delay, 1e9) * 1e9)
        let timer = WorkerTimer(interval: repeats ? nanoseconds : -1, body: body)
        EventLoop.current.timers.add(timer, due: capus_monotonic_ns() + nanoseconds)
        return timer
    }

    /// Calls `body` every `seconds` until it is cancelled. The first call comes after one interval.
    @discardableResult
    public static func every(
        _ seconds: Double, _ body: @escaping @MainActor (WorkerTimer) throws -> Void
    ) -> WorkerTimer {
        start(seconds, repeats: true, body)
    }

    /// Calls `body` once, after `seconds`.
    @discardableResult
    public static func after(
        _ seconds: Double, _ body: @escaping @MainActor (WorkerTimer) throws -> Void
    ) -> WorkerTimer {
        start(seconds, repeats: false, body)
    }

    /// Calls `body` every `seconds` until the timer is cancelled, as a task on the loop. `whileRunning` says what
    /// happens when a tick comes while it still runs. Cancelling the timer does not cancel a run that has begun.
    @discardableResult
    public static func every(
        _ seconds: Double, whileRunning policy: OverlapPolicy = .skip,
        _ body: @escaping @MainActor (WorkerTimer) async throws -> Void
    ) -> WorkerTimer {
        start(seconds, repeats: true, run(body, policy))
    }

    /// Calls `body` once, after `seconds`, as a task on the loop.
    @discardableResult
    public static func after(
        _ seconds: Double, _ body: @escaping @MainActor (WorkerTimer) async throws -> Void
    ) -> WorkerTimer {
        start(seconds, repeats: false, run(body, .skip))
    }

    private static func run(
        _ body: @escaping @MainActor (WorkerTimer) async throws -> Void, _ policy: OverlapPolicy
    ) -> @MainActor (WorkerTimer) -> Void {
        let runs = AsyncRuns(policy, body, mayStart: { $0.isWaiting }, onError: Self.report)
        return { runs.start($0) }
    }

    /// Suspends the task for `seconds` without blocking the process. Throws `CancellationError` when it is cancelled.
    public static func sleep(_ seconds: Double) async throws {
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                sleeper.start(seconds, continuation)
            }
        } onCancel: {
            EventLoop.soon { sleeper.cancel() }
        }
    }

    /// It will fire, unless it is cancelled before.
    public var isWaiting: Bool { heapIndex >= 0 }

    /// Stops the timer. False when it has fired or was cancelled before.
    @discardableResult
    public func cancel() -> Bool {
        guard EventLoop.current.timers.remove(self) else { return false }
        end()
        return true
    }

    /// It does not wait any more.
    func end() { body = nil }

    /// Stops all timers of the process, and its crontabs.
    public static func cancelAll() {
        for job in Crontab.all { job.destroy() }
        EventLoop.current.timers.removeAll()
    }

    func fire() {
        guard let body else { return }
        if !isWaiting { end() }
        do {
            try body(self)
        } catch {
            Self.report(error)
        }
    }

    private static func report(_ error: any Error) { EventLoop.current.errorHandler(error, "timer") }
}

/// `WorkerTimer` under the name that Workerman gives it. Say `Apus.Timer` where Foundation is imported too.
public typealias Timer = WorkerTimer

/// One `WorkerTimer.sleep`: resumed once, by its timer or by cancellation.
private final class Sleeper {
    private var continuation: CheckedContinuation<Void, any Error>?
    private var timer: WorkerTimer?
    private var isCancelled = false

    func start(_ seconds: Double, _ continuation: CheckedContinuation<Void, any Error>) {
        if isCancelled || Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        self.continuation = continuation
        timer = WorkerTimer.after(seconds) { [weak self] _ in self?.finish(nil) }
    }

    func cancel() {
        isCancelled = true
        timer?.cancel()
        finish(CancellationError())
    }

    private func finish(_ error: (any Error)?) {
        guard let continuation else { return }
        self.continuation = nil
        if let error { continuation.resume(throwing: error) } else { continuation.resume() }
    }
}
