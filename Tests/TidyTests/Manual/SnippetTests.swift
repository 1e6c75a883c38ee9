import Foundation
import Testing

/// Programs of the manual and of README.md are compiled against the library that was built with the tests: each as what
/// it says it is, the `main.swift` of a program.
enum SnippetCompiler {
    /// Where the built modules stand: beside the program of the tests.
    static let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    /// Module maps of C libraries: those of this package, and of the packages it depends on.
    private static let moduleMaps: [String] = {
        let own = SourceTree.root.appendingPathComponent("CSources")
        let checkouts = products.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("checkouts")
        return [own, checkouts].flatMap { folder -> [String] in
            let folder = folder.resolvingSymlinksInPath()
            let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
            return names.filter { $0.hasSuffix("module.modulemap") && !$0.contains("Tests/") }.map {
                folder.appendingPathComponent($0).path
            }
        }
    }()

    /// What the compiler says of a program; empty when it is right.
    static func faults(of program: ManualPage.Program, in path: String) async throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("manual-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let main = folder.appendingPathComponent("main.swift")
        let place = "#sourceLocation(file: \"\(path)\", line: \(program.line + 1))"
        try [program.preamble, place, program.code, ""].joined(separator: "\n")
            .write(to: main, atomically: true, encoding: .utf8)
        var arguments = [
            "swiftc", "-typecheck", "-swift-version", "6", "-default-isolation", "MainActor",
            "-enable-upcoming-feature", "ExistentialAny", "-I", products.appendingPathComponent("Modules").path,
        ]
        for map in moduleMaps { arguments += ["-Xcc", "-fmodule-map-file=\(map)"] }
        // Where headers are that stand elsewhere.
        let elsewhere = try await run(["pkg-config", "--cflags-only-I", "libmariadb"])
        for flag in elsewhere.output.split(whereSeparator: \.isWhitespace) { arguments += ["-Xcc", String(flag)] }
        let (status, output) = try await run(arguments + [main.path])
        return status == 0 ? "" : "status \(status)\n\(output)"
    }

    /// Waits for a command, on a thread that no test runs on.
    static func run(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let process = Process()
                        let output = Pipe()
                        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                        process.arguments = arguments
                        process.standardOutput = output
                        process.standardError = output
                        try process.run()
                        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                        process.waitUntilExit()
                        return (process.terminationStatus, text)
                    })
            }
        }
    }
}

@Suite struct `Programs of the manual` {
    @Test(arguments: (Manual.pages + Manual.readme).map(\.file.path))
    func `compile`(_ path: String) async throws {
        let page = try #require((Manual.pages + Manual.readme).first { $0.file.path == path })
        for program in page.programs where !program.isFragment {
            let faults = try await SnippetCompiler.faults(of: program, in: path)
            #expect(faults == "")
        }
    }

    @Test func `are many, and few are fragments`() {
        let programs = (Manual.pages + Manual.readme).flatMap(\.programs)
        #expect(programs.count > 70)
        #expect(programs.filter(\.isFragment).count <= 3)
    }

    @Test(arguments: [
        ("let a: Int = \"text\"", "page.md:8"),
        (
            "import Apus\nlet server = Worker(.http, on: \"127.0.0.1:0\")\nserver.onMessage = { $0.nothing($1) }",
            "page.md:10"
        ),
    ])
    func `that are wrong are found, with their place`(_ code: String, _ place: String) async throws {
        let program = ManualPage.Program(line: 7, preamble: "", code: code, isFragment: false)
        let faults = try await SnippetCompiler.faults(of: program, in: "page.md")
        #expect(faults.contains(place) && faults.contains("error:"), "\(faults)")
    }

    @Test func `may rest on what stands in front of them`() async throws {
        let page = ManualPage(
            SourceFile(
                path: "a.md",
                text: "<!-- compiled first\nlet a = 1\n-->\n```swift\nlet b: Int = a\n```\n"
                    + "```swift (fragment)\n}\n```"))
        #expect(
            page.programs == [
                ManualPage.Program(line: 4, preamble: "let a = 1", code: "let b: Int = a", isFragment: false),
                ManualPage.Program(line: 7, preamble: "", code: "}", isFragment: true),
            ])
        #expect(try await SnippetCompiler.faults(of: page.programs[0], in: "a.md") == "")
    }
}
