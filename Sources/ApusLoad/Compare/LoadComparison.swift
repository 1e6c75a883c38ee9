/// Two servers, or two versions of one, compared by the reports of runs against each: `a` is what was, `b` what is
/// held against it.
///
/// With several runs on a side, each run counts as one sample, as runs are what is independent. With a single run on
/// both, its seconds are the samples. They follow each other on the same machine and the same connections, and a
/// second run may differ by more than they do, so that the intervals then show less doubt than there is. What is not
/// known of seconds, the 99.9th percentile and processor time, then has no interval.
///
/// Requests per second, latencies and processor time are compared as `RatioEstimate` says: those of runs by their
/// geometric means, and the rates of seconds by their means. Each interval holds for itself: of twenty figures without
/// a difference, one will seem to have one. Errors are compared as `ShareDifference` says.
public nonisolated struct LoadComparison: Sendable {
    /// What is counted as a sample.
    public enum Samples: String, Sendable {
        case runs, seconds
    }

    /// A setting that was not the same in all runs.
    public struct DifferentSetting: Sendable {
        /// Which one.
        public let name: String
        /// Its values on the first side.
        public let a: [String]
        /// Its values on the second.
        public let b: [String]
    }

    /// Less seconds on a side have no interval.
    static let leastSeconds = 5

    /// The runs of the first side.
    public let a: [ComparedRun]
    /// The runs of the second.
    public let b: [ComparedRun]
    /// What was counted as a sample.
    public let samples: Samples
    /// Requests per second, latencies, processor time of the load generator for a request. What a side has nothing of
    /// is missing.
    public let figures: [ComparedFigure]
    /// Requests that failed; nil when a side made none.
    public let errors: ComparedShare?
    /// Responses that are neither 2xx nor 3xx; nil when a side has no responses.
    public let unsuccessful: ComparedShare?

    /// Compares what runs have found out; there is at least one on each side.
    public init(_ a: [ComparedRun], _ b: [ComparedRun]) {
        self.a = a
        self.b = b
        samples = a.count > 1 || b.count > 1 ? .runs : .seconds
        figures = Self.kinds.compactMap { [samples] in Self.figure($0, samples, a, b) }
        errors = Self.share(a, b) { ($0.errors, $0.requests + $0.errors) }
        unsuccessful = Self.share(a, b) { ($0.unsuccessful, $0.requests) }
    }

    private static let kinds =
        [ComparedFigure.Kind.requestsPerSecond] + ComparedRun.percentiles.indices.map { .latency($0) } + [.clientCPU]

    /// How many samples each side has.
    var sampleCounts: (a: Int, b: Int) {
        samples == .runs ? (a.count, b.count) : (a[0].seconds.count, b[0].seconds.count)
    }

    /// The settings that were not the same in all runs. Where the servers were is none.
    public var differentSettings: [DifferentSetting] {
        let names = (a + b).flatMap { $0.settings.map(\.name) }
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }.compactMap { name in
            let values = [a, b].map { side in
                Set(side.map { run in run.settings.first { $0.name == name }?.value ?? "none" }).sorted()
            }
            guard values[0] != values[1] || values[0].count > 1 else { return nil }
            return DifferentSetting(name: name, a: values[0], b: values[1])
        }
    }

    private static func share(
        _ a: [ComparedRun], _ b: [ComparedRun], _ counts: (ComparedRun) -> (UInt64, UInt64)
    ) -> ComparedShare? {
        let sums = [a, b].map { side in
            side.map(counts).reduce((count: UInt64(0), total: UInt64(0))) { ($0.count + $1.0, $0.total + $1.1) }
        }
        return ShareDifference(sums[0], sums[1]).map(ComparedShare.init)
    }

    private static func figure(
        _ kind: ComparedFigure.Kind, _ samples: Samples, _ a: [ComparedRun], _ b: [ComparedRun]
    ) -> ComparedFigure? {
        if samples == .seconds, min(a[0].seconds.count, b[0].seconds.count) >= leastSeconds,
            let a = center(kind, a[0].seconds), let b = center(kind, b[0].seconds)
        {
            return ComparedFigure(kind, RatioEstimate(a, b, leastSamples: leastSeconds))
        }
        guard let a = LogCenter(ofGeometricMean: a.map { value(kind, $0) }),
            let b = LogCenter(ofGeometricMean: b.map { value(kind, $0) })
        else { return nil }
        return ComparedFigure(kind, RatioEstimate(a, b))
    }

    private static func value(_ kind: ComparedFigure.Kind, _ run: ComparedRun) -> Double {
        switch kind {
        case .requestsPerSecond: run.requestsPerSecond
        case .latency(let index): run.latencies[index]
        case .clientCPU: run.requests > 0 ? run.clientCPUTime / Double(run.requests) * 1e6 : 0
        }
    }

    /// Nil for what is known of whole runs only.
    private static func center(_ kind: ComparedFigure.Kind, _ seconds: [ComparedRun.Second]) -> LogCenter? {
        switch kind {
        case .requestsPerSecond: LogCenter(ofMean: seconds.map(\.requestsPerSecond))
        case .latency(let index) where index < ComparedRun.percentiles.count - 1:
            // A second without a response has no latency.
            LogCenter(ofGeometricMean: seconds.map { $0.latencies[index] }.filter { $0 > 0 })
        case .latency, .clientCPU: nil
        }
    }
}
