/// How quickly one guest may talk: a few messages at once, then so many each second. Who is quicker has to wait, and
/// loses nothing.
nonisolated struct ChatPace {
    private let interval: Int64
    private let burst: Int64
    /// When as many as `burst` may come again. Monotonic nanoseconds.
    private var restedAt: Int64 = 0

    init(perSecond rate: Int, burst: Int) {
        interval = 1_000_000_000 / Int64(rate)
        self.burst = Int64(burst)
    }

    /// Counts a message; returns the seconds that the next one has to wait.
    mutating func take(_ now: Int64) -> Double {
        restedAt = max(restedAt, now) + interval
        return max(0, Double(restedAt - now - burst * interval) / 1e9)
    }
}
