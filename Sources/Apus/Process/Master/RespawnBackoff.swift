/// When the next process of a place may start: at once, unless one after the other fails.
nonisolated struct RespawnBackoff {
    /// This many abnormal ends within `window` make the next start wait.
    static let tolerated = 5
    static let window: Int64 = 10_000_000_000
    static let longest: Int64 = 30_000_000_000
    /// A process that lived this long has shown that it can.
    static let proof: Int64 = 60_000_000_000

    private var ends: [Int64] = []
    private var delay: Int64 = 0
    /// Monotonic nanoseconds; nil when nothing is to be started.
    private(set) var nextStart: Int64?

    /// A process ended; returns how long its successor waits.
    mutating func ended(at now: Int64, lived: Int64, abnormally: Bool) -> Int64 {
        if lived >= Self.proof {
            ends.removeAll()
            delay = 0
        }
        guard abnormally else {
            nextStart = now
            return 0
        }
        ends = ends.filter { now - $0 < Self.window } + [now]
        if ends.count >= Self.tolerated || delay > 0 {
            delay = delay == 0 ? 1_000_000_000 : min(delay * 2, Self.longest)
        }
        nextStart = now + delay
        return delay
    }

    /// The start could not be made; try again after a while.
    mutating func startFailed(at now: Int64) { nextStart = now + 1_000_000_000 }

    /// A process was found missing: start one now.
    mutating func startNow(at now: Int64) { nextStart = now }

    mutating func started() { nextStart = nil }
}
