import Testing

/// Every public symbol of a library has a doc comment.
///
/// Exempt are: cases of an enum (the enum is documented, and so should they be where their names do not say it all);
/// members that meet a requirement of a protocol which the enclosing declaration names, where that protocol documents
/// them; and `static` constants directly below a documented one, which share its comment.
enum DocumentationRules {
    static let declarations: Set = [
        "func", "var", "let", "init", "subscript", "class", "struct", "enum", "protocol", "actor", "typealias",
        "associatedtype", "macro", "operator", "extension",
    ]

    /// Requirements of the standard library's protocols.
    static let standardRequirements: [String: Set<String>] = {
        let equatable: Set = ["=="]
        let hashable = equatable.union(["hash", "hashValue"])
        let sequence: Set = ["makeIterator", "Element", "Iterator", "underestimatedCount"]
        let collection = sequence.union([
            "startIndex", "endIndex", "subscript", "index", "Index", "SubSequence", "Indices", "count",
        ])
        return [
            "CustomStringConvertible": ["description"], "CustomDebugStringConvertible": ["debugDescription"],
            "LosslessStringConvertible": ["description"], "Equatable": equatable, "Hashable": hashable,
            "Comparable": equatable.union(["<"]), "Sequence": sequence, "IteratorProtocol": ["next", "Element"],
            "AsyncSequence": ["makeAsyncIterator", "Element", "AsyncIterator", "Failure"],
            "AsyncIteratorProtocol": ["next", "Element", "Failure"], "Collection": collection,
            "BidirectionalCollection": collection, "RandomAccessCollection": collection,
            "MutableCollection": collection,
            "Identifiable": ["ID"], "RawRepresentable": ["rawValue", "init", "RawValue"],
            "OptionSet": ["rawValue", "init"],
            "Codable": ["encode", "init"], "Encodable": ["encode"], "Decodable": ["init"],
            "ExpressibleByStringLiteral": ["init"], "ExpressibleByIntegerLiteral": ["init"],
            "ExpressibleByDictionaryLiteral": ["init"], "ExpressibleByArrayLiteral": ["init"],
        ]
    }()

    static func undocumented(_ files: [SourceFile]) -> [Violation] {
        let requirements = standardRequirements.merging(ownRequirements(files)) { $0.union($1) }
        return files.flatMap { undocumented($0, requirements) }
    }

    private static func undocumented(_ file: SourceFile, _ requirements: [String: Set<String>]) -> [Violation] {
        let blocks = file.blocks
        return file.code.indices.compactMap { index in
            guard let symbol = publicSymbol(file, index, blocks), !isDocumented(file, index) else { return nil }
            let header = innermost(blocks, around: index + 1)?.header ?? ""
            if conformances(header).contains(where: { requirements[$0]?.contains(symbol) == true }) { return nil }
            let isWhole = symbol == "extension"
            let message = isWhole ? "write public at the members, not at the extension" : "\(symbol) has no doc comment"
            return Violation(path: file.path, line: index + 1, message: message)
        }
    }

    /// The name of what a line declares for users; nil if it does not.
    private static func publicSymbol(_ file: SourceFile, _ index: Int, _ blocks: [CodeBlock]) -> String? {
        guard let declared = declaration(file.code[index]) else { return nil }
        if declared.modifiers.contains("public") || declared.modifiers.contains("open") {
            return declared.keyword == "extension" ? "extension" : declared.name
        }
        guard declared.keyword != "extension", let block = innermost(blocks, around: index + 1) else { return nil }
        // What a public protocol requires is public without saying so.
        let outer = block.header.split(separator: ":").first?.words ?? []
        return outer.contains("public") && outer.contains("protocol") ? declared.name : nil
    }

    private static func declaration(_ line: String) -> (modifiers: [String], keyword: String, name: String)? {
        let line = withoutArguments(line)
        let words = line.split(separator: " ").map(String.init)
        let isName: (String) -> Bool = { $0.first?.isLetter == true || $0.first == "@" }
        for (index, word) in words.enumerated() {
            let keyword = String(word.prefix { $0.isLetter })
            guard isName(word) else { return nil }
            if ["class"].contains(keyword), index + 1 < words.count,
                ["func", "var", "subscript"].contains(words[index + 1])
            {
                continue
            }
            if declarations.contains(keyword) {
                let modifiers = words[..<index].map { String($0.prefix { $0 != "(" }) }
                if keyword == "init" || keyword == "subscript" { return (modifiers, keyword, keyword) }
                guard keyword == word, index + 1 < words.count else { return nil }
                let rest = words[index + 1]
                let name =
                    rest.first?.isLetter == true || rest.first == "_" || rest.first == "`"
                    ? String(rest.prefix { $0.isLetter || $0.isNumber || "_`.".contains($0) })
                    : String(rest.prefix { !"(<".contains($0) || $0 == rest.first })
                return (modifiers, keyword, name)
            }
        }
        return nil
    }

    /// `private(set)` and attributes with arguments take no blank.
    private static func withoutArguments(_ line: String) -> String {
        var result = ""
        var depth = 0
        var inModifiers = true
        for character in line.trimmed {
            if inModifiers, character == "(" { depth += 1 }
            if depth == 0 { result.append(character) }
            if inModifiers, character == ")" { depth -= 1 }
            if depth == 0, character == " " {
                let word = result.trimmed.split(separator: " ").last.map(String.init) ?? ""
                if declarations.contains(word) { inModifiers = false }
            }
        }
        return result
    }

