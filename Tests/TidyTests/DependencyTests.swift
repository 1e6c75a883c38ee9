import Testing

/// What may use what: arrows point down only.
enum DependencyRules {
    /// What each target may import. What is not listed here has no place in the layout yet.
    static let imports: [String: Set<String>] = [
        "ApusProtocols": ["CApus", "CZlib"],
        "Apus": ["CApus", "ApusProtocols", "Synchronization"],
        "ApusWeb": [
            "Apus", "ApusProtocols", "ApusRedis", "CApus", "CZlib", "FoundationEssentials", "Synchronization",
        ],
        "ApusClient": ["Apus", "ApusProtocols", "CApus", "CCares", "FoundationEssentials", "Synchronization"],
        // FoundationEssentials for the JSON of redis-queue alone.
        "ApusRedis": ["Apus", "ApusProtocols", "CApus", "FoundationEssentials"],
        "ApusMySQL": ["Apus", "ApusProtocols", "CApus", "CMariaDB"],
        "ApusSystem": ["Apus", "ApusProtocols", "CLinux"],
        "ApusNATS": ["Apus", "ApusProtocols"],
        "ApusSTOMP": ["Apus", "ApusProtocols"],
        "ApusZeroMQ": ["Apus", "CZeroMQ", "Synchronization"],
        "ApusSocketIO": ["Apus", "ApusProtocols", "ApusWeb", "ApusCluster", "CApus", "FoundationEssentials"],
        "ApusCluster": [
            "Apus", "ApusProtocols", "ApusClient", "ApusNATS", "ApusRedis", "CApus", "CLinux", "FoundationEssentials",
            "Synchronization",
        ],
        "ApusObservability": [
            "Apus", "ApusProtocols", "ApusWeb", "Logging", "Metrics", "Tracing", "ServiceLifecycle", "HTTPTypes",
            "Synchronization",
        ],
        "ApusTesting": ["Apus", "ApusProtocols", "ApusClient", "CApus", "Testing", "Synchronization"],
        // Glibc for its logarithms and other functions of numbers only.
        "ApusLoad": ["Apus", "ApusProtocols", "CApus", "Glibc", "Histogram", "Synchronization"],
        // FoundationEssentials to read the JSON of reports, Glibc to write the files of a new package.
        "apus": [
            "Apus", "ApusWeb", "ApusClient", "ApusLoad", "ApusProtocols", "ArgumentParser", "FoundationEssentials",
            "Glibc", "Histogram",
        ],
    ]

    /// Examples show what users do: any product, and what comes with Swift.
    static let examples: Set = [
        "Apus", "ApusWeb", "ApusClient", "ApusNATS", "ApusRedis", "ApusMySQL", "ApusSTOMP", "ApusZeroMQ",
        "ApusSocketIO",
        "ApusCluster", "ApusObservability", "ApusSystem", "Foundation", "FoundationEssentials", "Glibc",
        "Synchronization",
    ]

    static func imports(_ file: SourceFile) -> [Violation] {
        guard file.language == .swift, file.folders.count > 1, file.folders[0] == "Sources" else { return [] }
        let target = String(file.folders[1])
        guard let allowed = target == "Examples" ? examples : imports[target] else {
            let message = "target \(target) is not in the list of what targets may import"
            return [Violation(path: file.path, line: 0, message: message)]
        }
        return importedModules(file).filter { !allowed.contains($0.module) }.map { number, module in
            let message = "\(target) imports \(module); it may import \(allowed.sorted().joined(separator: ", "))"
            return Violation(path: file.path, line: number, message: message)
        }
    }

    static func importedModules(_ file: SourceFile) -> [(line: Int, module: String)] {
        zip(1..., file.code).compactMap { number, line in
            let words = line.words.map(String.init)
            let isImport = line.trimmed.hasPrefix("import ") || line.contains(" import ")
            guard isImport, let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count else { return nil }
            let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor"]
            let name = words[keyword + 1]
            return (number, kinds.contains(name) && keyword + 2 < words.count ? words[keyword + 2] : name)
        }
    }

    /// Only the C core knows libevent.
    static func systemLibraries(_ file: SourceFile) -> [Violation] {
        guard file.language == .swift, file.folders.first == "Sources" else { return [] }
        return importedModules(file).filter { $0.module == "CLibevent" }.map {
            Violation(path: file.path, line: $0.line, message: "only CApus may use CLibevent")
        }
    }

    // MARK: Folders of the library

    /// The folders of Sources/Apus by height. A file mentions no type that is defined in a higher folder.
    static let heights: [String: Int] = [
        "Status": 5, "Process": 5,
        "Connections": 4, "Protocols": 4,
        "TLS": 3,
        "Tasks": 2, "Timers": 2, "EventLoop": 2,
        "Buffers": 1,
        "Diagnostics": 0,
    ]

    /// Arrows that point up today, as "file mentions type". It may only shrink: an entry that is no longer needed
    /// fails the test, and no new one is to be added.
    static let knownUpwardArrows: Set<String> = []

