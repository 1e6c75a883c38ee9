import Apus

nonisolated extension LoadReport {
    /// The report as a JSON object; the type's documentation has its keys.
    public var json: String { object(indentation: "").text + "\n" }

    func object(indentation: String) -> JSONObject {
        var object = JSONObject(indentation: indentation)
        addSettings(to: &object)
        object.add("duration_seconds", duration, decimals: 6)
        object.add("requests", requests)
        object.add("requests_per_second", requestsPerSecond, decimals: 2)
        object.add("bytes_received", bytesReceived)
        object.add("bytes_sent", bytesSent)
        object.add("bytes_per_second", bytesPerSecond, decimals: 2)
        object.add("latency_us") { Self.add(latency, to: &$0) }
        if options.rate != nil {
            object.add("service_us") { Self.add(LatencySummary(serviceLatencies), to: &$0) }
            object.add("lag_us") { Self.add(LatencySummary(lags), to: &$0) }
            object.add("most_waiting", mostWaiting)
        }
        object.add("status") { status in
            for statusClass in 1...5 { status.add("\(statusClass)xx", statuses[statusClass]) }
        }
        object.add("errors") { errors in
            errors.add("total", errorCount)
            for kind in LoadErrorKind.allCases { errors.add(kind.name, self.errors(kind)) }
        }
        object.add("error_causes") { causes in
            for kind in LoadErrorKind.allCases where !cause(of: kind).isEmpty {
                causes.add(kind.name, cause(of: kind))
            }
        }
        if options.exchange == .broadcasts { object.add("deliveries", deliveries) }
        object.add("connections_opened", connectionsOpened)
        if handshakes > 0 {
            object.add("handshakes", handshakes)
            object.add("resumptions", resumptions)
        }
        object.add("reconnects", reconnects)
        if options.followsRedirects { object.add("redirects", redirects) }
        object.add("unfinished", unfinished)
        object.add("interrupted", wasInterrupted)
        object.add("client_cpu_seconds", clientCPUTime, decimals: 6)
        object.add("client_cpu_percent", clientCPUPercent, decimals: 1)
        object.add("client_memory_bytes", clientMemory)
        if !agents.isEmpty { object.add("agents", agents.map(Self.object)) }
        if !options.thresholds.isEmpty {
            object.add(
                "thresholds",
                options.thresholds.map { threshold in
                    var object = JSONObject()
                    object.add("fail_if", threshold.description)
                    object.add("value", threshold.value(in: self), decimals: 3)
                    object.add("failed", threshold.isCrossed(by: self))
                    return object
                })
        }
        object.add("timeline", timeline.map(Self.object))
        return object
    }

    private func addSettings(to object: inout JSONObject) {
        object.add("tool", "apus load")
        object.add("url", url)
        if !options.furtherURLs.isEmpty {
            let urls = [url] + options.furtherURLs
            let weights = options.weights.isEmpty ? urls.map { _ in 1 } : options.weights
            object.add(
                "urls",
                zip(urls, weights).map { url, weight in
                    var object = JSONObject()
                    object.add("url", url)
                    object.add("weight", weight)
                    return object
                })
        }
        if let path = options.unixPath { object.add("unix", path) }
        object.add("protocol", spoken.rawValue)
        if spoken == .http { object.add("method", options.effectiveMethod) }
        object.add("connections", options.connections)
        if options.exchange != .answers { object.add("exchange", options.exchange.rawValue) }
        if options.holds {
            object.add("held_seconds", heldTime, decimals: 3)
            object.add("opening_seconds", openingTime, decimals: 3)
        }
        if let rate = options.rate {
            object.add("rate", rate, decimals: 3)
            object.add("arrivals", options.arrivals.rawValue)
        }
        if options.warmUp > .zero { object.add("warm_up_seconds", options.warmUp.inSeconds, decimals: 3) }
        object.add("processes", processes)
        object.add("pipeline", options.pipelineDepth)
        object.add("keep_alive", options.keepsAlive)
    }

    private static func add(_ latency: LatencySummary, to object: inout JSONObject) {
        object.add("min", latency.min, decimals: 3)
        object.add("mean", latency.mean, decimals: 3)
        object.add("stdev", latency.standardDeviation, decimals: 3)
        object.add("max", latency.max, decimals: 3)
        for (percentile, value) in zip(LatencySummary.percentiles, latency.values) {
            object.add(percentile.name, value, decimals: 3)
        }
    }

    private static func object(_ agent: LoadAgentReport) -> JSONObject {
        var object = JSONObject()
        object.add("address", agent.address.description)
        object.add("processes", agent.processes)
        object.add("requests", agent.requests)
        object.add("client_cpu_percent", agent.clientCPUPercent, decimals: 1)
        return object
    }

    private static func object(_ interval: LoadInterval) -> JSONObject {
        var object = JSONObject()
        object.add("start", interval.start, decimals: 3)
        object.add("seconds", interval.duration, decimals: 3)
        object.add("requests", interval.requests)
        object.add("errors", interval.errors)
        object.add("bytes_received", interval.bytesReceived)
        for (name, percentile) in [("p50", 50), ("p90", 90), ("p99", 99), ("max", 100.0)] {
            object.add(name, interval.microseconds(atPercentile: percentile), decimals: 3)
        }
        return object
    }
}

nonisolated extension JSONObject {
    mutating func add(_ key: String, _ value: Double, decimals: Int) {
        add(key, json: NumberText.fixed(value, decimals: decimals))
    }
}