    private static func isDocumented(_ file: SourceFile, _ index: Int) -> Bool {
        var above = index - 1
        // Attributes may stand between.
        while above >= 0, file.lines[above].trimmed.hasPrefix("@"), declaration(file.code[above]) == nil { above -= 1 }
        guard above >= 0 else { return false }
        let line = file.lines[above].trimmed
        if line.hasPrefix("///") || line.hasSuffix("*/") { return true }
        guard isConstant(file.code[index]), isConstant(file.code[above]) else { return false }
        return isDocumented(file, above)
    }

    private static func isConstant(_ line: String) -> Bool {
        guard let declared = declaration(line) else { return false }
        return declared.modifiers.contains("static") && ["let", "var"].contains(declared.keyword)
    }

    private static func innermost(_ blocks: [CodeBlock], around line: Int) -> CodeBlock? {
        blocks.filter { $0.headerLine < line && line <= $0.lastLine }.max { $0.headerLine < $1.headerLine }
    }

    /// The protocols that the header of a type or extension names.
    private static func conformances(_ header: String) -> [String] {
        guard let colon = header.firstIndex(of: ":") else { return [] }
        return header[colon...].words.map(String.init)
    }

    /// What the library's own public protocols require, with what they inherit.
    private static func ownRequirements(_ files: [SourceFile]) -> [String: Set<String>] {
        var requirements: [String: Set<String>] = [:]
        var parents: [String: [String]] = [:]
        for file in files {
            let blocks = file.blocks
            for block in blocks {
                let words = block.header.words.map(String.init)
                guard let index = words.firstIndex(of: "protocol"), words.contains("public"), index + 1 < words.count
                else { continue }
                let inside = (block.headerLine...block.lastLine).filter {
                    innermost(blocks, around: $0)?.headerLine == block.headerLine
                }
                requirements[words[index + 1]] = Set(inside.compactMap { declaration(file.code[$0 - 1])?.name })
                parents[words[index + 1]] = conformances(block.header)
            }
        }
        for _ in parents {
            for (name, above) in parents {
                for parent in above { requirements[name, default: []].formUnion(requirements[parent] ?? []) }
            }
        }
        return requirements
    }
}

@Suite struct `Documentation` {
    @Test func `Every public symbol of a library has a doc comment`() {
        report(DocumentationRules.undocumented(SourceTree.libraries))
    }

    private func undocumented(_ text: String) -> [String] {
        DocumentationRules.undocumented([SourceFile(path: "Sources/Apus/a.swift", text: text)]).map {
            "\($0.line) " + $0.message.words[0]
        }
    }

    @Test(arguments: [
        "public func f() {}", "public final class C {}", "public struct S {", "public nonisolated enum E: Int {",
        "open class O {",
        "public protocol P {", "public actor A {", "public typealias T = Int", "public let l = 1",
        "public var v: Int {",
        "public private(set) static var s = 1", "public init() {}", "public init?(a: Int) {",
        "public subscript(i: Int) -> Int {",
        "@discardableResult public func d() -> Int {", "public static func == (a: A, b: A) -> Bool {",
        "public class func k() {",
        "private(set) public var w = 1", "@exclusivity(unchecked) public private(set) final var now: Int64",
        "public extension E {",
        "@available(*, deprecated, message: \"x\") public func g() {",
    ])
    func `A public symbol without is found`(_ line: String) {
        #expect(undocumented(line).count == 1)
        #expect(undocumented("// No doc comment.\n\(line)").count == 1)
        #expect(undocumented("/// One.\n\n\(line)").count == 1)
        if !line.contains("extension") {
            #expect(undocumented("/// One.\n\(line)").isEmpty)
            #expect(undocumented("/// One.\n@available(*, unavailable)\n@inlinable\n\(line)").isEmpty)
        }
        #expect(undocumented(line.replacing("public", with: "package").replacing("open", with: "package")).isEmpty)
    }

    @Test func `What a public protocol requires is found`() {
        let text = """
            /// P.
            public protocol P {
                associatedtype A
                func f()
                /// V.
                var v: Int { get }
            }
            protocol Q {
                func g()
            }
            """
        #expect(undocumented(text) == ["3 A", "4 f"])
    }

    @Test func `What meets a documented requirement is exempt`() {
        let text = """
            /// S.
            public struct S: Hashable, P {
                public static func == (a: S, b: S) -> Bool { true }
                public func hash(into h: inout Hasher) {}
                public func f() {}
                public var description: String { "" }
            }
            /// P.
            public protocol P: Sendable {
                /// F.
                func f()
            }
            extension S: Collection {
                public var startIndex: Int { 0 }
                public var first: Int { 0 }
            }
            """
        #expect(undocumented(text) == ["6 description", "15 first"])
    }

    @Test func `Constants in a group share a comment`() {
        let group = "public static let a = 1\npublic static let b = 2\n"
        #expect(undocumented("/// Codes.\n\(group)").isEmpty)
        #expect(undocumented(group) == ["1 a", "2 b"])
        #expect(undocumented("/// Codes.\n\(group)\npublic static let c = 3") == ["5 c"])
    }
}
