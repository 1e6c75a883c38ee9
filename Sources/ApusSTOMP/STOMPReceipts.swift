import Apus

/// What waits for the broker to confirm, oldest first.
@MainActor final class STOMPReceipts {
    typealias Completion = @MainActor (STOMPError?) -> Void

    private var waiting: [String: Completion] = [:]
    /// In the order in which they are due, in monotonic nanoseconds; those that are over are left until their turn.
    private var order: [(id: String, deadline: Int64)] = []
    private var start = 0
    private var lastID = 0
    private var timer: WorkerTimer?
    private let seconds: Double

    init(timeout seconds: Double) { self.seconds = seconds }

    isolated deinit { timer?.cancel() }

    var count: Int { waiting.count }
    /// What has waited longest.
    var oldestID: String? { start < order.count ? order[start].id : nil }

    func makeID() -> String {
        lastID += 1
        return "receipt-\(lastID)"
    }

    func add(_ id: String, _ completion: @escaping Completion) {
        let deadline = EventLoop.current.now + Int64(seconds * 1e9)
        waiting[id] = completion
        order.append((id, deadline))
        setTimer()
    }

    /// False when nobody waits for it.
    @discardableResult
    func finish(_ id: String, _ error: STOMPError?) -> Bool {
        guard let item = waiting.removeValue(forKey: id) else { return false }
        dropFinished()
        item(error)
        return true
    }

    func failAll(_ error: STOMPError) {
        let all = order[start...].compactMap { waiting.removeValue(forKey: $0.id) }
        order = []
        start = 0
        for item in all { item(error) }
    }

    private func dropFinished() {
        while start < order.count, waiting[order[start].id] == nil { start += 1 }
        if start == order.count || start >= 1024, start * 2 >= order.count {
            order.removeFirst(start)
            start = 0
        }
    }

    private func setTimer() {
        guard timer == nil, start < order.count else { return }
        let pause = Double(order[start].deadline - EventLoop.current.now) / 1e9
        timer = WorkerTimer.after(max(0, pause)) { [weak self] _ in self?.timeOut() }
    }

    private func timeOut() {
        timer = nil
        let now = EventLoop.current.now
        while start < order.count, order[start].deadline <= now { finishFirst() }
        setTimer()
    }

    private func finishFirst() {
        if !finish(order[start].id, .timedOut) { dropFinished() }
    }
}
