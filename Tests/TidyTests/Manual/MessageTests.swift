import Testing

/// What the library warns of and fails with stands in the manual.
enum LoggedMessages {
    /// What begins a message, and whether it counts without a level.
    private static let calls = [
        ("Log.write(", false), ("Service.fail(", true), ("SetupError(", true), ("leave(", true),
    ]

    /// The strings that a file logs as warnings or errors, or fails with; "…" where something is filled in.
    static func messages(_ file: SourceFile) -> [(line: Int, text: String)] {
        file.lines.indices.flatMap { index -> [(Int, String)] in
            calls.compactMap { call, always in
                guard let start = file.code[index].firstRange(of: call), !file.code[index].contains("func ") else {
                    return nil
                }
                let offset = file.code[index].distance(from: file.code[index].startIndex, to: start.upperBound)
                let lines = [String(file.lines[index].dropFirst(offset))] + file.lines[(index + 1)...].prefix(8)
                var scanner = CallScanner(Array(lines.joined(separator: "\n")))
                scanner.scan()
                guard always || [".warning", ".error"].contains(where: scanner.code.contains) else { return nil }
                return (index + 1, scanner.text)
            }
        }
    }

    /// Reads the arguments of a call up to its closing parenthesis.
    private struct CallScanner {
        private let characters: [Character]
        private var i = 0
        /// What its strings say.
        private(set) var text = ""
        /// What is no string.
        private(set) var code = ""

        init(_ characters: [Character]) { self.characters = characters }

        mutating func scan() {
            var depth = 1
            while i < characters.count, depth > 0 {
                switch characters[i] {
                case "(": depth += 1
                case ")": depth -= 1
                case "\"": readString()
                default: code.append(characters[i])
                }
                i += 1
            }
        }

        private mutating func readString() {
            i += 1
            while i < characters.count, characters[i] != "\"" {
                if characters[i] == "\\", i + 1 < characters.count {
                    i += 1
                    if characters[i] == "(" { skipInterpolation() } else { text.append(characters[i]) }
                } else {
                    text.append(characters[i])
                }
                i += 1
            }
        }

        private mutating func skipInterpolation() {
            var depth = 1
            while i + 1 < characters.count, depth > 0 {
                i += 1
                if characters[i] == "(" { depth += 1 }
                if characters[i] == ")" { depth -= 1 }
            }
            text.append("…")
        }
    }

    /// Those that no page quotes a part of. What is hardly more than what is filled in has its message from elsewhere.
    static func unexplained(_ files: [SourceFile], quoted: [String]) -> [Violation] {
        files.flatMap { file in
            messages(file).filter { message in
                let parts = message.text.split(separator: "…")
                guard parts.contains(where: { $0.count >= 12 }) else { return false }
                return !quoted.contains { $0.count >= 8 && message.text.contains($0) }
            }.map { Violation(path: file.path, line: $0.line, message: "no page explains «\($0.text)»") }
        }
    }

    /// What stands between backquotes in pages, without what differs.
    static func quoted(_ pages: [ManualPage]) -> [String] {
        pages.flatMap(\.codeSpans).flatMap { $0.text.split(separator: "…") }.map { $0.trimmed }
    }
}

@Suite struct `Messages of the library` {
    @Test func `are explained`() {
        let library = SourceTree.swift.filter { $0.path.hasPrefix("Sources/Apus/") }
        #expect(library.flatMap(LoggedMessages.messages).count > 50)
        report(LoggedMessages.unexplained(library, quoted: LoggedMessages.quoted(Manual.pages)))
    }

    @Test func `are found where they are made`() {
        let text = """
            Log.write("a \\(b("c")) is d", .warning)
            Log.write("a notice")
            Service.fail(
                "no \\"e\\" "
                    + "at all: \\(f)", status: 1)
            // Log.write("a comment", .error)
            """
        let file = SourceFile(path: "Sources/Apus/a.swift", text: text)
        #expect(LoggedMessages.messages(file).map(\.line) == [1, 3])
        #expect(LoggedMessages.messages(file).map(\.text) == ["a … is d", "no \"e\" at all: …"])
        #expect(LoggedMessages.unexplained([file], quoted: ["nothing of it"]).map(\.line) == [3])
        #expect(LoggedMessages.unexplained([file], quoted: ["\"e\" at all"]).isEmpty)
    }
}
