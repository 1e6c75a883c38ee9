/// What a run must not do, as a pipeline says it: `p99>20ms`, `errors>0.1%`, `rate<5k`.
public nonisolated struct LoadThreshold: Sendable, CustomStringConvertible {
    /// A figure of the report.
    enum Metric: Equatable {
        /// Latencies: a percentile, the mean, the ends.
        case percentile(Double)
        case mean, minimum, maximum
        /// Completed requests per second, and completed ones.
        case rate, requests
        /// Failed requests, responses that are neither 2xx nor 3xx, and requests without an end.
        case errors, unsuccessful, unfinished
    }

    enum Unit { case microseconds, perSecond, count, percent }

    enum Comparison: String, CaseIterable {
        case atLeast = ">="
        case atMost = "<="
        case more = ">"
        case less = "<"
    }

    let metric: Metric
    let comparison: Comparison
    /// In `unit`.
    let limit: Double
    let unit: Unit
    /// As it was given.
    public let description: String

    /// Reads a metric, a comparison and a limit: `p50` … `p99.999`, `mean`, `min` and `max` with a duration; `rate` as
    /// `500` or `2.5k`; `errors`, `unsuccessful`, `unfinished` and `requests` with a number, or a percentage of all
    /// requests.
    public init(_ text: String) throws(LoadOptionsError) {
        let plain = String(text.filter { $0 != " " })
        guard let comparison = Comparison.allCases.first(where: { plain.contains($0.rawValue) }),
            let metric = Self.metric(named: plain.prefix { $0 != "<" && $0 != ">" })
        else { throw Self.invalid(text) }
        let mark = plain.firstIndex { $0 == "<" || $0 == ">" } ?? plain.endIndex
        let limit = String(plain[mark...].dropFirst(comparison.rawValue.count))
        guard let (value, unit) = Self.limit(limit, of: metric) else { throw Self.invalid(text) }
        self.metric = metric
        self.comparison = comparison
        self.limit = value
        self.unit = unit
        description = plain
    }

    private static func metric(named name: Substring) -> Metric? {
        switch name {
        case "mean": .mean
        case "min": .minimum
        case "max": .maximum
        case "rate": .rate
        case "requests": .requests
        case "errors": .errors
        case "unsuccessful": .unsuccessful
        case "unfinished": .unfinished
        default:
            if name.first == "p", let value = PlainNumber.parse(name.dropFirst()), value > 0, value <= 100 {
                .percentile(value)
            } else {
                nil
            }
        }
    }

    private static func limit(_ text: String, of metric: Metric) -> (Double, Unit)? {
        switch metric {
        case .percentile, .mean, .minimum, .maximum:
            // A latency without a unit could be meant in anything.
            guard text.last?.isLetter == true, let duration = DurationText.parse(text) else { return nil }
            return (Double(duration.inNanoseconds) / 1000, .microseconds)
        case .rate: return RateText.parse(text).map { ($0, .perSecond) }
        case .requests, .errors, .unsuccessful, .unfinished:
            let isShare = text.hasSuffix("%")
            let number = isShare ? String(text.dropLast()) : text
            if number == "0" { return (0, isShare ? .percent : .count) }
            return RateText.parse(number).map { ($0, isShare ? .percent : .count) }
        }
    }

    private static func invalid(_ text: String) -> LoadOptionsError {
        LoadOptionsError(
            "--fail-if", "\"\(text)\" is no condition like p99>20ms, errors>0.1%, rate<5k, unsuccessful>0")
    }

    /// What the figure is in a report, in the unit of the limit.
    func value(in report: LoadReport) -> Double {
        switch metric {
        case .percentile(let percentile): report.latencies.microseconds(atPercentile: percentile)
        case .mean: report.latency.mean
        case .minimum: report.latency.min
        case .maximum: report.latency.max
        case .rate: report.requestsPerSecond
        case .requests: share(report.requests, of: report)
        case .errors: share(report.errorCount, of: report)
        case .unsuccessful: share(report.statuses.unsuccessful, of: report)
        case .unfinished: share(report.unfinished, of: report)
        }
    }

    private func share(_ count: UInt64, of report: LoadReport) -> Double {
        guard unit == .percent else { return Double(count) }
        return Double(count) / Double(max(1, report.requests + report.errorCount + report.unfinished)) * 100
    }

    /// Whether the run did what it must not do.
    public func isCrossed(by report: LoadReport) -> Bool {
        let value = value(in: report)
        switch comparison {
        case .more: return value > limit
        case .less: return value < limit
        case .atLeast: return value >= limit
        case .atMost: return value <= limit
        }
    }

    /// What the figure is, for people.
    func text(of report: LoadReport) -> String {
        let value = value(in: report)
        switch unit {
        case .microseconds: return NumberText.microseconds(value)
        case .perSecond: return NumberText.grouped(UInt64(value.rounded())) + " per second"
        case .count: return NumberText.grouped(UInt64(value))
        case .percent: return NumberText.fixed(value, decimals: 3) + " %"
        }
    }
}
