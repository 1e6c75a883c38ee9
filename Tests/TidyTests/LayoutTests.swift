import Foundation
import Testing

/// Where things are, and how large they may be.
enum LayoutRules {
    static let topLevel: Set = ["Package.swift", "Sources", "CSources", "Tests", "bench", "README.md", "LICENSE"]
    static let maxFileLines = 700
    static let maxFunctionLines = 70
    static let maxSwiftColumns = 120
    static let maxCColumns = 120
    static let maxCLines = 3580

    static func topLevel(_ names: [String]) -> [Violation] {
        names.filter { !$0.hasPrefix(".") && !topLevel.contains($0) }.map {
            Violation(path: $0, line: 0, message: "stands at the top level, which holds \(topLevel.sorted()) alone")
        }
    }

    /// C stands in CSources, and in the benchmarks' peers.
    static func placement(_ file: SourceFile) -> [Violation] {
        let message: String? =
            switch (file.language, file.folders.first) {
            case (.c, "Sources"), (.c, "Tests"): "C stands in CSources"
            case (.swift, "CSources"): "Swift stands in Sources"
            default: nil
            }
        return message.map { [Violation(path: file.path, line: 0, message: $0)] } ?? []
    }

    static func fileLength(_ file: SourceFile) -> [Violation] {
        guard file.language != .other, file.lines.count > maxFileLines else { return [] }
        return [Violation(path: file.path, line: 0, message: "\(file.lines.count) lines, at most \(maxFileLines)")]
    }

    static func functionLength(_ file: SourceFile) -> [Violation] {
        guard file.language != .other else { return [] }
        return file.functions.compactMap { function in
            let count = function.last - function.first + 1
            guard count > maxFunctionLines else { return nil }
            let message = "\(function.name) has \(count) lines, at most \(maxFunctionLines)"
            return Violation(path: file.path, line: function.first, message: message)
        }
    }

    static func lineLength(_ file: SourceFile) -> [Violation] {
        guard file.language != .other else { return [] }
        let most = file.language == .swift ? maxSwiftColumns : maxCColumns
        return zip(1..., file.lines).filter { $1.count > most }.map { number, line in
            Violation(path: file.path, line: number, message: "\(line.count) columns, at most \(most)")
        }
    }

    static func cSize(_ files: [SourceFile]) -> [Violation] {
        let lines = files.filter { $0.path.hasPrefix("CSources/CApus/") }.flatMap(\.code)
        let count = lines.count { !$0.trimmed.isEmpty }
        guard count >= maxCLines else { return [] }
        return [
            Violation(path: "CSources", line: 0, message: "\(count) lines of C code, fewer than \(maxCLines) wanted")
        ]
    }

    static func ignored(_ file: SourceFile) -> [Violation] {
        [".build*/", "Package.resolved"].filter { !file.lines.contains($0) }.map {
            Violation(path: file.path, line: 0, message: "misses \($0)")
        }
    }
}

@Suite struct `Layout` {
    @Test func `The top level holds what it must and dot files`() throws {
        report(LayoutRules.topLevel(try SourceTree.topLevel()))
        #expect(try SourceTree.topLevel().contains("Package.swift"), "the tests look at the wrong folder")
        #expect(LayoutRules.topLevel(["Package.swift", ".ci", "docs"]).map(\.path) == ["docs"])
    }

    @Test func `C and Swift stand apart`() {
        report(SourceTree.files.flatMap(LayoutRules.placement))
        #expect(LayoutRules.placement(SourceFile(path: "Sources/A/a.c", text: "")).count == 1)
        #expect(LayoutRules.placement(SourceFile(path: "CSources/A/a.swift", text: "")).count == 1)
    }

    @Test func `No file is longer than 700 lines`() {
        report(SourceTree.files.flatMap(LayoutRules.fileLength))
        let lines = { String(repeating: "x\n", count: $0) }
        #expect(LayoutRules.fileLength(SourceFile(path: "a.swift", text: lines(700))).isEmpty)
        #expect(LayoutRules.fileLength(SourceFile(path: "a.swift", text: lines(701))).count == 1)
        #expect(LayoutRules.fileLength(SourceFile(path: "a.c", text: lines(701))).count == 1)
    }

