import Glibc

/// The logarithm of what stands for some samples, and how well it is known.
nonisolated struct LogCenter {
    let value: Double
    let variance: Double
    let count: Int

    /// Of the geometric mean, for what varies by factors, as latencies do: the mean of the logarithms, with its
    /// variance. Nil when there are none, or not all are more than 0.
    init?(ofGeometricMean samples: [Double]) {
        guard let (mean, variance) = Self.mean(samples.map(log)), samples.allSatisfy({ $0 > 0 }) else { return nil }
        value = mean
        self.variance = variance
        count = samples.count
    }

    /// Of the arithmetic mean, for rates, of which one may be 0 and the sum counts: its variance follows from that of
    /// the mean by the delta method. Nil when there are none, or all are 0.
    init?(ofMean samples: [Double]) {
        guard let (mean, variance) = Self.mean(samples), mean > 0 else { return nil }
        value = log(mean)
        self.variance = variance / (mean * mean)
        count = samples.count
    }

    /// The mean, and the variance that it has as the samples vary.
    private static func mean(_ samples: [Double]) -> (Double, Double)? {
        guard !samples.isEmpty else { return nil }
        let count = Double(samples.count)
        let mean = samples.reduce(0, +) / count
        let squares = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, samples.count > 1 ? squares / (count - 1) / count : 0)
    }
}
