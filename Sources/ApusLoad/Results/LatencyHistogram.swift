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

    /// The shortest in µs, exactly; 0 when there is none.
    public var minimum: Double { count == 0 ? 0 : Double(histogram.min) / 1000 }
    /// The longest in µs, exactly; 0 when there is none.
    public var maximum: Double { count == 0 ? 0 : Double(histogram.maxRecorded) / 1000 }
    /// The mean in µs.
    public var mean: Double { histogram.mean / 1000 }
    /// The standard deviation in µs.
    public var standardDeviation: Double { histogram.stdDeviation / 1000 }

    /// The latency in µs within which `percentile` percent of the responses came.
    public func microseconds(atPercentile percentile: Double) -> Double {
        Double(histogram.valueAtPercentile(percentile)) / 1000
    }

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