    struct Arrow {
        let line: Int
        let file: SourceFile
        let type: String
        let home: String
        var name: String { "\(file.path.dropFirst("Sources/Apus/".count)) mentions \(type)" }
    }

    static func upwardArrows(_ files: [SourceFile]) -> [Arrow] {
        let library = files.filter { $0.path.hasPrefix("Sources/Apus/") && $0.folders.count > 2 }
        var homes: [String: String] = [:]
        for file in library {
            let folder = String(file.folders[2])
            for type in typesDefined(in: file) where (heights[homes[type] ?? ""] ?? .max) > heights[folder] ?? 0 {
                homes[type] = folder
            }
        }
        return library.flatMap { file -> [Arrow] in
            let height = heights[String(file.folders[2])] ?? 0
            var seen: Set<String> = []
            return zip(1..., file.code).flatMap { number, line in
                line.words.compactMap { word -> Arrow? in
                    let type = String(word)
                    guard let home = homes[type], heights[home] ?? 0 > height, seen.insert(type).inserted else {
                        return nil
                    }
                    return Arrow(line: number, file: file, type: type, home: home)
                }
            }
        }
    }

    static func folders(_ files: [SourceFile]) -> [Violation] {
        let strays = files.filter { $0.path.hasPrefix("Sources/Apus/") }.filter {
            $0.folders.count < 3 || heights[String($0.folders[2])] == nil
        }
        let arrows = upwardArrows(files)
        let names = Set(arrows.map(\.name))
        return strays.map { Violation(path: $0.path, line: 0, message: "stands in no folder whose height is known") }
            + arrows.filter { !knownUpwardArrows.contains($0.name) }.map {
                let message = "\($0.file.folders[2]) mentions \($0.type), which \($0.home) above it defines"
                return Violation(path: $0.file.path, line: $0.line, message: message)
            }
            + knownUpwardArrows.subtracting(names).sorted().map {
                Violation(
                    path: "Tests/TidyTests/DependencyTests.swift", line: 0, message: "«\($0)» is mended: strike it out")
            }
    }

    /// Types at the top of a file; what is nested is mentioned through them.
    static func typesDefined(in file: SourceFile) -> [String] {
        let kinds: Set = ["class", "struct", "enum", "protocol", "actor", "typealias"]
        let nested = file.blocks.map { ($0.headerLine, $0.lastLine) }
        return zip(1..., file.code).compactMap { number, line in
            let words = line.words.map(String.init)
            guard let index = words.firstIndex(where: kinds.contains), index + 1 < words.count else { return nil }
            let before = words[..<index]
            guard before.allSatisfy({ $0.first?.isLowercase == true }) else { return nil }
            return nested.contains { $0.0 < number && number <= $0.1 } ? nil : words[index + 1]
        }
    }
}

@Suite struct `Dependencies` {
    @Test func `Targets import what stands below them`() {
        report(SourceTree.swift.flatMap(DependencyRules.imports))
        let file = { SourceFile(path: "Sources/Apus/A/a.swift", text: $0) }
        #expect(DependencyRules.imports(file("import CApus\n// import Foundation\nimport Synchronization")).isEmpty)
        for module in ["Foundation", "Glibc", "Dispatch", "FoundationEssentials", "CLibevent", "ApusWeb"] {
            #expect(DependencyRules.imports(file("import CApus\nimport \(module)")).map(\.line) == [2])
            #expect(DependencyRules.imports(file("@preconcurrency internal import \(module)")).count == 1)
            #expect(DependencyRules.imports(file("import struct \(module).Thing")).count == 1)
        }
        let parser = SourceFile(path: "Sources/ApusProtocols/a.swift", text: "import Synchronization")
        #expect(DependencyRules.imports(parser).count == 1)
        #expect(DependencyRules.imports(SourceFile(path: "Sources/New/a.swift", text: "")).count == 1)
    }

    @Test func `Swift knows system libraries through the C core alone`() {
        report(SourceTree.swift.flatMap(DependencyRules.systemLibraries))
        let file = SourceFile(path: "Sources/apus/a.swift", text: "import CLibevent")
        #expect(DependencyRules.systemLibraries(file).count == 1)
    }

    @Test func `Arrows between the folders of the library point down`() {
        report(DependencyRules.folders(SourceTree.swift))
        let low = SourceFile(path: "Sources/Apus/Buffers/a.swift", text: "// Master\nlet a: Master? = \"Master\"")
        let high = SourceFile(path: "Sources/Apus/Process/b.swift", text: "final class Master {\n    struct A {}\n}")
        #expect(DependencyRules.typesDefined(in: high) == ["Master"])
        let arrows = DependencyRules.upwardArrows([low, high])
        #expect(arrows.map(\.name) == ["Buffers/a.swift mentions Master"])
        #expect(arrows.map(\.line) == [2])
        let stray = SourceFile(path: "Sources/Apus/Other/c.swift", text: "")
        #expect(DependencyRules.folders([stray]).contains { $0.path == stray.path })
    }
}
