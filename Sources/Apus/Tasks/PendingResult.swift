/// What one task waits for: over once, by what happens first.
package final class PendingResult<Value: Sendable> {
    private var continuation: CheckedContinuation<Value, any Error>?
    private var result: Result<Value, any Error>?
    /// Nobody waits for it any more, or it has happened.
    package var isOver: Bool { result != nil }

    package init() {}
    nonisolated deinit {}

    /// Waits for `finish`. A cancelled task stops to wait at once.
    package func wait() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let result { return continuation.resume(with: result) }
                self.continuation = continuation
            }
        } onCancel: {
            EventLoop.soon { self.finish(.failure(CancellationError())) }
        }
    }

    /// False when it was over before.
    @discardableResult
    package func finish(_ result: Result<Value, any Error>) -> Bool {
        guard !isOver else { return false }
        self.result = result
        continuation?.resume(with: result)
        continuation = nil
        return true
    }

    /// Starts something that ends with a result, and waits for that.
    package static func wait<Failure: Error>(
        for start: (@escaping @MainActor (Result<Value, Failure>) -> Void) -> Void
    ) async throws -> Value {
        try Task.checkCancellation()
        let pending = PendingResult()
        start { pending.finish($0.mapError { $0 as any Error }) }
        return try await pending.wait()
    }
}

extension PendingResult<Void> {
    /// The same of what ends with an error or without one.
    package static func wait<Failure: Error>(for start: (@escaping @MainActor (Failure?) -> Void) -> Void) async throws
    {
        try await wait { (finish: @escaping @MainActor (Result<Void, Failure>) -> Void) in
            start { finish($0.map { .failure($0) } ?? .success(())) }
        }
    }
}
