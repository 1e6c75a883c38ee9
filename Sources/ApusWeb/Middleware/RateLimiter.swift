/// A bucket of tokens for each client, kept as one number: when the bucket will be full again.
final class RateLimiter {
    /// Of so many clients at least the last are remembered, of twice as many at most: a flood of addresses takes a few
    /// megabytes, and has those forgotten that were not seen for longest.
    private let mostRecent: Int
    /// Nanoseconds in which a token comes.
    private let interval: Int64
    /// Nanoseconds in which an empty bucket is filled.
    private let capacity: Int64
    private let clock: @MainActor () -> Int64
    /// By the hash of the client's key, which is seeded anew in each process; keys may be long.
    private var recent: [Int: Int64] = [:]
    private var earlier: [Int: Int64] = [:]

    init(
        requests: Int, per seconds: Double, burst: Int, mostRecent: Int = 32_768,
        clock: @escaping @MainActor () -> Int64
    ) {
        precondition(requests > 0 && burst > 0, "a limit is one request or more")
        precondition(seconds > 0 && seconds <= 1e6, "a limit is per so many seconds")
        interval = max(1, Int64(seconds * 1e9 / Double(requests)))
        let capacity = interval.multipliedReportingOverflow(by: Int64(burst))
        precondition(!capacity.overflow && capacity.partialValue < .max / 4, "a burst is smaller")
        self.capacity = capacity.partialValue
        self.mostRecent = mostRecent
        self.clock = clock
    }

    nonisolated deinit {}

    /// Takes a token of a client. Without one, returns the seconds after which there will be one again.
    func take(_ client: String) -> Int? {
        var hasher = Hasher()
        hasher.combine(client)
        let key = hasher.finalize()
        let now = clock()
        let fullAt = max(recent[key] ?? earlier[key] ?? now, now)
        let missing = fullAt + interval - now - capacity
        remember(key, missing > 0 ? fullAt : fullAt + interval)
        return missing > 0 ? Int((missing + 999_999_999) / 1_000_000_000) : nil
    }

    private func remember(_ key: Int, _ fullAt: Int64) {
        if recent.count >= mostRecent, recent[key] == nil {
            earlier = recent
            recent = [:]
        }
        recent[key] = fullAt
    }

    /// How many clients are remembered.
    var count: Int { recent.count + earlier.count }
}
