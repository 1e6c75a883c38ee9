/// The latencies of a run in a few figures, in microseconds.
public nonisolated struct LatencySummary: Sendable, Equatable {
    /// The percentiles that are reported, with their names in the JSON report.
    public static let percentiles: [(name: String, percentile: Double)] = [
        ("p50", 50), ("p75", 75), ("p90", 90), ("p99", 99), ("p999", 99.9), ("p9999", 99.99),
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
        min = histogram.minimum
        mean = histogram.mean
        standardDeviation = histogram.standardDeviation
        max = histogram.maximum
        values = Self.percentiles.map { histogram.microseconds(atPercentile: $0.percentile) }
    }
}
