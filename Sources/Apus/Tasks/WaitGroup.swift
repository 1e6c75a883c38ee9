/// Waits until all of several tasks are done.
///
///     let group = WaitGroup()
///     for user in users { group.add { try await tell(user) } }
///     await group.wait()
public final class WaitGroup {
    /// How many are not done.
    public private(set) var count = 0
    private let line = WaitingLine<Void>()

    private struct Over: Error {}

    /// Nothing to wait for yet.
    public init() {}

    nonisolated deinit {}

    /// So many more have to be `done`.
    public func add(_ more: Int = 1) { count += more }

    /// One of them is.
    public func done() {
        precondition(count > 0, "more were done than were added")
        count -= 1
        if count == 0 { while line.hand(()) {} }
    }

    /// Starts a task that is waited for. What it throws is logged.
    public func add(_ body: @escaping @MainActor () async throws -> Void) {
        add()
        Task {
            do {
                try await body()
            } catch {
                Log.write("a task of a WaitGroup failed: \(error)", .error)
            }
            done()
        }
    }

    /// Waits for all, `seconds` at most if they are given. False when they were not done in time, or the task was
    /// cancelled.
    @discardableResult
    public func wait(atMost seconds: Double? = nil) async -> Bool {
        if count == 0 { return true }
        return (try? await line.enter(atMost: seconds, otherwise: Over()).value()) != nil
    }
}
