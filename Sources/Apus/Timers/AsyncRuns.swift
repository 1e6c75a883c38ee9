/// Starts the runs of an `async` body on the loop and keeps them from overlapping, as the policy says.
final class AsyncRuns<Owner: AnyObject> {
    private let policy: OverlapPolicy
    private let body: @MainActor (Owner) async throws -> Void
    private let mayStart: @MainActor (Owner) -> Bool
    private let onError: @MainActor (any Error) -> Void
    private var running = 0
    private var queued = 0

    /// `mayStart` is asked before a queued run: its timer may have been cancelled meanwhile.
    init(
        _ policy: OverlapPolicy, _ body: @escaping @MainActor (Owner) async throws -> Void,
        mayStart: @escaping @MainActor (Owner) -> Bool, onError: @escaping @MainActor (any Error) -> Void
    ) {
        self.policy = policy
        self.body = body
        self.mayStart = mayStart
        self.onError = onError
    }

    /// Runs the body up to its first suspension before it returns, or does what the policy says.
    func start(_ owner: Owner) {
        if running > 0 {
            switch policy {
            case .skip: return
            case .queue:
                queued += 1
                return
            case .overlap: break
            }
        }
        running += 1
        // The preference keeps the task on the loop's thread wherever it resumes: see LoopExecutor. Unit tests have no
        // loop.
        Task.immediate(executorPreference: EventLoop.current?.executor) { @MainActor in await self.run(owner) }
    }

    private func run(_ owner: Owner) async {
        repeat {
            do {
                try await body(owner)
            } catch {
                onError(error)
            }
        } while takeQueued(owner)
        running -= 1
    }

    private func takeQueued(_ owner: Owner) -> Bool {
        if !mayStart(owner) { queued = 0 }
        guard queued > 0 else { return false }
        queued -= 1
        return true
    }
}
