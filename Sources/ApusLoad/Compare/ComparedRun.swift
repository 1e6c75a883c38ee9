/// What a comparison takes of a run's report.
public nonisolated struct ComparedRun: Sendable {
    /// A part of the run, mostly a second.
    struct Second: Sendable {
        var requestsPerSecond: Double
        /// The latencies at `ComparedRun.percentiles` but for the last, in µs; 0 when nothing was answered.
        var latencies: [Double]
    }

    /// A setting with its value, for people.
    struct Setting: Sendable {
        let name: String
        let value: String
    }

    /// The latencies that are compared, by their names in the JSON report. The last one is not known of seconds.
    static let percentiles = [("p50", "50 %"), ("p90", "90 %"), ("p99", "99 %"), ("p999", "99.9 %")]

    /// Where the report comes from.
    public var name = ""

    var settings: [Setting] = []
    var requests: UInt64 = 0
    var requestsPerSecond = 0.0
    /// At `percentiles`, in µs.
    var latencies = [Double](repeating: 0, count: percentiles.count)
    var errors: UInt64 = 0
    /// Responses that are neither 2xx nor 3xx.
    var unsuccessful: UInt64 = 0
    /// Of the load generator, in seconds; 0 when it is not known.
    var clientCPUTime = 0.0
    var clientCPUPercent = 0.0
    var wasInterrupted = false
    var seconds: [Second] = []
}
