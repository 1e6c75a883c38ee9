/// What happened in a part of a run, mostly in one second.
public nonisolated struct LoadInterval: Sendable {
    /// Seconds from the start of the measurement.
    public internal(set) var start: Double
    /// Seconds.
    public internal(set) var duration: Double
    /// Requests that were completed in it.
    public internal(set) var requests: UInt64 = 0
    /// Requests that failed in it.
    public internal(set) var errors: UInt64 = 0
    /// Bytes received in it.
    public internal(set) var bytesReceived: UInt64 = 0
    /// From the shortest to the longest.
    var latencies: [LatencyHistogram.Entry] = []

    init(start: Double, duration: Double) {
        self.start = start
        self.duration = duration
    }

    /// Completed requests per second.
    public var requestsPerSecond: Double { duration > 0 ? Double(requests) / duration : 0 }

    /// The latency in µs within which `percentile` percent of its responses came; 0 when there are none.
    public func microseconds(atPercentile percentile: Double) -> Double {
        let rank = max(1, UInt64((percentile.nextDown / 100 * Double(requests)).rounded(.up)))
        var passed: UInt64 = 0
        for entry in latencies {
            passed += entry.count
            if passed >= rank { return Double(entry.value) / 1000 }
        }
        return latencies.last.map { Double($0.value) / 1000 } ?? 0
    }

    /// Takes in what another process did at the same time, or what came next.
    mutating func include(_ other: LoadInterval) {
        duration = max(duration, other.start + other.duration - start)
        requests += other.requests
        errors += other.errors
        bytesReceived += other.bytesReceived
        latencies = LatencyHistogram.Entry.merged(latencies, other.latencies)
    }
}

/// The intervals of a run, one behind the other.
nonisolated struct LoadTimeline: Sendable {
    /// More are joined in pairs: nobody looks at more points.
    static let mostIntervals = 600

    private(set) var intervals: [LoadInterval] = []
    /// Intervals as they come that are in one of `intervals`.
    private var width = 1

    /// Adds the interval number `index` of one process.
    mutating func add(_ interval: LoadInterval, at index: Int) {
        while index / width >= Self.mostIntervals { join() }
        let place = index / width
        while intervals.count < place {
            intervals.append(LoadInterval(start: Double(intervals.count * width), duration: 0))
        }
        if place == intervals.count {
            intervals.append(interval)
        } else {
            intervals[place].include(interval)
        }
    }

    private mutating func join() {
        width *= 2
        intervals = stride(from: 0, to: intervals.count, by: 2).map { index in
            var pair = intervals[index]
            if index + 1 < intervals.count { pair.include(intervals[index + 1]) }
            return pair
        }
    }
}
