/// A page of the manual, taken apart: headings, programs, and what it refers to.
struct ManualPage {
    /// A block of Swift, with what is compiled in front of it.
    struct Program: Equatable {
        /// Of the fence that opens it, from 1.
        let line: Int
        /// What a comment in front of it holds, which readers do not see.
        let preamble: String
        let code: String
        /// `(fragment)` behind the fence: no program, and not compiled.
        let isFragment: Bool
    }

    let file: SourceFile
    private(set) var headings: [(line: Int, title: String)] = []
    private(set) var programs: [Program] = []
    /// The lines outside of blocks of code, from 1.
    private(set) var prose: [(line: Int, text: String)] = []
    /// Lines of blocks in other languages.
    private(set) var otherCode: [(line: Int, text: String)] = []

    static let preambleMark = "<!-- compiled first"

    init(_ file: SourceFile) {
        self.file = file
        var preamble = ""
        var index = 0
        while index < file.lines.count {
            let line = file.lines[index]
            if line.hasPrefix("```") {
                let end = file.lines[(index + 1)...].firstIndex { $0 == "```" } ?? file.lines.count
                add(fence: line, at: index, file.lines[(index + 1)..<end], preamble)
                preamble = ""
                index = end
            } else if line == Self.preambleMark {
                let end = file.lines[index...].firstIndex { $0 == "-->" } ?? file.lines.count - 1
                preamble = file.lines[(index + 1)..<max(index + 1, end)].joined(separator: "\n")
                index = end
            } else {
                if line.hasPrefix("#") { headings.append((index + 1, String(line.drop { $0 == "#" }).trimmed)) }
                prose.append((index + 1, line))
            }
            index += 1
        }
    }

    private mutating func add(fence: String, at index: Int, _ lines: ArraySlice<String>, _ preamble: String) {
        let words = fence.drop { $0 == "`" }.split(separator: " ")
        guard words.first == "swift" else {
            otherCode += lines.indices.map { ($0 + 1, lines[$0]) }
            return
        }
        let isManifest = lines.contains("import PackageDescription")
        programs.append(
            Program(
                line: index + 1, preamble: preamble, code: lines.joined(separator: "\n"),
                isFragment: words.dropFirst() == ["(fragment)"] || isManifest))
    }

    // MARK: What it refers to

    /// "SecurityAndLimits" of "Sources/Apus/Apus.docc/SecurityAndLimits.md"
    var name: String { String(file.path.split(separator: "/").last!.dropLast(3)) }

    /// What a link to a heading is made of: the letters and digits, in lower case.
    static func anchor(_ title: some StringProtocol) -> String {
        title.lowercased().filter { $0.isLetter || $0.isNumber }
    }

    func has(heading: some StringProtocol) -> Bool {
        headings.contains { Self.anchor($0.title) == Self.anchor(heading) }
    }

    /// The programs between a heading and the next one of the same height or more.
    func programs(below heading: some StringProtocol) -> [Program] {
        let wanted = Self.anchor(heading)
        guard let place = headings.firstIndex(where: { Self.anchor($0.title) == wanted }) else { return [] }
        let height = { (line: Int) in file.lines[line - 1].prefix { $0 == "#" }.count }
        let start = headings[place].line
        let end = headings[(place + 1)...].first { height($0.line) <= height(start) }?.line ?? .max
        return programs.filter { $0.line > start && $0.line < end && !$0.isFragment }
    }

    /// What stands between single backquotes outside of blocks, with its line.
    var codeSpans: [(line: Int, text: String)] {
        prose.flatMap { line, text in
            let text = text.replacing("``", with: "\u{0}")
            return Self.between("`", text).filter { !$0.contains("\u{0}") }.map { (line, $0) }
        }
    }

    /// What stands between double backquotes: symbols.
    var symbols: [(line: Int, text: String)] {
        prose.flatMap { line, text in Self.between("``", text).map { (line, $0) } }
    }

    /// `<doc:Name#Heading>`, and the targets of `[text](target)`.
    var links: [(line: Int, target: String)] {
        prose.flatMap { line, text -> [(Int, String)] in
            let text = Self.withoutCode(text)
            let toPages = text.split(separator: "<doc:").dropFirst(text.hasPrefix("<doc:") ? 0 : 1)
                .compactMap { rest in rest.firstIndex(of: ">").map { "doc:" + rest[..<$0] } }
            let others = text.split(separator: "](").dropFirst()
                .compactMap { rest in rest.firstIndex(of: ")").map { String(rest[..<$0]) } }
            return (toPages + others).map { (line, $0) }
        }
    }

    static func between(_ mark: String, _ text: String) -> [String] {
        let parts = text.split(separator: mark, omittingEmptySubsequences: false)
        return parts.enumerated().filter { $0.offset % 2 == 1 && $0.offset < parts.count - 1 }
            .map { String($0.element) }
    }

    private static func withoutCode(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 0 }.map { String($0.element) }.joined()
    }
}

/// The pages, and the files that count with them.
enum Manual {
    static let folder = "Sources/Apus/Apus.docc/"
    static let pages = SourceTree.files.filter { $0.path.hasPrefix(folder) && $0.path.hasSuffix(".md") }.map(
        ManualPage.init)
    static let readme = SourceTree.files.filter { $0.path == "README.md" }.map(ManualPage.init)

    static func page(_ name: some StringProtocol) -> ManualPage? { pages.first { $0.name == name } }
}
