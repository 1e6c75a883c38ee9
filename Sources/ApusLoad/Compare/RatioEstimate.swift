import Glibc

/// How many times one quantity is another, of which there are samples each, and the interval that this lies in with a
/// confidence of 95 %.
///
/// The interval is that of Welch's t-test (B. L. Welch, Biometrika 34, 1947), which supposes no equal variances, on
/// logarithms: the difference of two logarithms is that of a ratio. It holds for few samples, down to two of each side,
/// if they are independent and their logarithms about normally distributed.
nonisolated struct RatioEstimate {
    static let confidence = 0.95
    /// An interval with ends this far apart tells nothing.
    private static let widest = 1e6

    /// What stands for the samples of each side.
    let a: Double
    let b: Double
    /// Of `ratio`; nil when there are less samples than `leastSamples` on a side, or they tell nothing.
    let interval: ClosedRange<Double>?

    /// How many times the first is the second.
    var ratio: Double { b / a }

    init(_ a: LogCenter, _ b: LogCenter, leastSamples: Int = 2) {
        self.a = exp(a.value)
        self.b = exp(b.value)
        guard min(a.count, b.count) >= max(2, leastSamples) else {
            interval = nil
            return
        }
        let variance = a.variance + b.variance
        let parts = [a, b].reduce(0) { $0 + $1.variance * $1.variance / Double($1.count - 1) }
        let degrees = parts > 0 ? variance * variance / parts : Double(a.count + b.count - 2)
        let reach = StudentDistribution.quantile(confidence: Self.confidence, degrees: degrees) * sqrt(variance)
        let difference = b.value - a.value
        interval = exp(2 * reach) < Self.widest ? exp(difference - reach)...exp(difference + reach) : nil
    }
}
