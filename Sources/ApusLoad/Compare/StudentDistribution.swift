import Glibc

/// Student's t-distribution, also with a fraction of degrees of freedom, as Welch's test has them.
nonisolated enum StudentDistribution {
    /// From here on it is the normal distribution, to as many digits as anybody needs.
    private static let mostDegrees = 1e5

    /// How far to both sides of the middle the share `confidence` of the distribution lies.
    static func quantile(confidence: Double, degrees: Double) -> Double {
        let degrees = min(degrees, mostDegrees)
        var (low, high) = (0.0, 1.0)
        while outside(high, degrees) > 1 - confidence { high *= 2 }
        while high - low > 1e-12 * high {
            let middle = (low + high) / 2
            if outside(middle, degrees) > 1 - confidence { low = middle } else { high = middle }
            if middle == low, middle == high { break }
        }
        return (low + high) / 2
    }

    /// The share that lies farther than `t` from the middle.
    static func outside(_ t: Double, _ degrees: Double) -> Double {
        incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
    }

    /// The regularized incomplete beta function (DLMF 8.17).
    private static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction below converges fast on this side; the other one follows by symmetry.
        if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
        let factor = exp(a * log(x) + b * log(1 - x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a
        return factor / continuedFraction(x, a, b)
    }

    /// The denominator of DLMF 8.17.22, from its far end. It takes in the order of the root of the larger parameter.
    private static func continuedFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        (1...(50 + Int(4 * sqrt(max(a, b))))).reversed().reduce(1) { rest, index in
            let m = Double(index / 2)
            let even = m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m))
            let odd = -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1))
            return 1 + (index % 2 == 0 ? even : odd) * x / rest
        }
    }
}
