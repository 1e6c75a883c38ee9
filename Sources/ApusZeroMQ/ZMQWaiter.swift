import Apus

/// What a task waits for: over once, by what happens first.
final class ZMQWaiter<Value: Sendable> {
    private var continuation: CheckedContinuation<Value, any Error>?
    private var result: Result<Value, any Error>?
    /// Nobody waits for it any more, or it has happened.
    var isOver: Bool { result != nil }

    init() {}
    nonisolated deinit {}

    /// Waits for `finish`. A cancelled task stops to wait at once; `onCancel` is called then.
    func wait(onCancel: @escaping @MainActor @Sendable () -> Void = {}) async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let result { return continuation.resume(with: result) }
                self.continuation = continuation
            }
        } onCancel: {
            EventLoop.soon {
                guard !self.isOver else { return }
                self.finish(.failure(CancellationError()))
                onCancel()
            }
        }
    }

    func finish(_ result: Result<Value, any Error>) {
        guard !isOver else { return }
        self.result = result
        continuation?.resume(with: result)
        continuation = nil
    }
}
