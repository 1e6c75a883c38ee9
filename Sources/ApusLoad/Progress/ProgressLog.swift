/// Tells how far a run has come in lines, one behind the other.
nonisolated struct ProgressLog {
    private static let second: Int64 = 1_000_000_000
    /// How far lines are apart in the first minute of a run that may be a short one, and in others.
    private static let gaps = (short: second, long: 10 * second)
    private static let shortRun = 60 * second

    private let processes: Int
    private let hasRate: Bool
    private let duration: Int64?
    private var gathering: SecondsGathering
    /// What happened since the last line.
    private var recent: LoadInterval?
    private var step: LoadProgress.Step?

    init(for options: LoadOptions) {
        processes = options.processes
        hasRate = options.rate != nil
        duration = options.effectiveDuration?.inNanoseconds
        gathering = SecondsGathering(processes: processes)
    }

    /// Takes in how far the run has come; returns the line that is due, if one is.
    mutating func take(_ progress: LoadProgress) -> String? {
        if progress.step != step || progress.isWarmingUp {
            (step, recent) = (progress.step, nil)
            gathering = SecondsGathering(processes: processes)
        }
        guard let interval = progress.interval else { return nil }
        for second in gathering.take(interval, at: progress.intervalIndex) {
            if recent == nil { recent = second } else { recent?.include(second) }
        }
        guard let recent, isDue(recent) else { return nil }
        self.recent = nil
        return line(recent, progress)
    }

    private static func end(_ interval: LoadInterval) -> Int64 {
        Int64(((interval.start + interval.duration) * 1e9).rounded())
    }

    /// What is left when the run ends between two lines is told by the report.
    private func isDue(_ recent: LoadInterval) -> Bool {
        let end = Self.end(recent)
        let gap = (duration ?? end) > Self.shortRun ? Self.gaps.long : Self.gaps.short
        return end / gap > Int64(recent.start * 1e9) / gap
    }

    private func line(_ recent: LoadInterval, _ progress: LoadProgress) -> String {
        var parts = [ClockText.text(Self.end(recent))]
        parts.append(NumberText.grouped(UInt64(recent.requestsPerSecond.rounded())) + " requests/s")
        if recent.requests > 0 {
            for percentile in [50.0, 99] {
                let latency = NumberText.microseconds(recent.microseconds(atPercentile: percentile))
                parts.append("p\(Int(percentile)) \(latency)")
            }
        }
        parts.append("\(NumberText.grouped(progress.errors)) errors")
        if hasRate || step != nil { parts.append("\(NumberText.grouped(UInt64(progress.waiting))) waiting") }
        if let step { parts.insert("step \(step.number) of \(step.count)", at: 0) }
        return parts.joined(separator: "  ")
    }
}
