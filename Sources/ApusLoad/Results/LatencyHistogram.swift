import Histogram

/// How long the responses took, to three significant digits (an HDR histogram of nanoseconds).
public nonisolated struct LatencyHistogram: Sendable {
    /// Longer latencies count as this: an hour, the longest time-out.
    private static let highest: UInt64 = 3_600_000_000_000

    private var histogram = Histogram<UInt64>(highestTrackableValue: highest)

    /// An empty histogram.
    public init() {}

    /// How many latencies were recorded.
    public var count: UInt64 { histogram.totalCount }

    /// The shortest in nanoseconds, exactly; 0 when there is none.
    var minimum: UInt64 { count == 0 ? 0 : histogram.min }
    /// The longest in nanoseconds, exactly; 0 when there is none.
    var maximum: UInt64 { count == 0 ? 0 : histogram.maxRecorded }

    /// The latency in µs within which `percentile` percent of the responses came; 0 when there are none.
    public func microseconds(atPercentile percentile: Double) -> Double {
        Self.value(atPercentile: percentile, of: buckets(), total: count) / 1000
    }

    /// Latencies that count as the same.
    struct Bucket {
        /// The largest of them, in nanoseconds.
        let highest: Double
        /// What each of them counts as in a mean.
        let middle: Double
        let count: UInt64
    }

    /// What was recorded, from the shortest to the longest. The package's own statistics go through all its buckets
    /// each time, and are not specialised outside of it.
    func buckets() -> [Bucket] {
        var buckets: [Bucket] = []
        for value in histogram.recordedValues() {
            let half = histogram.sizeOfEquivalentRangeForValue(value.value) / 2
            let highest = max(minimum, min(value.value, maximum))
            buckets.append(Bucket(highest: Double(highest), middle: Double(value.value - half), count: value.count))
        }
        return buckets
    }

    /// The percentile in nanoseconds.
    static func value(atPercentile percentile: Double, of buckets: [Bucket], total: UInt64) -> Double {
        // Without the last bit of rounding error, which would reach into the next bucket.
        let share = min(max(percentile.nextDown, 0), 100) / 100
        let rank = max(1, UInt64((share * Double(total)).rounded(.up)))
        var passed: UInt64 = 0
        for bucket in buckets {
            passed += bucket.count
            if passed >= rank { return bucket.highest }
        }
        return buckets.last?.highest ?? 0
    }

    /// Latencies that count as the same: the largest of them in nanoseconds, and how many there are.
    struct Entry: Sendable {
        let value: UInt64
        var count: UInt64

        /// Both lists, which are in order, as one.
        static func merged(_ a: [Entry], _ b: [Entry]) -> [Entry] {
            if a.isEmpty || b.isEmpty { return a + b }
            var merged: [Entry] = []
            merged.reserveCapacity(max(a.count, b.count))
            var (i, j) = (0, 0)
            while i < a.count || j < b.count {
                if j == b.count || (i < a.count && a[i].value < b[j].value) {
                    merged.append(a[i])
                    i += 1
                } else if i == a.count || b[j].value < a[i].value {
                    merged.append(b[j])
                    j += 1
                } else {
                    merged.append(Entry(value: a[i].value, count: a[i].count + b[j].count))
                    (i, j) = (i + 1, j + 1)
                }
            }
            return merged
        }

        /// What `all` has more than `earlier`, an earlier state of it.
        static func difference(_ all: [Entry], _ earlier: [Entry]) -> [Entry] {
            var i = 0
            return all.compactMap { entry in
                guard i < earlier.count, earlier[i].value == entry.value else { return entry }
                i += 1
                let count = entry.count - earlier[i - 1].count
                return count > 0 ? Entry(value: entry.value, count: count) : nil
            }
        }
    }

    /// What was recorded, from the shortest to the longest.
    var entries: [Entry] { histogram.recordedValues().map { Entry(value: $0.value, count: $0.count) } }

    /// Records `count` responses that took that many nanoseconds.
    @inline(__always)
    package mutating func record(nanoseconds: Int64, count: UInt64) {
        histogram.record(min(UInt64(max(nanoseconds, 0)), Self.highest), count: count)
    }

    /// Adds what another histogram holds.
    package mutating func add(_ other: LatencyHistogram) { histogram.add(other.histogram) }
}

// MARK: From process to process

nonisolated extension LatencyHistogram {
    /// Only what was recorded: most of the buckets are empty.
    func encode(into message: inout MessageEncoder) {
        message.append(histogram.min)
        message.append(histogram.maxRecorded)
        let values = histogram.recordedValues().map { ($0.value, $0.count) }
        message.append(UInt64(values.count))
        for (value, count) in values {
            message.append(value)
            message.append(count)
        }
    }

    init?(decoding message: inout MessageDecoder) {
        guard let least = message.unsigned(), let greatest = message.unsigned(), var left = message.unsigned() else {
            return nil
        }
        var isFirst = true
        while left > 0 {
            guard let value = message.unsigned(), var count = message.unsigned(), count > 0 else { return nil }
            if isFirst {
                // The values stand for their buckets; these two restore the exact ends.
                histogram.record(least)
                count -= 1
                isFirst = false
            }
            if count > 0 { histogram.record(min(value, greatest), count: count) }
            left -= 1
        }
    }
}
