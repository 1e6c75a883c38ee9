/// How an outgoing connection is made again, by itself, when it has ended or could not be made.
///
/// Delays grow from attempt to attempt, and begin anew when a connection was established. Part of each is random, so
/// that many clients of a server that comes back do not come at the same moment.
public nonisolated struct ReconnectPolicy: Sendable, Hashable {
    /// Seconds before the first attempt.
    public var firstDelay = 0.5
    /// By what the delay is multiplied for each further attempt.
    public var growth = 2.0
    /// Seconds that no delay exceeds.
    public var maxDelay = 30.0
    /// The share of each delay that is random: 0 for none, 1 for all of it.
    public var jitter = 0.5
    /// Attempts in a row after which it is left at that; nil for never.
    public var maxAttempts: Int?

    /// The defaults of each property.
    public init() {}

    /// Seconds before the attempt that follows `failed` ones in a row. `chance` is between 0 and 1.
    func delay(after failed: Int, chance: Double = .random(in: 0...1)) -> Double {
        var delay = firstDelay
        var rest = failed
        while rest > 0, delay < maxDelay {
            delay *= max(1, growth)
            rest -= 1
        }
        return max(0, min(delay, maxDelay) * (1 - jitter * chance))
    }
}
