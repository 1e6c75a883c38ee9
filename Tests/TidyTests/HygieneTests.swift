import Testing

/// What is never left in the tree.
enum HygieneRules {
    /// Written so that this file does not hold them.
    static let markers = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]

    static func markers(_ file: SourceFile) -> [Violation] {
        zip(1..., file.lines).flatMap { number, line in
            line.words.filter { markers.contains(String($0)) }.map {
                Violation(path: file.path, line: number, message: "\($0): nothing is left open in the tree")
            }
        }
    }

    static func printing(_ file: SourceFile) -> [Violation] {
        zip(1..., file.code).compactMap { number, line in
            let calls = ["print(", "debugPrint(", "dump("].filter { call in
                line.ranges(of: call).contains { range in
                    let before = line[..<range.lowerBound]
                    return !(before.last.map { $0.isLetter || $0.isNumber || "_.`".contains($0) } ?? false)
                        && !before.trimmed.hasSuffix("func")
                }
            }
            guard let call = calls.first else { return nil }
            return Violation(path: file.path, line: number, message: "\(call)…) in a library, which logs instead")
        }
    }

    static func unsafeFlags(_ file: SourceFile) -> [Violation] {
        guard file.path.hasSuffix("Package.swift") else { return [] }
        return zip(1..., file.code).filter { $1.contains("unsafeFlags") }.map { number, _ in
            Violation(path: file.path, line: number, message: "packages with unsafeFlags cannot be depended on")
        }
    }

    /// Marks that separate or have to be escaped are looked for among bytes or scalars (`ASCIIText`): among characters
    /// one with an accent behind it is not found, and `\r\n` is no line break.
    static func marksAmongCharacters(_ file: SourceFile) -> [Violation] {
        let calls = ["firstIndex(of: ", "lastIndex(of: ", ".split(separator: ", ".replacing("]
        return file.code.indices.compactMap { index in
            let (code, line) = (file.code[index], Array(file.lines[index].utf8))
            let isOfScalars = file.code[max(0, index - 1)...index].contains {
                $0.contains("unicodeScalars") || $0.contains("utf8")
            }
            let call = calls.first { call in
                code.ranges(of: call).contains { range in
                    // Strings are blank in the code; whole words may be replaced.
                    let start = code.utf8.distance(from: code.startIndex, to: range.upperBound)
                    let literal = line.dropFirst(start).prefix(4)
                    return literal.first == 0x22 && literal.dropFirst(2).contains(0x22)
                }
            }
            guard !isOfScalars, let call else { return nil }
            return Violation(path: file.path, line: index + 1, message: "\(call)…) compares characters; see ASCIIText")
        }
    }

    static let claims = ["@unchecked Sendable", "nonisolated(unsafe)"]

    /// What the compiler is told to believe has its reason in a comment: on the line, above the declaration, or above
    /// the first of a group of lines without a gap.
    static func unexplainedClaims(_ file: SourceFile) -> [Violation] {
        func claim(_ index: Int) -> String? { claims.first { file.code[index].contains($0) } }
        func isExplained(_ index: Int) -> Bool {
            if file.lines[index].contains("//") { return true }
            guard index > 0 else { return false }
            let above = file.lines[index - 1].trimmed
            if above.hasPrefix("//") || above.hasSuffix("*/") { return true }
            let goesOn = claim(index - 1) != nil || above.hasPrefix("@")
            return goesOn && isExplained(index - 1)
        }
        return file.code.indices.compactMap { index in
            guard let claim = claim(index), !isExplained(index) else { return nil }
            return Violation(
                path: file.path, line: index + 1, message: "\(claim) without a comment that says why it is safe")
        }
    }
}

@Suite struct `Hygiene` {
    private func file(_ text: String, path: String = "Sources/Apus/Buffers/a.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test func `Nothing is left open`() {
        report(SourceTree.files.flatMap(HygieneRules.markers))
        for marker in HygieneRules.markers {
            #expect(HygieneRules.markers(file("\n// \(marker): later")).map(\.line) == [2])
            #expect(HygieneRules.markers(file("/* \(marker) */", path: "CSources/a.c")).count == 1)
            #expect(HygieneRules.markers(file("let \(marker)S = 1")).isEmpty)
        }
    }

    @Test func `Libraries do not print`() {
        report(SourceTree.libraries.flatMap(HygieneRules.printing))
        #expect(HygieneRules.printing(file("print(1)")).count == 1)
        #expect(HygieneRules.printing(file("    if a { print(\"b\") }")).count == 1)
        #expect(HygieneRules.printing(file("a { debugPrint($0) }")).count == 1)
        #expect(
            HygieneRules.printing(
                file("// print(1)\nfingerprint(2)\na.print(3)\nlet b = \"print(4)\"\nfunc print(c: Int)")
            ).isEmpty)
        #expect(SourceTree.libraries.contains { $0.path.hasPrefix("Sources/ApusProtocols/") })
    }

    @Test func `Marks are not looked for among characters`() {
        report(SourceTree.libraries.flatMap(HygieneRules.marksAmongCharacters))
        for code in [#"a.firstIndex(of: ":")"#, #"a.split(separator: "\n")"#, #"a.replacing("`", with: "b")"#] {
            #expect(HygieneRules.marksAmongCharacters(file("\n\(code)")).map(\.line) == [2])
        }
        #expect(HygieneRules.marksAmongCharacters(file(#"a.split(atASCII: ":"); b.utf8.firstIndex(of: c)"#)).isEmpty)
    }

    @Test func `The package has no unsafe flags`() {
        report(SourceTree.files.flatMap(HygieneRules.unsafeFlags))
        #expect(HygieneRules.unsafeFlags(file("\n.unsafeFlags([])", path: "Package.swift")).map(\.line) == [2])
        #expect(SourceTree.files.contains { $0.path == "Package.swift" })
    }

    @Test func `What the compiler cannot check says why it is safe`() {
        report(SourceTree.swift.filter { $0.path.hasPrefix("Sources/") }.flatMap(HygieneRules.unexplainedClaims))
        for claim in ["final class A: @unchecked Sendable {", "nonisolated(unsafe) var a = 1"] {
            #expect(HygieneRules.unexplainedClaims(file("let b = 1\n\(claim)")).map(\.line) == [2])
            #expect(HygieneRules.unexplainedClaims(file("// Why.\n\n\(claim)")).map(\.line) == [3])
            #expect(HygieneRules.unexplainedClaims(file("// Why.\n\(claim)")).isEmpty)
            #expect(HygieneRules.unexplainedClaims(file("\(claim)  // Why.")).isEmpty)
            #expect(HygieneRules.unexplainedClaims(file("/// Why.\n@frozen\n\(claim)\n\(claim)")).isEmpty)
        }
    }
}
