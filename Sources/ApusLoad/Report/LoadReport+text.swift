nonisolated extension LoadReport {
    private static let labelWidth = 13
    private static let cellWidth = 9

    /// The report for people, some twenty lines.
    public var text: String {
        var lines = settingLines
        lines.append("")
        lines += resultLines
        lines.append("")
        lines += latencyLines
        lines.append("")
        lines += outcomeLines
        for warning in warnings { lines += [""] + warning }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What makes the figures less than they seem to be.
    private var warnings: [[String]] {
        var warnings: [[String]] = []
        if wasClientBottleneck {
            let share = NumberText.fixed(clientCPUPercent, decimals: 0)
            warnings.append([
                "The load generator itself was busy \(share) % of the time:",
                "it was the bottleneck. Give it more processes with --threads.",
            ])
        }
        if wasLate {
            let lag = NumberText.microseconds(lags.microseconds(atPercentile: 99))
            warnings.append([
                "One request of a hundred left \(lag) or more after it was due, because the",
                "load generator or its machine was late: the latencies include that.",
            ])
        }
        if fellBehind {
            warnings.append([
                "The rate was more than the server, or \(options.connections) connections, can do: up to",
                "\(NumberText.grouped(mostWaiting)) requests were waiting, and the latencies grow with the duration.",
            ])
        }
        return warnings
    }

    private var settingLines: [String] {
        var how = "\(options.connections), " + (options.keepsAlive ? "kept alive" : "a new one for each request")
        if options.pipelineDepth > 1 { how += ", \(options.pipelineDepth) requests at once" }
        var lines = [line("Target", what)]
        if let path = options.unixPath { lines.append(line("Unix socket", path)) }
        lines.append(line("Connections", how))
        if let rate = options.rate {
            let text = NumberText.grouped(UInt64(rate.rounded()))
            lines.append(line("Rate", "\(text) per second, \(options.arrivals == .poisson ? "at random" : "evenly")"))
        }
        lines.append(line("Processes", "\(options.processes)"))
        return lines
    }

    private var resultLines: [String] {
        let rate = NumberText.grouped(UInt64(requestsPerSecond.rounded()))
        return [
            line("Duration", NumberText.seconds(duration) + (wasInterrupted ? ", interrupted" : "")),
            line("Requests", "\(NumberText.grouped(requests))   \(rate) per second"),
            line(
                "Received",
                "\(NumberText.bytes(Double(bytesReceived)))   \(NumberText.bytes(bytesPerSecond)) per second"),
        ]
    }

    private var latencyLines: [String] {
        if requests == 0 { return [line("Latency", "nothing was answered")] }
        guard options.rate != nil else { return lines(of: latency, "Latency") }
        return lines(of: latency, "Latency") + [line("", "from when the request was due"), ""]
            + lines(of: LatencySummary(serviceLatencies), "Service time") + [line("", "from when the request was sent")]
    }

    private func lines(of latency: LatencySummary, _ label: String) -> [String] {
        let ends = [latency.min, latency.mean, latency.standardDeviation, latency.max]
        return [
            line(label, cells(["min", "mean", "stdev", "max"])),
            line("", cells(ends.map(NumberText.microseconds))),
            "",
            line("", cells(["50 %", "75 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"])),
            line("", cells(latency.values.map(NumberText.microseconds))),
        ]
    }

    private var outcomeLines: [String] {
        let classes = (1...5).filter { statuses[$0] > 0 }.map { "\($0)xx \(NumberText.grouped(statuses[$0]))" }
        var lines: [String] = []
        if handshakes > 0 {
            let rate = NumberText.grouped(UInt64((Double(handshakes) / max(duration, 1e-9)).rounded()))
            let resumed = "\(NumberText.grouped(resumptions)) of them resumed"
            lines.append(line("TLS", "\(NumberText.grouped(handshakes)) handshakes, \(resumed)   \(rate) per second"))
        }
        if spoken == .http {
            lines.append(line("Status", classes.isEmpty ? "none" : classes.joined(separator: "   ")))
        }
        if statuses.unsuccessful > 0 {
            lines.append(line("", "\(NumberText.grouped(statuses.unsuccessful)) responses were neither 2xx nor 3xx"))
        }
        lines.append(line("Errors", errorCount == 0 ? "none" : NumberText.grouped(errorCount)))
        for kind in LoadErrorKind.allCases where errors(kind) > 0 {
            let cause = cause(of: kind)
            let more = cause.isEmpty ? "" : "   first: \(cause)"
            lines.append(line("", "\(kind.title) \(NumberText.grouped(errors(kind)))\(more)"))
        }
        if reconnects > 0 {
            lines.append(line("Reconnects", "\(NumberText.grouped(reconnects)) connections that the server had closed"))
        }
        for (index, threshold) in options.thresholds.enumerated() {
            let verdict = threshold.isCrossed(by: self) ? "FAILED" : "ok"
            let text = "\(threshold): \(verdict), \(threshold.text(of: self))"
            lines.append(line(index == 0 ? "Fail if" : "", text))
        }
        if let note = unfinishedNote { lines.append(line("Unfinished", note)) }
        return lines
    }

    private var unfinishedNote: String? {
        guard unfinished > 0 else { return nil }
        let count = "\(NumberText.grouped(unfinished)) requests"
        if gaveUp { return "\(count): no response was completed for \(NumberText.seconds(options.timeout.inSeconds))" }
        // Those that are under way when the time is over are the normal case.
        return requests == 0 || wasInterrupted || options.requests != nil || options.rate != nil ? count : nil
    }

    private func line(_ label: String, _ text: String) -> String {
        let padded = label + String(repeating: " ", count: max(0, Self.labelWidth - label.count)) + text
        var end = padded[...]
        while end.last == " " { end.removeLast() }
        return String(end)
    }

    private func cells(_ texts: [String]) -> String {
        texts.map { String(repeating: " ", count: max(1, Self.cellWidth - $0.count)) + $0 }.joined()
    }
}
