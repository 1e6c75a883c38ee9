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
            let busiest = agents.max { $0.clientCPUPercent < $1.clientCPUPercent }
            let who = busiest.map { "Agent \($0.address)" } ?? "The load generator itself"
            let remedy = busiest == nil ? "with --threads" : "with its --threads, or add agents"
            warnings.append([
                "\(who) was busy \(share) % of the time:",
                "it was the bottleneck. Give it more processes \(remedy).",
            ])
        }
        if wasLate {
            let lag = NumberText.microseconds(latestLag)
            let which = processes == 1 ? "" : " of a process"
            warnings.append([
                "One request of a hundred\(which) left \(lag) or more after it was due, because the",
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
        for url in options.furtherURLs { lines.append(line("", url)) }
        if !options.weights.isEmpty {
            lines.append(line("Weights", options.weights.map(String.init).joined(separator: ", ")))
        }
        if let path = options.unixPath { lines.append(line("Unix socket", path)) }
        lines.append(line("Connections", how))
        if options.holds {
            let time = NumberText.seconds(heldTime)
            lines.append(
                line("", "held for \(time) after \(NumberText.seconds(openingTime)) of opening, then used once"))
            let share = clientMemory / UInt64(options.connections)
            let memory = NumberText.bytes(Double(clientMemory))
            lines.append(line("Memory", "\(memory) here, \(NumberText.grouped(share)) bytes per connection"))
        }
        if let rate = options.rate {
            let text = NumberText.grouped(UInt64(rate.rounded()))
            lines.append(line("Rate", "\(text) per second, \(options.arrivals == .poisson ? "at random" : "evenly")"))
        }
        let place = agents.isEmpty ? "" : agents.count == 1 ? " of 1 agent" : " of \(agents.count) agents"
        lines.append(line("Processes", "\(processes)\(place)"))
        for agent in agents {
            let count = "\(NumberText.grouped(agent.requests)) requests"
            let busy = "busy \(NumberText.fixed(agent.clientCPUPercent, decimals: 0)) %"
            lines.append(line("", "\(agent.address)   \(agent.processes)   \(count)   \(busy)"))
        }
        return lines
    }

    private var resultLines: [String] {
        let rate = NumberText.grouped(UInt64(requestsPerSecond.rounded()))
        return [
            line("Duration", NumberText.seconds(duration) + (wasInterrupted ? ", interrupted" : "")),
            line(
                options.exchange == .answers ? "Requests" : "Messages",
                "\(NumberText.grouped(requests))   \(rate) per second"),
        ]
            + deliveryLines + [
                line(
                    "Received",
                    "\(NumberText.bytes(Double(bytesReceived)))   \(NumberText.bytes(bytesPerSecond)) per second")
            ]
    }

    private var deliveryLines: [String] {
        guard options.exchange == .broadcasts else { return [] }
        let rate = NumberText.grouped(UInt64((Double(deliveries) / max(duration, 1e-9)).rounded()))
        return [line("Deliveries", "\(NumberText.grouped(deliveries))   \(rate) per second")]
    }

    private var latencyLines: [String] {
        if latencies.count == 0 { return [line("Latency", "nothing was answered")] }
        if options.exchange == .pushes {
            return lines(of: latency, "Between") + [line("", "two messages of a connection")]
        }
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
        if redirects > 0 { lines.append(line("Redirects", "\(NumberText.grouped(redirects)) followed")) }
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
