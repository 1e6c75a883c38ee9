import CApus

/// A timer on the event loop of this process, with a resolution of about a millisecond on the monotonic clock.
///
/// Timers run one at a time between other callbacks. A tick that comes late is not made up for in a burst.
public final class WorkerTimer {
    /// Never 0, and unique within the process.
    public let id: Int
    /// Monotonic nanoseconds.
    var deadline: Int64
    /// Nanoseconds between ticks; −1 for a timer that fires once.
    let interval: Int64
    var sequence: UInt64 = 0
    var heapIndex = -1
    private let body: @MainActor (WorkerTimer) throws -> Void

    private static var lastID = 0

    private init(delay: Double, repeats: Bool, body: @escaping @MainActor (WorkerTimer) throws -> Void) {
        precondition(delay >= 0 && delay.isFinite, "a timer's interval is a number of seconds, not \(delay)")
        guard let loop = EventLoop.current else {
            preconditionFailure("a timer needs a running worker: set it in onWorkerStart or a later callback")
        }
        Self.lastID += 1
        id = Self.lastID
        let nanoseconds = Int64(min(delay, 1e9) * 1e9)
        interval = repeats ? nanoseconds : -1
        deadline = capus_monotonic_ns() + nanoseconds
        self.body = body
        loop.timers.add(self)
    }

    /// Calls `body` every `seconds` until it is cancelled. The first call comes after one interval.
    @discardableResult
    public static func every(
        _ seconds: Double, _ body: @escaping @MainActor (WorkerTimer) throws -> Void
    ) -> WorkerTimer {
        WorkerTimer(delay: seconds, repeats: true, body: body)
    }

    /// Calls `body` once, after `seconds`.
    @discardableResult
    public static func after(
        _ seconds: Double, _ body: @escaping @MainActor (WorkerTimer) throws -> Void
    ) -> WorkerTimer {
        WorkerTimer(delay: seconds, repeats: false, body: body)
    }

    /// Calls `body` every `seconds` until the timer is cancelled, as a task on the loop. `whileRunning` says what
    /// happens when a tick comes while it still runs. Cancelling the timer does not cancel a run that has begun.
    @discardableResult
    public static func every(
        _ seconds: Double, whileRunning policy: OverlapPolicy = .skip,
        _ body: @escaping @MainActor (WorkerTimer) async throws -> Void
    ) -> WorkerTimer {
        WorkerTimer(delay: seconds, repeats: true, body: run(body, policy))
    }

    /// Calls `body` once, after `seconds`, as a task on the loop.
    @discardableResult
    public static func after(
        _ seconds: Double, _ body: @escaping @MainActor (WorkerTimer) async throws -> Void
    ) -> WorkerTimer {
        WorkerTimer(delay: seconds, repeats: false, body: run(body, .skip))
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
            Task { await sleeper.cancel() }
        }
    }

    /// It will fire, unless it is cancelled before.
    public var isWaiting: Bool { heapIndex >= 0 }

    /// Stops the timer. False when it has fired or was cancelled before.
    @discardableResult
    public func cancel() -> Bool {
        EventLoop.current.timers.remove(self)
    }

    /// Stops all timers of the process, and its crontabs.
    public static func cancelAll() {
        for job in Crontab.all { job.destroy() }
        EventLoop.current.timers.removeAll()
    }

    func fire() {
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
