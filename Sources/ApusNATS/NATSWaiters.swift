import Apus

/// Who waits for something that the server, or somebody behind it, is to say.
final class NATSWaiters {
    typealias Completion = @MainActor (Result<NATSMessage?, NATSError>) -> Void

    private struct Waiter {
        /// What was asked has left this process.
        var isSent: Bool
        let timer: WorkerTimer
        let completion: Completion
    }

    private var waiters: [Int: Waiter] = [:]
    private var lastID = 0
    /// Called with those whose time is over, and what they asked for may not have been sent.
    var onGivenUp: @MainActor (Int) -> Void = { _ in }
    /// Why there is no connection.
    var reason: @MainActor () -> String = { "" }

    nonisolated deinit {}

    func add(timeout seconds: Double, _ completion: @escaping Completion) -> Int {
        lastID += 1
        let id = lastID
        let timer = WorkerTimer.after(seconds) { [weak self] _ in self?.timeOut(id, seconds) }
        waiters[id] = Waiter(isSent: false, timer: timer, completion: completion)
        return id
    }

    func contains(_ id: Int) -> Bool { waiters[id] != nil }

    func markSent(_ id: Int) { waiters[id]?.isSent = true }

    func finish(_ id: Int, _ result: Result<NATSMessage?, NATSError>) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        waiter.timer.cancel()
        waiter.completion(result)
    }

    private func timeOut(_ id: Int, _ seconds: Double) {
        guard let waiter = waiters[id] else { return }
        onGivenUp(id)
        finish(id, .failure(waiter.isSent ? .timedOut(seconds) : .unavailable(reason())))
    }

    /// The connection is gone: of those whose question was sent nobody knows.
    func failSent(_ error: NATSError) {
        for id in ids where waiters[id]?.isSent == true { finish(id, .failure(error)) }
    }

    func failAll(_ error: NATSError) { for id in ids { finish(id, .failure(error)) } }

    /// In the order they came.
    private var ids: [Int] { waiters.keys.sorted() }
}
