/// A figure of two sides: how many times the first is the second, and whether that can be told from noise.
public nonisolated struct ComparedFigure: Sendable {
    /// What it is.
    enum Kind: Sendable, Equatable {
        case requestsPerSecond
        /// The number of one of `ComparedRun.percentiles`.
        case latency(Int)
        case clientCPU
    }

    /// What can be told of a figure.
    public enum Verdict: Sendable {
        /// The interval leaves out that there is no difference.
        case different
        /// It does not.
        case noise
        /// It does, but the difference is less than a thousandth, to which latencies are known.
        case same
        /// There is no interval.
        case unknown
    }

    private static let leastDifference = 0.001

    let kind: Kind
    /// What stands for the first side: per second, or in µs.
    public let a: Double
    /// What stands for the second.
    public let b: Double
    /// `b / a`.
    public let ratio: Double
    /// Where the ratio lies with a confidence of 95 %; nil when there are too few samples, or they tell nothing.
    public let interval: ClosedRange<Double>?

    init(_ kind: Kind, _ estimate: RatioEstimate) {
        self.kind = kind
        a = estimate.a
        b = estimate.b
        ratio = estimate.ratio
        interval = estimate.interval
    }

    /// The name in the JSON of a comparison.
    public var name: String {
        switch kind {
        case .requestsPerSecond: "requests_per_second"
        case .latency(let index): ComparedRun.percentiles[index].0 + "_us"
        case .clientCPU: "client_cpu_us"
        }
    }

    /// What can be told of it.
    public var verdict: Verdict {
        guard let interval else { return .unknown }
        if interval.contains(1) { return .noise }
        return abs(ratio - 1) < Self.leastDifference ? .same : .different
    }

    /// The verdict in plain words.
    public var verdictText: String {
        switch verdict {
        case .different: "b is \(change)\(reach)"
        case .noise: "not to be told from noise\(reach)"
        case .same: "the same to one in a thousand"
        case .unknown:
            abs(ratio - 1) < Self.leastDifference
                ? "about the same, without an interval" : "b is \(change), no interval"
        }
    }

    /// "8.1 % faster".
    private var change: String {
        let words =
            switch kind {
            case .requestsPerSecond: (more: "faster", less: "slower")
            case .latency: (more: "longer", less: "shorter")
            case .clientCPU: (more: "more", less: "less")
            }
        return "\(Self.percent(abs(ratio - 1))) % \(ratio > 1 ? words.more : words.less)"
    }

    /// " (6.0 … 10.3 %)"; both ways from no difference where it may be either.
    private var reach: String {
        guard let interval else { return "" }
        let (low, high) = (interval.lowerBound - 1, interval.upperBound - 1)
        if interval.contains(1) { return " (\(Self.percent(low)) … +\(Self.percent(high)) %)" }
        return low > 0
            ? " (\(Self.percent(low)) … \(Self.percent(high)) %)"
            : " (\(Self.percent(-high)) … \(Self.percent(-low)) %)"
    }

    private static func percent(_ share: Double) -> String {
        NumberText.fixed(share * 100, decimals: abs(share) < 1 ? 1 : 0)
    }
}
