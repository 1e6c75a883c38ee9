/// A stretch of time in which the clocks of a zone are the same number of seconds ahead of UTC.
nonisolated struct ZonePeriod: Sendable, Hashable {
    /// Unix time when it begins; `distantPast` when it has no beginning.
    var start: Int
    /// Unix time when the next one begins; `distantFuture` when it has no end.
    var end: Int
    /// Seconds ahead of UTC, negative west of Greenwich.
    var offset: Int
    /// That of the period before.
    var previousOffset: Int

    /// Far enough away, and near enough to be calculated with.
    static let distantPast = Int.min / 4
    static let distantFuture = Int.max / 4

    /// A time that can be calculated with; beyond 35 million years nobody knows better.
    static func bounded(_ time: Int) -> Int { min(max(time, -(1 << 50)), 1 << 50) }
}
