/// The lines that tell how far a run has come.
package nonisolated struct LiveView {
    /// What the last seconds are drawn from.
    private struct Second {
        let requestsPerSecond: Double
        /// In µs; nil when nothing was answered.
        let median: Double?
        let percentile99: Double?

        init(_ interval: LoadInterval) {
            requestsPerSecond = interval.requestsPerSecond
            let isEmpty = interval.requests == 0
            median = isEmpty ? nil : interval.microseconds(atPercentile: 50)
            percentile99 = isEmpty ? nil : interval.microseconds(atPercentile: 99)
        }
    }

    /// Seconds that are drawn at most.
    private static let mostSeconds = 60
    private static let labelWidth = 13
    private static let figureWidth = 10
    private static let widestBar = 40

    private let options: LoadOptions
    private var gathering: SecondsGathering
    private var seconds: [Second] = []
    private var progress = LoadProgress()

    /// The view of a run with those options.
    package init(for options: LoadOptions) {
        self.options = options
        gathering = SecondsGathering(processes: options.processes)
    }

    /// Takes in how far the run has come.
    package mutating func take(_ progress: LoadProgress) {
        if progress.step != self.progress.step || progress.isWarmingUp {
            seconds = []
            gathering = SecondsGathering(processes: options.processes)
        }
        if let interval = progress.interval {
            seconds += gathering.take(interval, at: progress.intervalIndex).map(Second.init)
            seconds.removeFirst(max(0, seconds.count - Self.mostSeconds))
        }
        self.progress = progress
    }

    /// The lines, none of which is wider than `width` columns.
    package func lines(width: Int) -> [String] {
        let last = seconds.last
        let rate = last.map { NumberText.grouped(UInt64($0.requestsPerSecond.rounded())) } ?? ""
        let lines = [
            title, Self.line("Time", timeText(width: width)), Self.line("Requests", requestsText),
            drawn("Per second", rate, seconds.map(\.requestsPerSecond), width),
            drawn("Latency 50 %", Self.latency(last?.median), seconds.map(\.median), width),
            drawn("        99 %", Self.latency(last?.percentile99), seconds.map(\.percentile99), width),
            Self.line("Connections", connectionsText), Self.line("Errors", errorsText),
        ]
        return lines.map { Self.cut($0, width) }
    }

    // MARK: Single lines

    private var title: String {
        let what = options.what
        guard let step = progress.step else { return what }
        let rate = NumberText.grouped(UInt64(step.rate.rounded()))
        return "Step \(step.number) of \(step.count): \(rate) per second   \(what)"
    }

    private func timeText(width: Int) -> String {
        let passed = ClockText.text(progress.elapsed)
        let total = progress.isWarmingUp ? options.warmUp : options.effectiveDuration
        var text = total.map { "\(passed) of \(ClockText.text($0.inNanoseconds, withFraction: true))" } ?? passed
        if progress.isWarmingUp { return options.warmUp > .zero ? text + ", warming up" : "connecting" }
        text += String(repeating: " ", count: max(0, Self.figureWidth + 1 - text.count)) + "  "
        let room = min(Self.widestBar, width - Self.labelWidth - text.count - " 100 %".count)
        let percent = " \(NumberText.fixed((share * 100).rounded(.down), decimals: 0)) %"
        return room > 0 ? text + Self.bar(share, room) + percent : text + percent
    }

    /// How much of the run is over: of its time or of its requests, whichever will end it.
    private var share: Double {
        let ofTime = options.effectiveDuration.map { Double(progress.elapsed) / Double($0.inNanoseconds) } ?? 0
        let ofRequests = options.requests.map { Double(progress.requests) / Double($0) } ?? 0
        return min(1, max(ofTime, ofRequests))
    }

    private var requestsText: String {
        if progress.isWarmingUp { return "" }
        let count = NumberText.grouped(progress.requests)
        let total = options.requests.map { " of \(NumberText.grouped(UInt64($0)))" } ?? ""
        let mean = Double(progress.requests) / max(Double(progress.elapsed) / 1e9, 1e-9)
        let rate = (progress.step?.rate ?? options.rate).map { " of \(NumberText.grouped(UInt64($0.rounded())))" } ?? ""
        return "\(count)\(total)   mean \(NumberText.grouped(UInt64(mean.rounded())))\(rate) per second"
    }

    private var connectionsText: String {
        let open = "\(NumberText.grouped(UInt64(progress.connections))) open"
        guard options.rate != nil || progress.step != nil else { return open }
        return "\(open), \(NumberText.grouped(UInt64(progress.waiting))) requests waiting"
    }

    private var errorsText: String {
        if progress.errors == 0 { return "none" }
        let kinds = LoadErrorKind.allCases.filter { progress.errorTally.count($0) > 0 }
        let parts = kinds.map { kind in
            let cause = progress.errorTally.cause(kind).text
            let count = NumberText.grouped(progress.errorTally.count(kind))
            return "\(kind.title) \(count)" + (cause.isEmpty ? "" : ": \(cause)")
        }
        return parts.joined(separator: "   ")
    }

    /// A figure, and how it was in the last seconds.
    private func drawn(_ label: String, _ figure: String, _ values: [Double?], _ width: Int) -> String {
        let padded = figure + String(repeating: " ", count: max(0, Self.figureWidth - figure.count)) + "   "
        let room = max(0, width - Self.labelWidth - padded.count)
        return Self.line(label, padded + Sparkline.text(values.suffix(room)))
    }

    private static func latency(_ microseconds: Double?) -> String {
        microseconds.map(NumberText.microseconds) ?? ""
    }

    private static func bar(_ share: Double, _ width: Int) -> String {
        let full = Int((share * Double(width)).rounded(.down))
        return String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
    }

    private static func line(_ label: String, _ text: String) -> String {
        label + String(repeating: " ", count: labelWidth - label.count) + text
    }

    private static func cut(_ line: String, _ width: Int) -> String {
        String(line.withoutControls.prefix(max(0, width)))
    }
}
