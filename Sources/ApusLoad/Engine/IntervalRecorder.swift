/// Cuts what happens into intervals of a second: what is counted now, less what was counted when the last one ended. So
/// nothing is counted twice on the way.
nonisolated struct IntervalRecorder {
    struct Numbered {
        let index: Int
        let interval: LoadInterval
    }

    private static let length: Int64 = 1_000_000_000

    private var index = 0
    private var start: Int64 = 0
    private var requests: UInt64 = 0
    private var errors: UInt64 = 0
    private var bytesReceived: UInt64 = 0
    private var latencies: [LatencyHistogram.Entry] = []

    /// The interval that has ended, `elapsed` nanoseconds after the first began.
    mutating func next(_ result: LoadResult, _ elapsed: Int64) -> Numbered? {
        // By the clock, not by the last one: those of several processes lie beside each other.
        guard elapsed >= Int64(index + 1) * Self.length else { return nil }
        return cut(result, elapsed)
    }

    /// What has happened since the last one.
    mutating func last(_ result: LoadResult, _ elapsed: Int64) -> Numbered? {
        elapsed > start ? cut(result, elapsed) : nil
    }

    private mutating func cut(_ result: LoadResult, _ elapsed: Int64) -> Numbered {
        var interval = LoadInterval(start: Double(start) / 1e9, duration: Double(elapsed - start) / 1e9)
        interval.requests = result.requests - requests
        interval.errors = result.errors.total - errors
        interval.bytesReceived = result.bytesReceived - bytesReceived
        let entries = result.latencies.entries
        interval.latencies = LatencyHistogram.Entry.difference(entries, latencies)
        defer {
            index += 1
            start = elapsed
            (requests, errors, bytesReceived) = (result.requests, result.errors.total, result.bytesReceived)
            latencies = entries
        }
        return Numbered(index: index, interval: interval)
    }
}
