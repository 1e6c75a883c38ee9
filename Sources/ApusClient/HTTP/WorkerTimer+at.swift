import Apus

extension WorkerTimer {
    /// Calls `body` at `time`, in monotonic nanoseconds, but not at once.
    static func at(_ time: Int64, _ body: @escaping @MainActor () -> Void) -> WorkerTimer {
        after(max(0.001, Double(time - EventLoop.now) / 1e9)) { _ in body() }
    }
}
