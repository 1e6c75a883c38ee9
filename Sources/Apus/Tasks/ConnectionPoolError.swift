/// Why a `ConnectionPool` gives or takes no connection.
public nonisolated enum ConnectionPoolError: Error, Sendable, Hashable, CustomStringConvertible {
    /// All connections were in use, or being made, for as long as a task may wait: so many seconds.
    case timedOut(after: Double)
    /// As many tasks as may wait do so already.
    case tooManyWaiting(Int)
    /// The connection that was put back is not one of this pool's.
    case foreignConnection
    /// The connection that was put back is not in use: it was put back before.
    case notInUse
    /// The pool was closed.
    case closed

    /// One line for the log.
    public var description: String {
        switch self {
        case .timedOut(let seconds):
            "no connection of the pool became free within \(seconds) s: allow more of them, or hold them for less long"
        case .tooManyWaiting(let count): "\(count) tasks wait for a connection of the pool already"
        case .foreignConnection: "the connection is not one of this pool's"
        case .notInUse: "the connection was put back into the pool before"
        case .closed: "the pool was closed"
        }
    }
}
