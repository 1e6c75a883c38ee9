import Apus

/// Bounds how many connections of their own the tasks of one client have at the same time.
final class ConnectionLeases {
    private let limit: Int
    private var taken = 0
    private var waiters: [PendingResult<Void>] = []
    private var isClosed = false

    init(_ limit: Int) { self.limit = max(1, limit) }

    nonisolated deinit {}

    /// Returns when one more may be made. Throws when none becomes free within so many seconds.
    func take(within seconds: Double) async throws {
        try Task.checkCancellation()
        guard !isClosed else { throw RedisError.closed }
        if taken < limit {
            taken += 1
            return
        }
        let waiter = PendingResult<Void>()
        waiters.append(waiter)
        let timer = WorkerTimer.after(seconds) { _ in
            waiter.finish(.failure(RedisError.unavailable("all connections of the client are in use")))
        }
        defer {
            timer.cancel()
            waiters.removeAll { $0 === waiter }
        }
        try await waiter.wait()
    }

    func giveBack() {
        while !waiters.isEmpty {
            // It takes the place over.
            if waiters.removeFirst().finish(.success(())) { return }
        }
        taken -= 1
    }

    func close() {
        isClosed = true
        for waiter in waiters { waiter.finish(.failure(RedisError.closed)) }
    }
}
