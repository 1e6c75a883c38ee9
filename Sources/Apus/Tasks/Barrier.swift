/// Lets tasks go on when so many of them have come.
public final class Barrier {
    private let parties: Int
    private var line = WaitingLine<Void>()

    private struct Over: Error {}

    /// A barrier that opens when `parties` tasks wait, and closes again behind them.
    public init(_ parties: Int) {
        precondition(parties > 0, "a barrier waits for one task at least, not \(parties)")
        self.parties = parties
    }

    nonisolated deinit {}

    /// How many have come and wait.
    public var waitingCount: Int { line.count }

    /// Waits for the others, `seconds` at most if they are given. False when they have not come in time, or the task
    /// was cancelled: it does not count any more then.
    @discardableResult
    public func wait(atMost seconds: Double? = nil) async -> Bool {
        guard line.count + 1 < parties else {
            while line.hand(()) {}
            return true
        }
        return (try? await line.enter(atMost: seconds, otherwise: Over()).value()) != nil
    }
}
