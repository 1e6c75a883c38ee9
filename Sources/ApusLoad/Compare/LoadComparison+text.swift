nonisolated extension LoadComparison {
    private static let labelWidth = 13
    private static let cellWidth = 9
    /// Above this share the load generator was what limited the rate, in percent.
    private static let busy = 95.0

    /// The comparison for people: a line for each figure, with a verdict.
    public var text: String {
        var lines = [Self.line("a", names(a)), Self.line("b", names(b))]
        lines += Self.lines("Samples", samplesText)
        for (index, setting) in differentSettings.enumerated() {
            let values =
                "\(setting.name): \(setting.a.joined(separator: ", ")) and \(setting.b.joined(separator: ", "))"
            lines.append(Self.line(index == 0 ? "Differing" : "", values))
        }
        for (index, note) in notes.enumerated() { lines.append(Self.line(index == 0 ? "Beware" : "", note)) }
        lines += ["", Self.line("", Self.cells("a", "b"))]
        lines += figures.map { Self.line(Self.label($0.kind), Self.cells($0) + "  " + $0.verdictText) }
        lines += shareLines
        lines += ["", "With each verdict: where the difference lies with a confidence of 95 %."]
        return lines.joined(separator: "\n") + "\n"
    }

    private func names(_ side: [ComparedRun]) -> String { side.map(\.name).joined(separator: ", ") }

    private var samplesText: [String] {
        let (ofA, ofB) = sampleCounts
        switch samples {
        case .runs:
            let text = "\(ofA) and \(ofB) runs, each of which counts as one"
            return min(ofA, ofB) > 1 ? [text] : [text + ":", "a single one has no interval"]
        case .seconds:
            let text = "\(ofA) and \(ofB) seconds of a single run each"
            if min(ofA, ofB) < Self.leastSeconds {
                return [text + ":", "no interval with less than \(Self.leastSeconds)"]
            }
            return [
                text + ". They are not independent, and",
                "another run may differ by more: the intervals show less doubt",
                "than there is. Better give several runs: a1.json,a2.json b1.json,b2.json",
            ]
        }
    }

    /// What makes the figures less than they seem to be.
    private var notes: [String] {
        (a + b).flatMap { run in
            let share = NumberText.fixed(run.clientCPUPercent, decimals: 0)
            return (run.wasInterrupted ? ["\(run.name) was interrupted"] : [])
                + (run.clientCPUPercent >= Self.busy
                    ? ["\(run.name): the load generator was busy \(share) % of the time, the bottleneck"] : [])
        }
    }

    private var shareLines: [String] {
        let errors = errors.map { [("Errors", $0)] } ?? []
        let unsuccessful = unsuccessful.flatMap { $0.a > 0 || $0.b > 0 ? [("Not 2xx, 3xx", $0)] : nil } ?? []
        return (errors + unsuccessful).map { label, share in
            let cells = Self.cells(ComparedShare.percent(share.a) + " %", ComparedShare.percent(share.b) + " %")
            return Self.line(label, cells + "  " + share.verdictText)
        }
    }

    private static func label(_ kind: ComparedFigure.Kind) -> String {
        switch kind {
        case .requestsPerSecond: "Requests/s"
        case .latency(let index): (index == 0 ? "Latency " : "        ") + ComparedRun.percentiles[index].1
        case .clientCPU: "Client CPU"
        }
    }

    private static func cells(_ figure: ComparedFigure) -> String {
        guard figure.kind == .requestsPerSecond else {
            return cells(NumberText.microseconds(figure.a), NumberText.microseconds(figure.b))
        }
        return cells(
            NumberText.grouped(UInt64(figure.a.rounded())), NumberText.grouped(UInt64(figure.b.rounded())))
    }

    private static func cells(_ texts: String...) -> String {
        texts.map { String(repeating: " ", count: max(1, cellWidth - $0.count)) + $0 }.joined()
    }

    private static func lines(_ label: String, _ texts: [String]) -> [String] {
        texts.enumerated().map { line($0 == 0 ? label : "", $1) }
    }

    private static func line(_ label: String, _ text: String) -> String {
        label + String(repeating: " ", count: max(0, labelWidth - label.count)) + text
    }
}