    @Test func `No function is longer than 70 lines`() {
        report(SourceTree.files.flatMap(LayoutRules.functionLength))
        let functions = SourceTree.files.flatMap(\.functions)
        #expect(functions.count > 300, "the tests find too few functions: \(functions.count)")
    }

    @Test(arguments: [
        ("a.swift", "struct A {\n    func f(\n        x: Int\n    ) -> Int {\n§        return 1\n    }\n}", "f", 2),
        ("a.swift", "@inline(__always)\nprivate func g<T>() throws -> T\nwhere T: P {\n§}", "g", 1),
        (
            "a.swift", "class A {\n    let b = 1\n    override init(c: Int = 3, d: () -> Void = {}) {\n§    }\n}",
            "init", 3
        ),
        ("a.swift", "struct A {\n    subscript(i: Int) -> Int {\n§ i }\n}", "subscript", 2),
        ("a.swift", "f(x: {\n  func inner() {\n§  }\n})", "inner", 2),
        (
            "a.c",
            "#define X(a) { a\nstatic inline int f(int a,\n    int b) {\n  for (;;) { '{'; \"{\"; }\n§}\n",
            "f", 2
        ),
        ("a.h", "struct s {\n int a;\n};\nint *g(void)\n{\n§ return 0; /* } */\n}\nint h(void);", "g", 4),
    ])
    func `The lines of a function are found`(_ path: String, _ text: String, _ name: String, _ first: Int) {
        let filled = { (count: Int) in
            SourceFile(path: path, text: text.replacing("§", with: String(repeating: "\n", count: count)))
        }
        let found = filled(0).functions
        #expect(found.map(\.name) == [name])
        #expect(found.map(\.first) == [first])
        let fits = 70 - (found[0].last - found[0].first + 1)
        #expect(LayoutRules.functionLength(filled(fits)).isEmpty)
        #expect(LayoutRules.functionLength(filled(fits + 1)).map(\.line) == [first])
    }

    @Test func `No line is wider than 120 columns`() {
        report(SourceTree.files.flatMap(LayoutRules.lineLength))
        let line = { String(repeating: "é", count: $0) }
        #expect(LayoutRules.lineLength(SourceFile(path: "a.swift", text: line(120))).isEmpty)
        #expect(LayoutRules.lineLength(SourceFile(path: "a.swift", text: "\n" + line(121))).map(\.line) == [2])
        #expect(LayoutRules.lineLength(SourceFile(path: "a.h", text: line(120))).isEmpty)
        #expect(LayoutRules.lineLength(SourceFile(path: "a.h", text: line(121))).count == 1)
    }

    @Test func `The C core has fewer than 3,580 lines of code`() {
        report(LayoutRules.cSize(SourceTree.c))
        let file = SourceFile(path: "CSources/CApus/a.c", text: String(repeating: "x\n", count: 3580))
        #expect(LayoutRules.cSize([file]).count == 1)
        // What only includes the header of a library is no code.
        #expect(
            LayoutRules.cSize([SourceFile(path: "CSources/CZlib/shim.h", text: file.lines.joined(separator: "\n"))])
                .isEmpty)
    }

    @Test func `What names its interpreter can be run`() {
        let scripts = SourceTree.files.filter { $0.lines.first?.hasPrefix("#!") == true }
        #expect(scripts.count > 20, "the tests find too few scripts: \(scripts.count)")
        for script in scripts {
            let path = SourceTree.root.appendingPathComponent(script.path).path
            #expect(FileManager.default.isExecutableFile(atPath: path), "\(script.path)")
        }
    }

    @Test func `git ignores what builds make`() throws {
        let file = try #require(SourceTree.files.first { $0.path == ".gitignore" })
        report(LayoutRules.ignored(file))
        #expect(LayoutRules.ignored(SourceFile(path: ".gitignore", text: ".build/\n")).count == 2)
    }
}

/// Records each violation with its file and line.
func report(_ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation) {
    for violation in violations { Issue.record("\(violation)", sourceLocation: sourceLocation) }
}
