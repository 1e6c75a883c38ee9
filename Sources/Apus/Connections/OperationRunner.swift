/// A task that runs the `async` operations of handlers, one after the other. Making a task costs more than twice as
/// much as waking one, so those that are done wait for the next operation.
final class OperationRunner {
    private unowned(unsafe) let pool: OperationRunners
    private var connection: StreamConnection?
    private var operation: (@MainActor () async throws -> Void)?
    private var continuation: UnsafeContinuation<Void, Never>?
    private var task: Task<Void, Never>?
    private var isCancelled = false
    /// The connection's next message waits until the operation ends.
    var holdsMessages = false

    init(pool: OperationRunners) { self.pool = pool }

    /// Runs an operation for a connection; begins at the end of this turn of the loop.
    func start(_ connection: StreamConnection, _ operation: @escaping @MainActor () async throws -> Void) {
        self.connection = connection
        self.operation = operation
        if let continuation {
            self.continuation = nil
            continuation.resume()
        } else {
            // The preference keeps the task on the loop's thread wherever it resumes: see LoopExecutor.
            task = Task.immediate(executorPreference: pool.executor) { @MainActor in await self.serve() }
        }
    }

    /// Cancels the operation. A cancelled task stays cancelled, so it serves no other one.
    func cancel() {
        isCancelled = true
        task?.cancel()
    }

    private func serve() async {
        while connection != nil {
            await perform()
            guard !isCancelled, pool.park(self) else { break }
            await withUnsafeContinuation { continuation in self.continuation = continuation }
        }
        task = nil
    }

    /// In a function of its own: nothing of the connection stays alive while the task waits for the next one.
    private func perform() async {
        guard let connection, let operation else { return }
        do {
            try await operation()
        } catch {
            if !isCancelled { connection.operationFailed(error) }
        }
        self.connection = nil
        self.operation = nil
        connection.operationEnded(self)
    }
}

/// The runners of this process' loop that wait for an operation.
final class OperationRunners {
    static let shared = OperationRunners(executor: EventLoop.current.executor)

    /// More than this many do not wait; they end.
    private static let mostIdle = 256

    let executor: LoopExecutor
    @exclusivity(unchecked) private var idle: [OperationRunner] = []

    private init(executor: LoopExecutor) { self.executor = executor }

    func next() -> OperationRunner { idle.popLast() ?? OperationRunner(pool: self) }

    /// False when enough wait already.
    func park(_ runner: OperationRunner) -> Bool {
        guard idle.count < Self.mostIdle else { return false }
        idle.append(runner)
        return true
    }
}
