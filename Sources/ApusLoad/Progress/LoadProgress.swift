/// How far a run has come.
public nonisolated struct LoadProgress: Sendable {
    /// One of the rates that are put on one after the other.
    public struct Step: Sendable, Equatable {
        /// Which one, from 1.
        public let number: Int
        /// How many there are.
        public let count: Int
        /// Requests a second.
        public let rate: Double
    }

    /// Requests answered so far.
    public var requests: UInt64 = 0
    /// Errors so far.
    public var errors: UInt64 { errorTally.total }
    /// Nanoseconds since the measurement began; before that, since the load began.
    public var elapsed: Int64 = 0
    /// The measurement has not begun: connections are opened, or the load is warming up.
    public var isWarmingUp = false
    /// Connections that are open, with all their handshakes.
    public var connections = 0
    /// Requests of a load with a rate that are due and have no free connection.
    public var waiting = 0
    /// Which rate it is, where there are several.
    public var step: Step?

    package var errorTally = ErrorTally()
    /// The interval that has just ended, and its number.
    package var interval: LoadInterval?
    package var intervalIndex = 0

    package init() {}

    /// Whether it can have come to so much since: nothing is counted back, but for what was not measured yet.
    func isContinued(requests: UInt64, errors: UInt64) -> Bool {
        isWarmingUp || (requests >= self.requests && errors >= self.errors)
    }
}
