import Testing

/// The page of limits says what is so: each row names a symbol of the library, the value that it has unless set, and a
/// test that crosses the limit.
enum LimitsPageRules {
    static let page = "Sources/Apus/Apus.docc/SecurityAndLimits.md"
    /// What stands in the column of values where the library has none.
    static let valuesOfOthers: Set = ["none", "given", "the format's"]

    struct Row: Equatable {
        let line: Int
        /// `Type.member`
        let symbol: String
        let value: String
        /// `Folder/File.function`
        let tests: [String]
    }

    /// The rows of the tables whose head is that of limits.
    static func rows(_ page: SourceFile) -> [Row] {
        var isTable = false
        return zip(1..., page.lines).compactMap { number, line in
            guard line.hasPrefix("|") else {
                isTable = false
                return nil
            }
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map(\.trimmed)
            if cells == ["Limit", "Symbol", "Unless set", "Beyond it", "Test"] {
                isTable = true
            } else if isTable {
                guard cells.first?.hasPrefix("---") != true else { return nil }
                guard cells.count == 5 else { return Row(line: number, symbol: "", value: "", tests: []) }
                return Row(line: number, symbol: code(cells[1]).first ?? "", value: cells[2], tests: code(cells[4]))
            }
            return nil
        }
    }

    /// What stands between backquotes.
    private static func code(_ cell: String) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    static func violations(_ page: SourceFile, _ files: [SourceFile]) -> [Violation] {
        let symbols = Symbols(files)
        return rows(page).flatMap { row -> [Violation] in
            var faults: [String] = []
            if row.tests.isEmpty { faults.append("no test crosses the limit") }
            for test in row.tests where !isTest(test, files) { faults.append("there is no test \(test)") }
            let lines = symbols.declarations(of: row.symbol)
            if lines.isEmpty {
                faults.append("there is no \(row.symbol) in Sources")
            } else if !valuesOfOthers.contains(row.value) {
                let wanted = number(row.value)
                let found = lines.flatMap { numbers($0) }
                let isTime = row.value.hasSuffix(" s")
                if wanted == nil || !found.contains(where: { $0 == wanted || isTime && $0 / 1e9 == wanted }) {
                    faults.append("\(row.symbol) is \(found), not \(row.value)")
                }
            } else if row.value == "none", !lines.contains(where: { $0.contains("?") }) {
                faults.append("\(row.symbol) is not optional")
            }
            return faults.map { Violation(path: page.path, line: row.line, message: $0) }
        }
    }

    // MARK: Tests

    /// A function of a suite, or one of a program of trials that its table of trials has.
    static func isTest(_ name: String, _ files: [SourceFile]) -> Bool {
        guard let slash = name.firstIndex(of: "/"), let dot = name[slash...].firstIndex(of: ".") else { return false }
        let folder = name[..<slash]
        let function = String(name[name.index(after: dot)...])
        let path = "Tests/\(name[..<dot]).swift"
        guard let file = files.first(where: { $0.path == path }) else { return false }
        let quoted = function.contains(where: { !($0.isLetter || $0.isNumber || $0 == "_") })
        let declaration = quoted ? "func `\(function)`(" : "func \(function)("
        guard let line = file.lines.firstIndex(where: { $0.contains(declaration) }) else { return false }
        if folder.hasSuffix("Trials") {
            return files.contains { other in
                other.path.hasPrefix("Tests/\(folder)/") && other.code.contains { isInTable($0, function) }
            }
        }
        // The attribute may have arguments over several lines, and no other block ends between.
        let before = file.lines[...line].reversed().prefix(60)
        return before.first { $0.contains("@Test") || $0.contains("}") && !$0.contains("{") }?.contains("@Test")
            ?? false
    }

    /// `"name": function,`
    private static func isInTable(_ line: String, _ function: String) -> Bool {
        line.split(separator: ",").contains { $0.split(separator: ":").last?.trimmed.trimmingBrackets == function }
    }

    // MARK: Symbols

    /// Where each type is declared or extended.
    struct Symbols {
        private static let kinds: Set = ["struct", "class", "enum", "extension", "protocol"]
        private var files: [String: [SourceFile]] = [:]

        init(_ all: [SourceFile]) {
            for file in all where file.path.hasPrefix("Sources/") && file.language == .swift {
                var types: Set<String> = []
                for line in file.code where line.last == "{" {
                    let words = line.words.map(String.init)
                    guard let kind = words.firstIndex(where: Self.kinds.contains), kind + 1 < words.count else {
                        continue
                    }
                    types.insert(words[kind + 1])
                }
                for type in types { files[type, default: []].append(file) }
            }
        }

        /// The lines that declare `Type.member`.
        func declarations(of symbol: String) -> [String] {
            let parts = symbol.split(separator: ".").map(String.init)
            guard parts.count == 2 else { return [] }
            return (files[parts[0]] ?? []).flatMap(\.code).filter { line in
                let words = line.words.map(String.init)
                guard let place = words.firstIndex(of: parts[1]) else { return false }
                return words[..<place].contains { ["let", "var", "func", "case"].contains($0) }
                    || line.contains("\(parts[1]):")
            }
        }
    }

