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
        entries.map { entry in
            let half = histogram.sizeOfEquivalentRangeForValue(entry.value) / 2
            let highest = max(minimum, min(entry.value, maximum))
            return Bucket(highest: Double(highest), middle: Double(entry.value - half), count: entry.count)
        }
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

    /// What was recorded, from the shortest to the longest. The package's own list has the sum of all latencies as
    /// well, which fits into no number when many requests have waited for long.
    var entries: [Entry] {
        guard count > 0 else { return [] }
        var entries: [Entry] = []
        var value = histogram.lowestEquivalentForValue(minimum)
        while value <= maximum {
            let count = histogram.countForValue(value)
            value = histogram.nextNonEquivalentForValue(value)
            if count > 0 { entries.append(Entry(value: value - 1, count: count)) }
        }
        return entries
    }

    /// Records `count` responses that took that many nanoseconds.
    @inline(__always)
    package mutating func record(nanoseconds: Int64, count: UInt64) {
        histogram.record(min(UInt64(max(nanoseconds, 0)), Self.highest), count: count)
    }

    private static let scale = LatencyHistogram().histogram

    /// Whether latencies of that many nanoseconds, and shorter ones, count as the same: whether an entry can have it.
    static func isEntry(_ value: UInt64) -> Bool {
        value <= scale.highestEquivalentForValue(highest) && scale.highestEquivalentForValue(value) == value
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
        let entries = entries
        message.append(UInt64(entries.count))
        for entry in entries {
            message.append(entry.value)
            message.append(entry.count)
        }
    }

    /// Nil when it is none, or counts further than anybody does.
    init?(decoding message: inout MessageDecoder) {
        guard let least = message.unsigned(), let greatest = message.unsigned(), var left = message.unsigned(),
            left == 0 || (least <= greatest && greatest <= Self.highest)
        else { return nil }
        var isFirst = true
        while left > 0 {
            guard let value = message.unsigned(), value >= least, var count = message.counted(), count > 0,
                self.count + count <= MessageDecoder.mostCounted
            else { return nil }
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
