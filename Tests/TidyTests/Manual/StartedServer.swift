import Foundation
import Testing

/// A server that runs in the foreground, on a port of 127.0.0.1 that it tells.
final class StartedServer {
    private let process = Process()
    let address: String
    var port: Substring { address.split(separator: ":").last! }

    /// Starts a program with its arguments, up to the end of its banner.
    init(_ program: URL, _ arguments: [String], pidFile: URL) throws {
        process.executableURL = program
        process.arguments = arguments + ["--pid-file", pidFile.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = try output.text(through: "Start success")
        // Examples say before how to try them.
        address = String(try #require(text.matches(of: /http:\/\/127\.0\.0\.1:[0-9]+/).last).output)
    }

    /// What it answers; how curl fails when it does not.
    func answer() async throws -> String {
        try await SnippetCompiler.run(["curl", "-sS", "--noproxy", "*", address]).output
    }

    /// Ends it, as is asked for.
    func stop() {
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}

extension Pipe {
    /// What a program writes up to `mark`, and what came with it. Fails when it ends before.
    func text(through mark: String) throws -> String {
        var text = ""
        while !text.contains(mark) {
            let more = fileHandleForReading.availableData
            try #require(!more.isEmpty, "no \(mark) in \(text)")
            text += String(decoding: more, as: UTF8.self)
        }
        return text
    }
}
