import Apus

/// Bounds how many connections of their own the tasks of one client have at the same time.
final class ConnectionLeases {
    private let limit: Int
    private var taken = 0
    private var waiters: [LeaseWaiter] = []
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
        let waiter = LeaseWaiter()
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

private final class LeaseWaiter {
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var result: Result<Void, any Error>?

    nonisolated deinit {}

    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if let result { return continuation.resume(with: result) }
                self.continuation = continuation
            }
        } onCancel: {
            Task { @MainActor in self.finish(.failure(CancellationError())) }
        }
    }

    /// False when it was over before.
    @discardableResult
    func finish(_ result: Result<Void, any Error>) -> Bool {
        guard self.result == nil else { return false }
        self.result = result
        continuation?.resume(with: result)
        continuation = nil
        return true
    }
}
