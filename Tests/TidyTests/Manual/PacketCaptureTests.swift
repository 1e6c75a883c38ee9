import Foundation
import Testing

/// What the page on debugging has tcpdump show.
@Suite struct PacketCaptureTests {
    /// What each command shows of a request, and the last of one that nobody takes.
    private static let shown = ["Hello, World!", "4865 6c6c 6f2c 2057", "Flags [R"]

    @Test func commandsShowWhatIsSaid() async throws {
        let page = try #require(Manual.pages.first { $0.name == "Debugging" })
        let commands = page.otherCode.map(\.text).filter { $0.hasPrefix("tcpdump") }
        try #require(commands.count == Self.shown.count)
        for (command, expected) in zip(commands, Self.shown) {
            let pidFile = FileManager.default.temporaryDirectory.appendingPathComponent("pid-\(UUID().uuidString)")
            let server = try StartedServer(
                SnippetCompiler.products.appendingPathComponent("Examples"),
                ["HelloHTTP", "start", "--on", "127.0.0.1:0"], pidFile: pidFile)
            let capture = try Capture(command.replacing("port 2000", with: "port \(server.port)"))
            #expect(try await server.answer() == "Hello, World!\n")
            server.stop()
            _ = try await server.answer()
            let text = try await capture.text(through: expected)
            #expect(text.contains("127.0.0.1.\(server.port)"), "\(text)")
            if expected.hasPrefix("Flags") { #expect(text.contains("Flags [S]"), "\(text)") }
        }
    }
}

/// tcpdump while it runs.
private final class Capture {
    private let process = Process()
    private let output = Pipe()

    /// Starts the command line; what it shows comes line by line. Packets are seen from here on.
    init(_ command: String) throws {
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "exec stdbuf -oL \(command)"]
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        _ = try errors.text(through: "listening on")
    }

    /// What it has shown when `expected` is there, or when it has ended after a minute without.
    func text(through expected: String) async throws -> String {
        let limit = DispatchWorkItem { [process] in kill(process.processIdentifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: limit)
        defer {
            limit.cancel()
            // Dispatch's threads block signals, and hand that down: it would not hear of another one.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        return try output.text(through: expected)
    }
}
