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
        var text = ""
        while !text.contains("Start success") {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "\(text)")
            text += String(decoding: more, as: UTF8.self)
        }
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
