import ApusLoad
import ArgumentParser
import CApus

extension LoadCommand {
    func run() throws {
        let options: LoadOptions
        do {
            options = try loadOptions()
        } catch let error as LoadOptionsError {
            throw ValidationError(error.description)
        }
        let output = jsonOutput
        var signals: [Int32] = [Int32(CAPUS_SIGINT), Int32(CAPUS_SIGTERM)]
        let stop = capus_signals_open(&signals, Int32(signals.count))
        var progress = ProgressLine(for: options, isQuiet: quiet)
        let report: LoadReport
        do throws(LoadError) {
            report = try LoadRun.run(options, stopDescriptor: stop >= 0 ? stop : nil) { progress.update($0) }
        } catch {
            progress.erase()
            throw Self.exit(for: error)
        }
        progress.erase()
        if output != "-" { print(report.text, terminator: "") }
        try write(report, to: output)
        if !report.isSuccess { throw ExitCode.failure }
    }

    private static func exit(for error: LoadError) -> any Error {
        if case .options(let error) = error { return ValidationError(error.description) }
        StandardError.write("apus load: \(error)\n")
        return ExitCode.failure
    }

    private func write(_ report: LoadReport, to output: String?) throws {
        guard let output else { return }
        if output == "-" { return print(report.json, terminator: "") }
        var json = report.json
        _ = capus_remove_file(output)
        let failure = json.withUTF8 { capus_append_file(output, $0.baseAddress!, $0.count, 0o644) }
        guard failure == 0 else {
            StandardError.write("apus load: cannot write \(output): \(String(cString: capus_error_text(-failure)))\n")
            throw ExitCode.failure
        }
    }
}

/// Where messages go that are no part of the report.
nonisolated enum StandardError {
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = capus_write(2, $0.baseAddress!, $0.count) }
    }
}
