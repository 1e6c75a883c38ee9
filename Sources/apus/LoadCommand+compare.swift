import ApusLoad
import ApusProtocols
import ArgumentParser
import FoundationEssentials

extension LoadCommand {
    func validateComparison() throws {
        guard compare.count == 2, compare.allSatisfy({ !Self.files($0).isEmpty }) else {
            throw ValidationError(
                "--compare takes two sides: --compare a.json b.json, or a1.json,a2.json b1.json,b2.json")
        }
        let asksForLoad = !urls.isEmpty || duration != nil || requests != nil || rate != nil || steps != nil
        guard !asksForLoad, failIf.isEmpty, html == nil, csv == nil, hgrm == nil else {
            throw ValidationError("--compare puts on no load; it goes with --json alone")
        }
    }

    func runComparison() throws {
        let comparison: LoadComparison
        do throws(LoadOptionsError) {
            comparison = LoadComparison(try Self.runs(compare[0]), try Self.runs(compare[1]))
        } catch {
            LoadProgram.complain("\(error)")
            throw ExitCode(LoadProgram.ExitStatus.usage.rawValue)
        }
        let outputs = json == "-" ? [] : [(comparison.text, "-")]
        for (text, path) in outputs + (json.map { [(comparison.json, $0)] } ?? []) {
            guard LoadProgram.write(text, toFile: path) else {
                throw ExitCode(LoadProgram.ExitStatus.failure.rawValue)
            }
        }
    }

    private static func files(_ side: String) -> [String] { side.split(atASCII: ",").map(String.init) }

    private static func runs(_ side: String) throws(LoadOptionsError) -> [ComparedRun] {
        var runs: [ComparedRun] = []
        for path in files(side) {
            let bytes = try FileBytes.read(path, "--compare")
            do {
                var run = try JSONDecoder().decode(ComparedRun.self, from: Data(bytes))
                run.name = path
                runs.append(run)
            } catch {
                throw LoadOptionsError("--compare", "\(path) \(fault(error))")
            }
        }
        return runs
    }

    /// What is wrong with a file, behind its name.
    private static func fault(_ error: any Error) -> String {
        switch error {
        case let mismatch as ComparedRun.Mismatch: "\(mismatch)"
        case DecodingError.dataCorrupted: "is no JSON"
        case DecodingError.keyNotFound(let key, _): "is no whole report of apus load: \(key.stringValue) is missing"
        default: "\(ComparedRun.Mismatch.foreign)"
        }
    }
}
