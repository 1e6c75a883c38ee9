import Foundation
import Testing

/// The steps of the page, with a copy of this package in place of a clone.
@Suite struct InstallationTests {
    @Test func stepsLeadToAServer() async throws {
        let page = try #require(Manual.pages.first { $0.name == "Installation" })
        let manifest = try #require(page.programs.first { $0.code.contains("import PackageDescription") })
        let main = try #require(page.programs(below: "Download and install").first)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("install-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let apus = folder.appendingPathComponent("apus")
        try FileManager.default.createDirectory(at: apus, withIntermediateDirectories: true)
        for name in ["Package.swift", "Package.resolved", "Sources", "CSources", "Tests"] {
            let original = SourceTree.root.appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: original.path) else { continue }
            try FileManager.default.copyItem(at: original, to: apus.appendingPathComponent(name))
        }
        let step = try #require(page.otherCode.first { $0.text.hasPrefix("mkdir") }).text
        try await run(["sh", "-ec", "cd '\(folder.path)'; \(step)"])
        let server = folder.appendingPathComponent("server")
        try manifest.code.write(
            to: server.appendingPathComponent("Package.swift"), atomically: true, encoding: .utf8)
        // A port that is free.
        try main.code.replacing("127.0.0.1:8080", with: "127.0.0.1:0").write(
            to: server.appendingPathComponent("Sources/server/main.swift"), atomically: true, encoding: .utf8)
        try await run(["swift", "build", "--package-path", server.path])
        let program = server.appendingPathComponent(".build/debug/server")
        let started = try StartedServer(program, ["start"], pidFile: folder.appendingPathComponent("pid"))
        #expect(try await started.answer() == "Hello, World!")
        started.stop()
    }

    private func run(_ command: [String]) async throws {
        let (status, output) = try await SnippetCompiler.run(command)
        try #require(status == 0, "\(command): \(output.suffix(3000))")
    }
}
