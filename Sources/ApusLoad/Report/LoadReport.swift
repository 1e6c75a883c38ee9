/// What a run found out.
///
/// `json` renders it as one object. Its keys:
///
/// - `tool`: `"apus load"`.
/// - `url`, `protocol`, of HTTP `method`, and `unix` with the path where a Unix socket was connected to.
/// - `urls`: of several the `url` and `weight` of each.
/// - `connections`, `processes`, `pipeline`, `keep_alive`: how the load was put on.
/// - `duration_seconds`: from the first connect to the end of the run.
/// - `requests`: completed requests, those whose response came whole, whatever its status.
/// - `requests_per_second`, `bytes_per_second`: completed requests and received bytes by the duration.
/// - `bytes_received`, `bytes_sent`: all bytes on the connections, heads included.
/// - `latency_us`: `min`, `mean`, `stdev`, `max`, `p50`, `p75`, `p90`, `p99`, `p999`, `p9999`, `p99999` in µs. A
///   latency lasts from sending a request (with pipelining its batch, without keep-alive from the start of its
///   connection), with a rate from when the request was due, to the end of its response.
/// - With a rate also `rate`, `arrivals`; `service_us`: latencies from the sending; `lag_us`: how late the load
///   generator itself was; `most_waiting`: the most requests that were due and had no free connection.
/// - `exchange`: what messages are to each other, where they are no answers; of broadcasts `deliveries`.
/// - `held_seconds`, `opening_seconds`: how long connections were held, and how long it took until all were there.
/// - `client_memory_bytes`: the most that the load generator's processes had resident.
/// - `warm_up_seconds`: what was left out before, if anything.
/// - `timeline`: a list of intervals, mostly of a second: `start` and `seconds` since the measurement began,
///   `requests`, `errors`, `bytes_received`, and `p50`, `p90`, `p99`, `max` in µs.
/// - `thresholds`: a list of what the run must not do, where that was said: `fail_if`, `value`, `failed`.
/// - `status`: completed requests by the class of their status, `1xx` to `5xx`.
/// - `errors`: failed requests: `total`, `connect`, `tls` (of both: attempts), `read`, `write`, `timeout`,
///   `closed_early`, `malformed`, `unexpected` (other than the options expect).
/// - `error_causes`: what the first error of a kind was, for the kinds that occurred and do not say all.
/// - `connections_opened`: connections established.
/// - Over TLS `handshakes`, and `resumptions`: those of them that resumed a session.
/// - `redirects`: those that were followed, where they are.
/// - `reconnects`: connections opened again without an error because the server had closed them.
/// - `unfinished`: requests under way when the run ended, and those of a number of requests that were not made.
/// - `interrupted`: the run was ended by a signal.
/// - `client_cpu_seconds`, `client_cpu_percent`: what the load generator itself used, and how much of its time the
///   busiest of its processes did.
/// - `agents`, where the load came from other hosts: `address`, `processes`, `requests`, `client_cpu_percent` of each.
public nonisolated struct LoadReport: Sendable {
    /// What was asked for.
    public let options: LoadOptions
    /// Seconds from the first connect to the end.
    public let duration: Double
    /// Completed requests: those whose response came whole, whatever its status.
    public let requests: UInt64
    /// Bytes received, heads included.
    public let bytesReceived: UInt64
    /// Bytes sent, heads included.
    public let bytesSent: UInt64
    /// Completed requests by the class of their status.
    public let statuses: StatusTally
    /// How long the responses took.
    public let latencies: LatencyHistogram
    /// How long the responses took from when their requests were sent, where `latencies` counts from when they were
    /// due: in a load with a rate. Empty otherwise.
    public let serviceLatencies: LatencyHistogram
    /// How late the load generator itself was with requests of a load with a rate.
    public let lags: LatencyHistogram
    /// The most requests that were due and had to wait for a connection to be free.
    public let mostWaiting: UInt64
    /// The run second by second; of long ones in longer intervals.
    public let timeline: [LoadInterval]
    /// Messages that came to a connection, of those that were broadcast.
    public let deliveries: UInt64
    /// Seconds until all connections were there, where the load waits for that.
    public let openingTime: Double
    /// The most bytes that the load generator's processes had resident; 0 where the system does not tell.
    public let clientMemory: UInt64
    /// Connections that were established.
    public let connectionsOpened: UInt64
    /// TLS handshakes that were completed.
    public let handshakes: UInt64
    /// Handshakes that resumed a session, for a fraction of the time.
    public let resumptions: UInt64
    /// Connections opened again, without an error, because the server had closed them.
    public let reconnects: UInt64
    /// Redirects that were followed; the requests they led to are not counted again.
    public let redirects: UInt64
    /// Requests under way, or with a number of requests not made, when the run ended.
    public let unfinished: UInt64
    /// Somebody ended the run before its time.
    public let wasInterrupted: Bool
    /// No response was completed for as long as the time-out, so the run was ended with requests left.
    public let gaveUp: Bool
    /// Seconds that the load generator's processes spent on a processor; 0 where the system does not tell.
    public let clientCPUTime: Double
    /// How much of its time the busiest process of the load generator was on a processor, in percent.
    public let clientCPUPercent: Double
    /// Processes that put on the load, those of all agents together.
    public let processes: Int
    /// What each agent did, where the load came from other hosts.
    public let agents: [LoadAgentReport]

    /// Microseconds that the process that was the latest was late with one request of a hundred.
    let latestLag: Double
    private let errors: ErrorTally

    package init(_ options: LoadOptions, _ result: LoadResult) { self.init(options, result, LoadTimeline(), []) }

    init(_ options: LoadOptions, _ result: LoadResult, _ timeline: LoadTimeline, _ agents: [LoadAgentReport]) {
        self.options = options
        duration = Double(result.elapsed) / 1e9
        requests = result.requests
        bytesReceived = result.bytesReceived
        bytesSent = result.bytesSent
        statuses = result.statuses
        latencies = result.latencies
        serviceLatencies = result.serviceLatencies
        lags = result.lags
        mostWaiting = result.mostWaiting
        self.timeline = timeline.intervals
        deliveries = result.deliveries
        openingTime = Double(result.openingTime) / 1e9
        clientMemory = result.memory
        connectionsOpened = result.connectionsOpened
        handshakes = result.handshakes
        resumptions = result.resumptions
        reconnects = result.reconnects
        redirects = result.redirects
        unfinished = result.unfinished
        wasInterrupted = result.end == .interrupted
        gaveUp = result.end == .gaveUp
        clientCPUTime = Double(result.cpuTime) / 1e9
        clientCPUPercent = result.busiestShare * 100
        processes = result.processes
        self.agents = agents
        latestLag = result.latestLag
        errors = result.errors
    }

    /// The target in its normal form.
    public var url: String { (try? LoadTarget(options.url))?.description ?? options.url }

    /// What was spoken.
    public var spoken: LoadProtocol { (try? LoadTarget(options.url))?.spoken ?? .http }
    /// What was asked, for people: "GET http://127.0.0.1/", or the URL alone where there are messages.
    var what: String { options.what }

    /// Completed requests per second.
    public var requestsPerSecond: Double { duration > 0 ? Double(requests) / duration : 0 }
    /// Received bytes per second.
    public var bytesPerSecond: Double { duration > 0 ? Double(bytesReceived) / duration : 0 }
    /// The latencies in a few figures.
    public var latency: LatencySummary { LatencySummary(latencies) }

    /// Errors of all kinds.
    public var errorCount: UInt64 { errors.total }
    /// Failed requests of one kind; failed attempts for `.connect`.
    public func errors(_ kind: LoadErrorKind) -> UInt64 { errors.count(kind) }
    /// What the first error of that kind was, as "Connection refused"; "" when its kind says all.
    public func cause(of kind: LoadErrorKind) -> String { errors.cause(kind).text }

    /// The load generator had no time left, in one process at least: a faster server would not have shown.
    public var wasClientBottleneck: Bool { clientCPUPercent >= 95 }

    /// One request of a hundred, of some process, left more than a millisecond after it was due because of the load
    /// generator itself or its machine, and by more than a tenth of the median latency: its latency includes that.
    public var wasLate: Bool { latestLag > 1000 && latestLag > latencies.microseconds(atPercentile: 50) / 10 }

    /// Seconds that the connections were held.
    var heldTime: Double { options.holds ? options.effectiveDuration?.inSeconds ?? 0 : 0 }

    /// Requests were waiting for a free connection at the end, or have waited all the time: the rate was more than the
    /// server, or so many connections, can do.
    public var fellBehind: Bool {
        guard let rate = options.rate, !options.holds else { return false }
        return requestsPerSecond < rate * 0.95 && mostWaiting > 0
    }

    /// The thresholds of the options that the run has crossed.
    public var crossedThresholds: [LoadThreshold] { options.thresholds.filter { $0.isCrossed(by: self) } }

    /// Everything went as it should: requests were answered, none failed, or as few as the thresholds allow, and no
    /// threshold was crossed.
    public var isSuccess: Bool {
        requests > 0 && !gaveUp && (options.thresholds.isEmpty ? errorCount == 0 : crossedThresholds.isEmpty)
    }
}
