import Glibc

/// By how much a share of one total is more than that of another, and the interval that this lies in with a confidence
/// of 95 %.
///
/// The interval is made of Wilson's of each share (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10). It
/// holds for shares of nothing and of all as well, if what is counted is independent.
nonisolated struct ShareDifference {
    /// The quantile of the normal distribution for a confidence of 95 %.
    private static let z = 1.959963984540054

    let a: Double
    let b: Double
    let interval: ClosedRange<Double>

    var difference: Double { b - a }

    /// Nil when one of the totals is 0.
    init?(_ a: (count: UInt64, total: UInt64), _ b: (count: UInt64, total: UInt64)) {
        guard a.total > 0, b.total > 0 else { return nil }
        self.a = Double(a.count) / Double(a.total)
        self.b = Double(b.count) / Double(b.total)
        let (ofA, ofB) = (Self.wilson(a.count, a.total), Self.wilson(b.count, b.total))
        let down = hypot(self.b - ofB.lowerBound, ofA.upperBound - self.a)
        let up = hypot(ofB.upperBound - self.b, self.a - ofA.lowerBound)
        interval = (self.b - self.a - down)...(self.b - self.a + up)
    }

    /// Wilson's interval of a single share.
    static func wilson(_ count: UInt64, _ total: UInt64) -> ClosedRange<Double> {
        let n = Double(total)
        let share = Double(count) / n
        let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        let reach = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return min(max(0, middle - reach), share)...max(min(1, middle + reach), share)
    }
}
