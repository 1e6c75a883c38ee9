/// Runs functions at the same time, so many at most, and keeps what each of them returns or throws.
///
///     let parallel = Parallel<Int>(concurrency: 10)
///     for url in urls { parallel.add { try await size(of: url) } }
///     let sizes = await parallel.wait()
public final class Parallel<Value> {
    private let concurrency: Int
    private var functions: [@MainActor () async throws -> Value] = []
    private var keys: [String] = []
    private var outcomes: [Result<Value, any Error>?] = []
    private var next = 0
    private var tasks: [Int: Task<Void, Never>] = [:]
    private let group = WaitGroup()

    /// `concurrency`: how many run at the same time; all unless given.
    public init(concurrency: Int = .max) { self.concurrency = max(1, concurrency) }

    nonisolated deinit {}

    /// Adds a function, by the number of those before it unless it has a key of its own. It runs when `wait` is called.
    public func add(_ key: String? = nil, _ body: @escaping @MainActor () async throws -> Value) {
        keys.append(key ?? "\(functions.count)")
        functions.append(body)
        outcomes.append(nil)
    }

    /// Runs all, and returns what became of each, in the order they were added. When the task is cancelled those that
    /// run are, too, and the others do not begin.
    @discardableResult
    public func wait() async -> [Result<Value, any Error>] {
        while next < functions.count, tasks.count < concurrency { start() }
        _ = await withTaskCancellationHandler {
            await group.wait()
        } onCancel: {
            EventLoop.soon { self.cancel() }
        }
        // What was cancelled ends, all the same.
        while group.count > 0 { _ = await Task { await group.wait() }.value }
        return outcomes.map { $0 ?? .failure(CancellationError()) }
    }

    private func start() {
        let index = next
        next += 1
        group.add()
        tasks[index] = Task {
            do {
                outcomes[index] = .success(try await functions[index]())
            } catch {
                outcomes[index] = .failure(error)
            }
            tasks[index] = nil
            if next < functions.count { start() }
            group.done()
        }
    }

    private func cancel() {
        next = functions.count
        for task in tasks.values { task.cancel() }
    }

    /// What was returned, by key.
    public var results: [String: Value] {
        Dictionary(
            zip(keys, outcomes).compactMap { key, outcome in
                if case .success(let value) = outcome { (key, value) } else { nil }
            }, uniquingKeysWith: { $1 })
    }

    /// What was thrown, by key.
    public var errors: [String: any Error] {
        Dictionary(
            zip(keys, outcomes).compactMap { key, outcome in
                if case .failure(let error) = outcome { (key, error) } else { nil }
            }, uniquingKeysWith: { $1 })
    }
}
