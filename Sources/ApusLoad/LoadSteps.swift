import Apus

/// The same load at one rate after the other, to find out which ones a server keeps up with.
public nonisolated struct LoadSteps: Sendable {
    /// One report for each rate, in the order they were put on. Less than there were rates when a threshold of the
    /// options was crossed, or the run was ended: what comes after that would tell nothing new.
    public let reports: [LoadReport]

    /// Runs each rate for the options' duration, and blocks the thread until the end; see `LoadRun.run`.
    public static func run(
        _ options: LoadOptions, rates: [Double], stopDescriptor: Int32? = nil,
        onProgress: (LoadProgress) -> Void = { _ in }
    ) throws(LoadError) -> LoadSteps {
        var reports: [LoadReport] = []
        // All steps go to the same address of a name.
        let endpoint = try LoadRun.endpoint(of: options)
        for (index, rate) in rates.enumerated() {
            var step = options
            step.rate = rate
            let report = try LoadRun.run(step, at: endpoint, stopDescriptor: stopDescriptor) { progress in
                var progress = progress
                progress.step = LoadProgress.Step(number: index + 1, count: rates.count, rate: rate)
                onProgress(progress)
            }
            reports.append(report)
            if report.wasInterrupted || !report.crossedThresholds.isEmpty { break }
        }
        return LoadSteps(reports: reports)
    }

    /// How many times the 99th percentile of the first step that of a later one may be, for the server to keep up.
    private static let mostGrowth = 10.0

    /// Whether the server kept up in a step: it answered what was asked for, failed one request of a hundred at most,
    /// and its 99th percentile was less than ten times that of the first step.
    public func keptUp(_ index: Int) -> Bool {
        let report = reports[index]
        let first = reports[0].latencies.microseconds(atPercentile: 99)
        let asked = report.requests + report.errorCount + report.unfinished
        return !report.fellBehind && Double(report.errorCount + report.unfinished) <= Double(asked) / 100
            && report.latencies.microseconds(atPercentile: 99) < first * Self.mostGrowth
    }

    /// The highest rate that the server kept up with, as with all lower ones: the knee. Nil when it was the first that
    /// was too much.
    public var knee: Double? {
        var knee: Double?
        for (index, report) in reports.enumerated() {
            guard keptUp(index) else { break }
            knee = report.options.rate
        }
        return knee
    }

    /// A line for each step, and where the knee is.
    public var text: String {
        guard let first = reports.first else { return "" }
        var lines = ["Target       \(first.what)"]
        lines += ["Connections  \(first.options.connections), for \(NumberText.seconds(first.duration)) each", ""]
        let titles = ["rate", "answered", "50 %", "90 %", "99 %", "99.9 %", "errors"]
        lines.append(Self.line(titles))
        for (index, report) in reports.enumerated() {
            let latencies = [50, 90, 99, 99.9].map {
                NumberText.microseconds(report.latencies.microseconds(atPercentile: $0))
            }
            let rates = [report.options.rate ?? 0, report.requestsPerSecond].map {
                NumberText.grouped(UInt64($0.rounded()))
            }
            let errors = NumberText.grouped(report.errorCount + report.unfinished)
            lines.append(Self.line(rates + latencies + [errors]) + (keptUp(index) ? "" : "  *"))
        }
        lines += ["", verdict]
        return lines.joined(separator: "\n") + "\n"
    }

    /// One JSON object: `knee`, the rate, or null; and `steps`, the reports of all steps with `kept_up`.
    public var json: String {
        var object = JSONObject()
        object.add("tool", "apus load")
        object.add("knee", json: knee.map { NumberText.fixed($0, decimals: 3) } ?? "null")
        object.add(
            "steps",
            reports.indices.map { index in
                var step = reports[index].object(indentation: "    ")
                step.add("kept_up", keptUp(index))
                return step
            })
        return object.text + "\n"
    }

    private var verdict: String {
        let over = reports.indices.contains { !keptUp($0) }
        let mark = "* less than 95 % was answered, more than 1 % failed, or the 99th percentile was ten times the first"
        guard let knee else { return "Already the first rate was too much.\n\(mark)" }
        let text = NumberText.grouped(UInt64(knee.rounded()))
        return over ? "The server kept up with \(text) per second.\n\(mark)" : "The server kept up with all of them."
    }

    private static func line(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }.joined()
    }
}
