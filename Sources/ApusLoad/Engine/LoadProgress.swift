/// How far a run has come.
public nonisolated struct LoadProgress: Sendable {
    /// Requests answered so far.
    public var requests: UInt64 = 0
    /// Errors so far.
    public var errors: UInt64 = 0
    /// Nanoseconds since the start.
    public var elapsed: Int64 = 0

    /// The interval that has just ended, and its number.
    package var interval: LoadInterval?
    package var intervalIndex = 0

    package init() {}
}