    /// "16 KiB", "10 s", "1,000"
    static func number(_ text: String) -> Double? {
        let words = text.split(separator: " ")
        guard let first = words.first, let value = Double(first.replacing(",", with: "")), words.count <= 2 else {
            return nil
        }
        let units: [String: Double] = ["": 1, "s": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30].mapValues {
            Double($0)
        }
        return units[words.count == 2 ? String(words[1]) : ""].map { value * $0 }
    }

    /// The numbers and products of numbers in a line of code.
    static func numbers(_ line: String) -> [Double] {
        var found: [Double] = []
        var product: Double?
        var isShift = false
        for word in line.split(whereSeparator: { " (),:;?[]{}".contains($0) }) {
            if let value = Double(word.replacing("_", with: "")) {
                if isShift, let shifted = product { found.append(shifted * Double(1 << Int(value))) }
                product = isShift ? nil : (product ?? 1) * value
                found.append(product ?? value)
                isShift = false
            } else {
                isShift = word == "<<"
                if word != "*", word != "<<" { product = nil }
            }
        }
        return found
    }
}

extension String {
    fileprivate var trimmingBrackets: String {
        String(self.drop { $0 == "[" }.prefix { $0 != "]" && $0 != ")" }).trimmed
    }
}

@Suite struct `The page of limits` {
    private func page(_ rows: String...) -> SourceFile {
        let head = "| Limit | Symbol | Unless set | Beyond it | Test |\n|---|---|---|---|---|\n"
        return SourceFile(path: LimitsPageRules.page, text: head + rows.joined(separator: "\n"))
    }

    @Test func `says what is so`() throws {
        let page = try #require(SourceTree.files.first { $0.path == LimitsPageRules.page })
        #expect(LimitsPageRules.rows(page).count > 100)
        report(LimitsPageRules.violations(page, SourceTree.files))
    }

    private let files = [
        SourceFile(
            path: "Sources/A/A.swift",
            text: "struct Limits {\n    var most = 16 * 1024\n    var time: Int?\n"
                + "    static let pause: Int64 = 900_000_000\n}"),
        SourceFile(
            path: "Tests/ATests/BTests.swift",
            text: "struct B {\n    @Test(\n        arguments: [1])\n    func crosses() {\n    }\n    func helps() {}\n"
                + "    @Test func `is bounded`() {}\n}"),
        SourceFile(
            path: "Tests/ATrials/C.swift",
            text: "let all = [\"c\": crossed, \"d\": other]\nfunc crossed() {}\nfunc unused() {}"),
    ]

    @Test(arguments: [
        "| a | `Limits.most` | 16 KiB | b | `ATests/BTests.crosses` |",
        "| a | `Limits.time` | none | b | `ATrials/C.crossed` |",
        "| a | `Limits.pause` | 0.9 s | b | `ATests/BTests.is bounded` |",
    ])
    func `may say what is so`(_ row: String) { #expect(LimitsPageRules.violations(page(row), files) == []) }

    @Test(arguments: [
        ("| a | `Limits.most` | 17 KiB | b | `ATests/BTests.crosses` |", "is [16.0, 16384.0], not 17 KiB"),
        ("| a | `Limits.none` | 1 | b | `ATests/BTests.crosses` |", "there is no Limits.none"),
        ("| a | `Other.most` | 16 KiB | b | `ATests/BTests.crosses` |", "there is no Other.most"),
        ("| a | `Limits.most` | none | b | `ATests/BTests.crosses` |", "is not optional"),
        ("| a | `Limits.most` | 16 KiB | b | |", "no test"),
        ("| a | `Limits.most` | 16 KiB | b | `ATests/BTests.helps` |", "there is no test"),
        ("| a | `Limits.most` | 16 KiB | b | `ATests/BTests.none` |", "there is no test"),
        ("| a | `Limits.most` | 16 KiB | b | `ATrials/C.unused` |", "there is no test"),
        ("| a | `Limits.most` | 16 KiB |", "no test"),
    ])
    func `is corrected`(_ row: String, _ message: String) {
        let found = LimitsPageRules.violations(page(row), files)
        #expect(found.contains { $0.message.contains(message) && $0.line == 3 }, "\(found)")
    }

    @Test(
        arguments: [
            ("let a = 2 << 20", 2_097_152), ("var b: Int64 = 10_485_760", 10_485_760),
            ("init(c: Int = 8 * 1024, d", 8192),
            ("var e: Double? = 300", 300), ("f: Int = 100, g: Int = 10 * 1024 * 1024,", 10_485_760),
            ("min(64 * 1024, h)", 65_536),
        ] as [(String, Double)])
    func `reads numbers of code`(_ line: String, _ value: Double) {
        #expect(LimitsPageRules.numbers(line).contains(value))
    }
}
