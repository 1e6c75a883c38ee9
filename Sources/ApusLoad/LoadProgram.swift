import Apus
import CApus

/// A load as a command of its own: progress on the terminal, the report on standard output, an exit status.
public nonisolated struct LoadProgram: Sendable {
    /// How a run can end.
    public enum ExitStatus: Int32, Sendable {
        /// Every request was answered.
        case success = 0
        /// Requests failed, or there was no connection at all.
        case failure = 1
        /// A threshold was crossed.
        case thresholdCrossed = 2
        /// The options cannot be understood, or do not go together (EX_USAGE).
        case usage = 64
    }

    private static let standardOutput: Int32 = 1
    private static let standardError: Int32 = 2

    /// What load to put on.
    public var options: LoadOptions
    /// Rates that are put on one after the other, each as long as the options say; none for a single run.
    public var rates: [Double] = []
    /// Where the JSON report goes: "-" for standard output, instead of the text; nil for nowhere.
    public var jsonPath: String?
    /// Where the page with plots goes; nil for nowhere.
    public var htmlPath: String?
    /// Where the run goes second by second, as CSV; nil for nowhere.
    public var csvPath: String?
    /// Where the distribution of the latencies goes, for the plotters of HdrHistogram; nil for nowhere.
    public var hgrmPath: String?
    /// Where the latencies in milliseconds by percent go, as ab writes them; nil for nowhere.
    public var percentagesPath: String?
    /// Nothing is told of how far the run has come.
    public var isQuiet = false

    /// A program that puts on that load.
    public init(_ options: LoadOptions) { self.options = options }

    /// Runs to the end, or to SIGINT or SIGTERM, and reports.
    public func run() -> ExitStatus {
        var signals = [Int32(CAPUS_SIGINT), Int32(CAPUS_SIGTERM)]
        let opened = capus_signals_open(&signals, Int32(signals.count))
        let stop = opened >= 0 ? opened : nil
        var progress = ProgressDisplay(for: options, isQuiet: isQuiet)
        do throws(LoadError) {
            if !rates.isEmpty {
                let steps = try LoadSteps.run(options, rates: rates, stopDescriptor: stop) { progress.update($0) }
                progress.erase()
                return report(steps)
            }
            let report = try LoadRun.run(options, stopDescriptor: stop) { progress.update($0) }
            progress.erase()
            return self.report(report)
        } catch {
            progress.erase()
            Self.complain("\(error)")
            if case .options = error { return .usage }
            return .failure
        }
    }

    private func report(_ steps: LoadSteps) -> ExitStatus {
        if jsonPath != "-" { Terminal.write(steps.text, to: Self.standardOutput) }
        if let jsonPath, !Self.write(steps.json, toFile: jsonPath) { return .failure }
        if steps.reports.contains(where: { !$0.crossedThresholds.isEmpty }) { return .thresholdCrossed }
        // To find out what is too much is what the steps are for.
        return .success
    }

    private func report(_ report: LoadReport) -> ExitStatus {
        if jsonPath != "-" { Terminal.write(report.text, to: Self.standardOutput) }
        let files = [
            (jsonPath, \LoadReport.json), (htmlPath, \.html), (csvPath, \.csv), (hgrmPath, \.hgrm),
            (percentagesPath, \.percentages),
        ]
        for case (let path?, let content) in files where !Self.write(report[keyPath: content], toFile: path) {
            return .failure
        }
        if !report.crossedThresholds.isEmpty { return .thresholdCrossed }
        return report.isSuccess ? .success : .failure
    }

    /// Says on standard error what went wrong.
    public static func complain(_ text: String) { Terminal.write("apus load: \(text)\n", to: standardError) }

    /// Writes to a file, or to standard output when the path is "-"; false, and a word on standard error, when that
    /// fails.
    package static func write(_ text: String, toFile path: String) -> Bool {
        if path == "-" {
            Terminal.write(text, to: standardOutput)
            return true
        }
        var text = text
        let failure = text.withUTF8 { bytes in
            let file = capus_lock_file(path, 0o644)
            guard file >= 0 else { return file }
            defer { capus_close(file) }
            if capus_replace_content(file, bytes.baseAddress!, bytes.count) == 0 { return 0 }
            // A device or a pipe has no content that could be replaced.
            return capus_append_file(path, bytes.baseAddress!, bytes.count, 0o644, 0)
        }
        if failure < 0 { complain("cannot write \(path): \(String(cString: capus_error_text(-failure)))") }
        return failure == 0
    }
}
