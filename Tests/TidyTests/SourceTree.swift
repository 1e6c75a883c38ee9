import Foundation

/// A file of the source tree, as text and as code alone.
struct SourceFile: Sendable {
    enum Language { case swift, c, other }

    /// From the top of the tree.
    let path: String
    let lines: [String]
    /// The lines with comments, and what strings hold, made blank: every column stays where it is.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        self.lines = lines
        let isCode = Self.language(of: path) != .other
        let blanked = isCode ? CodeBlanker.blank(text, isSwift: path.hasSuffix(".swift")) : text
        code = blanked.split(separator: "\n", omittingEmptySubsequences: false).prefix(lines.count).map(String.init)
    }

    var language: Language { Self.language(of: path) }
    /// "Sources/Apus/Timers/TimerHeap.swift" is in "Sources", "Apus", "Timers".
    var folders: [Substring] { path.split(separator: "/").dropLast() }

    private static func language(of path: String) -> Language {
        if path.hasSuffix(".swift") { return .swift }
        return path.hasSuffix(".c") || path.hasSuffix(".h") ? .c : .other
    }
}

/// What breaks a rule, and where.
struct Violation: Equatable, CustomStringConvertible {
    let path: String
    /// From 1; 0 for the file as a whole.
    let line: Int
    let message: String

    var description: String { line > 0 ? "\(path):\(line): \(message)" : "\(path): \(message)" }
}

/// The tree that this file is part of.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Names at the top, without those that builds make and git ignores.
    static func topLevel() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.path).filter { $0 != "Package.resolved" }.sorted()
    }

    /// Every text file that belongs to the project.
    static let files: [SourceFile] = {
        let places = ["Package.swift", "Sources", "CSources", "Tests", "bench", "README.md", ".gitignore"]
        return places.flatMap { paths(below: $0) }.sorted().compactMap { path in
            (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)).map {
                SourceFile(path: path, text: $0)
            }
        }
    }()

    static let swift = files.filter { $0.language == .swift }
    static let c = files.filter { $0.language == .c }
    /// Files of the targets that users build against: not of tools and examples.
    static let libraries = swift.filter { isLibrary($0) }

    static func isLibrary(_ file: SourceFile) -> Bool {
        file.folders.count > 1 && file.folders[0] == "Sources" && !["apus", "Examples"].contains(file.folders[1])
    }

    private static func paths(below place: String) -> [String] {
        var isFolder: ObjCBool = false
        let full = root.appendingPathComponent(place).path
        guard FileManager.default.fileExists(atPath: full, isDirectory: &isFolder) else { return [] }
        guard isFolder.boolValue else { return [place] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: full)) ?? []
        return names.filter { !$0.hasPrefix(".") && $0 != "__pycache__" }.flatMap { paths(below: "\(place)/\($0)") }
    }
}

/// Makes comments and the contents of strings blank, so that rules see code alone.
struct CodeBlanker {
    private let input: [UInt8]
    private let isSwift: Bool
    private var output: [UInt8]
    private var i = 0

    static func blank(_ text: String, isSwift: Bool) -> String {
        var blanker = CodeBlanker(input: Array(text.utf8), isSwift: isSwift)
        blanker.readCode(untilParenthesis: false)
        return String(decoding: blanker.output, as: UTF8.self)
    }

    private init(input: [UInt8], isSwift: Bool) {
        self.input = input
        self.isSwift = isSwift
        output = input
    }

    private func at(_ text: StaticString, _ offset: Int = 0) -> Bool {
        let start = i + offset
        guard start + text.utf8CodeUnitCount <= input.count else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy { input[start + $0] == text.utf8Start[$0] }
    }

    private mutating func skip(_ count: Int = 1) {
        for _ in 0..<min(count, input.count - i) {
            if input[i] != 0x0A { output[i] = 0x20 }
            i += 1
        }
    }

    /// Reads code up to the end, or to the parenthesis that closes an interpolation.
    private mutating func readCode(untilParenthesis: Bool) {
        var depth = 0
        while i < input.count {
            if at("//") {
                while i < input.count, input[i] != 0x0A { skip() }
            } else if at("/*") {
                skipBlockComment()
            } else if at("\"") || (isSwift && startsRawString) {
                skipString()
            } else if !isSwift, at("'") {
                skip()
                while i < input.count, !at("'") { skip(at("\\") ? 2 : 1) }
                skip()
            } else {
                if at("(") { depth += 1 }
                if at(")") {
                    if untilParenthesis, depth == 0 { return }
                    depth -= 1
                }
                i += 1
            }
        }
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if at("/*") {
                depth += depth == 0 || isSwift ? 1 : 0
                skip(2)
            } else if at("*/") {
                depth -= 1
                skip(2)
            } else {
                skip()
            }
        } while depth > 0 && i < input.count
    }

    private var startsRawString: Bool {
        guard at("#") else { return false }
        let hashes = input[i...].prefix { $0 == 0x23 }.count
        return at("\"", hashes)
    }

    private mutating func skipString() {
        let hashes = input[i...].prefix { $0 == 0x23 }.count
        skip(hashes)
        let quotes = isSwift && at("\"\"\"") ? 3 : 1
        skip(quotes)
        while i < input.count {
            if input[i] == 0x22, input[i...].prefix(quotes).count(where: { $0 == 0x22 }) == quotes,
                hasHashes(hashes, after: quotes)
            {
                return skip(quotes + hashes)
            }
            if input[i] == 0x5C, hasHashes(hashes, after: 1) {
                skip(1 + hashes)
                if isSwift, at("(") {
                    skip()
                    readCode(untilParenthesis: true)
                }
                skip()
            } else if quotes == 1, input[i] == 0x0A {
                return  // Not closed: a mistake of its own, which the compiler reports.
            } else {
                skip()
            }
        }
    }

    private func hasHashes(_ count: Int, after offset: Int) -> Bool {
        i + offset + count <= input.count && input[(i + offset)..<(i + offset + count)].allSatisfy { $0 == 0x23 }
    }
}
