/// What a task waits for: over once, by what happens first.
final class STOMPWaiter<Value: Sendable> {
    private var continuation: CheckedContinuation<Value, any Error>?
    private var result: Result<Value, any Error>?
    /// Nobody waits for it any more, or it has happened.
    var isOver: Bool { result != nil }

    init() {}
    nonisolated deinit {}

    /// Waits for `finish`. A cancelled task stops to wait at once.
    func wait() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let result { return continuation.resume(with: result) }
                self.continuation = continuation
            }
        } onCancel: {
            Task { @MainActor in self.finish(.failure(CancellationError())) }
        }
    }

    func finish(_ result: Result<Value, any Error>) {
        guard !isOver else { return }
        self.result = result
        continuation?.resume(with: result)
        continuation = nil
    }
}

extension STOMPWaiter<Void> {
    /// Starts something that ends with an error or without one, and waits for that.
    static func wait(for start: (@escaping @MainActor (STOMPError?) -> Void) -> Void) async throws {
        try Task.checkCancellation()
        let waiter = STOMPWaiter<Void>()
        start { error in waiter.finish(error.map { .failure($0) } ?? .success(())) }
        try await waiter.wait()
    }
}
