import Glibc

nonisolated extension LoadReport {
    /// Halvings of what is left to 100 %, in so many steps each.
    private static let stepsPerHalving = 5.0

    /// The distribution of the latencies in milliseconds, in the format that the plotters of HdrHistogram read.
    public var hgrm: String {
        let buckets = latencies.buckets()
        let total = latencies.count
        var lines = ["       Value     Percentile TotalCount 1/(1-Percentile)", ""]
        var level = 0.0
        var passed: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            passed += bucket.count
            let share = Double(passed) / Double(total) * 100
            let isLast = index == buckets.count - 1
            while share >= level, level < 100 {
                lines.append(Self.line(bucket.highest / 1e6, level, passed))
                let halvings = floor(log2(100 / (100 - level))) + 1
                level += 100 / (Self.stepsPerHalving * exp2(halvings))
                // The rest would be lines of the same value without end.
                if isLast, 100 - level < 100 / Double(total) { break }
            }
            if isLast { lines.append(Self.line(bucket.highest / 1e6, 100, passed)) }
        }
        let summary = latency
        let mean = Self.column(summary.mean / 1000, 12, 3)
        let deviation = Self.column(summary.standardDeviation / 1000, 12, 3)
        lines.append("#[Mean    = \(mean), StdDeviation   = \(deviation)]")
        let max = Self.column(summary.max / 1000, 12, 3)
        lines.append("#[Max     = \(max), Total count    = \(Self.padded(String(total), 12))]")
        lines.append("#[Buckets = \(Self.padded("32", 12)), SubBuckets     = \(Self.padded("2048", 12))]")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ milliseconds: Double, _ percentile: Double, _ count: UInt64) -> String {
        let share = column(percentile / 100, 14, 12)
        let start = "\(column(milliseconds, 12, 3)) \(share) \(padded(String(count), 10))"
        return percentile < 100 ? "\(start) \(column(100 / (100 - percentile), 14, 2))" : start
    }

    private static func column(_ value: Double, _ width: Int, _ decimals: Int) -> String {
        padded(NumberText.fixed(value, decimals: decimals), width)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
