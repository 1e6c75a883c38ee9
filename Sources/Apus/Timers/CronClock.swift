import CApus

/// What a crontab knows of time: the calendar's, the loop's, and how to be called later.
package protocol CronClock: AnyObject {
    /// Nanoseconds since 1970-01-01 00:00 UTC; whoever sets the clock makes it jump.
    var wallTime: Int64 { get }
    /// Nanoseconds that only pass.
    var monotonicTime: Int64 { get }
    /// Calls `body` once, after `seconds`. What it returns cancels that.
    func after(_ seconds: Double, _ body: @escaping @MainActor () -> Void) -> @MainActor () -> Void
}

/// That of the system, with the timers of this process' loop.
final class LoopClock: CronClock {
    static let shared = LoopClock()

    var wallTime: Int64 { capus_wall_ns() }
    var monotonicTime: Int64 { capus_monotonic_ns() }

    func after(_ seconds: Double, _ body: @escaping @MainActor () -> Void) -> @MainActor () -> Void {
        let timer = WorkerTimer.after(seconds) { _ in body() }
        return { timer.cancel() }
    }
}
