/// The latencies of a run in a few figures, in microseconds.
public nonisolated struct LatencySummary: Sendable, Equatable {
    /// The percentiles that are reported, with their names in the JSON report.
    public static let percentiles: [(name: String, percentile: Double)] = [
        ("p50", 50), ("p75", 75), ("p90", 90), ("p99", 99), ("p999", 99.9), ("p9999", 99.99),
        ("p99999", 99.999),
    ]

    /// The shortest.
    public let min: Double
    /// The mean.
    public let mean: Double
    /// The standard deviation.
    public let standardDeviation: Double
    /// The longest.
    public let max: Double
    /// The values at `LatencySummary.percentiles`, in their order.
    public let values: [Double]

    init(_ histogram: LatencyHistogram) {
        let buckets = histogram.buckets()
        let total = Double(Swift.max(histogram.count, 1))
        let mean = buckets.reduce(0) { $0 + $1.middle * Double($1.count) } / total
        let variance = buckets.reduce(0) { $0 + ($1.middle - mean) * ($1.middle - mean) * Double($1.count) } / total
        min = Double(histogram.minimum) / 1000
        self.mean = mean / 1000
        standardDeviation = variance.squareRoot() / 1000
        max = Double(histogram.maximum) / 1000
        values = Self.percentiles.map {
            LatencyHistogram.value(atPercentile: $0.percentile, of: buckets, total: histogram.count) / 1000
        }
    }
}
