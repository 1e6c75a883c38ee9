nonisolated extension LoadReport {
    private static let labelWidth = 13
    private static let cellWidth = 11

    /// The report for people, some twenty lines.
    public var text: String {
        var lines = settingLines
        lines.append("")
        lines += resultLines
        lines.append("")
        lines += latencyLines
        lines.append("")
        lines += outcomeLines
        if wasClientBottleneck {
            let share = NumberText.fixed(clientCPUPercent, decimals: 0)
            lines.append("")
            lines.append("The load generator itself was busy \(share) % of the time:")
            lines.append("it was the bottleneck. Give it more processes with --threads.")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var settingLines: [String] {
        var how = "\(options.connections), " + (options.keepsAlive ? "kept alive" : "a new one for each request")
        if options.pipelineDepth > 1 { how += ", \(options.pipelineDepth) requests at once" }
        var lines = [line("Target", "\(options.effectiveMethod) \(url)")]
        if let path = options.unixPath { lines.append(line("Unix socket", path)) }
        lines.append(line("Connections", how))
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
        let latency = latency
        let ends = [latency.min, latency.mean, latency.standardDeviation, latency.max]
        var lines = [
            line("Latency", cells(["min", "mean", "stdev", "max"])),
            line("", cells(ends.map(NumberText.microseconds))),
            "",
            line("", cells(["50 %", "75 %", "90 %", "99 %", "99.9 %", "99.99 %"])),
            line("", cells(latency.values.map(NumberText.microseconds))),
        ]
        if requests == 0 { lines = [line("Latency", "nothing was answered")] }
        return lines
    }

    private var outcomeLines: [String] {
        let classes = (1...5).filter { statuses[$0] > 0 }.map { "\($0)xx \(NumberText.grouped(statuses[$0]))" }
        var lines = [line("Status", classes.isEmpty ? "none" : classes.joined(separator: "   "))]
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
        if let note = unfinishedNote { lines.append(line("Unfinished", note)) }
        return lines
    }

    private var unfinishedNote: String? {
        guard unfinished > 0 else { return nil }
        let count = "\(NumberText.grouped(unfinished)) requests"
        if gaveUp { return "\(count): no response was completed for \(NumberText.seconds(options.timeout.inSeconds))" }
        // Those that are under way when the time is over are the normal case.
        return requests == 0 || wasInterrupted || options.requests != nil ? count : nil
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
