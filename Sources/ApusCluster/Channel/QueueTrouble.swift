/// How often in a row no items could be taken from a queue, and what was told of it.
struct QueueTrouble {
    /// Seconds until it is tried again, which grow.
    private static let shortestPause = 0.1
    private static let longestPause = 2.0

    private var failures = 0
    private var told: ClusterError?

    /// Items can be taken again.
    mutating func isOver() { self = QueueTrouble() }

    /// Whether nobody was told of this one yet.
    mutating func isNew(_ error: ClusterError) -> Bool {
        defer { told = error }
        return error != told
    }

    /// Seconds to wait for, after one more failure.
    mutating func pause() -> Double {
        defer { failures += 1 }
        return min(Self.longestPause, Self.shortestPause * Double(1 << min(failures, 5)))
    }
}
