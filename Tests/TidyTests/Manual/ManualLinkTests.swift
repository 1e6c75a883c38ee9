import Foundation
import Testing

/// What the manual refers to is there: pages, headings, files, symbols, tests, recipes, messages, numbers.
enum ManualRules {
    private static func violation(_ page: ManualPage, _ line: Int, _ message: String) -> Violation {
        Violation(path: page.file.path, line: line, message: message)
    }

    static func exists(_ path: some StringProtocol) -> Bool {
        FileManager.default.fileExists(atPath: SourceTree.root.appendingPathComponent(String(path)).path)
    }

    // MARK: Links and paths

    static func links(_ page: ManualPage, among pages: [ManualPage]) -> [Violation] {
        page.links.compactMap { line, target in
            let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let heading = parts.count > 1 ? parts[1] : nil
            if parts[0].hasPrefix("http://") || parts[0].hasPrefix("https://") { return nil }
            var other: ManualPage? = page
            if parts[0].hasPrefix("doc:") {
                other = pages.first { $0.name == parts[0].dropFirst(4) }
                if other == nil { return violation(page, line, "there is no page \(parts[0])") }
            } else if !parts[0].isEmpty {
                let folder = page.file.folders.joined(separator: "/")
                let path = folder.isEmpty ? String(parts[0]) : "\(folder)/\(parts[0])"
                guard exists(path) else { return violation(page, line, "there is no \(path)") }
                other = (SourceTree.files.first { $0.path == path }).map(ManualPage.init)
            }
            guard let heading, other?.has(heading: heading) != true else { return nil }
            return violation(page, line, "there is no heading \(target)")
        }
    }

    private static let places = ["Sources/", "CSources/", "Tests/", "bench/"]

    /// Files of the repository that are named.
    static func paths(_ page: ManualPage) -> [Violation] {
        let spans =
            page.codeSpans
            + page.otherCode.flatMap { line, text in
                text.split(separator: " ").map { (line, String($0)) }
            }
        return spans.compactMap { line, text in
            let path = text.split(separator: " ").first ?? ""
            guard places.contains(where: path.hasPrefix), !exists(path) else { return nil }
            return violation(page, line, "there is no \(path)")
        }
    }

    /// ``Symbol``s of the library.
    static func symbols(_ page: ManualPage, _ types: Set<String>) -> [Violation] {
        page.symbols.filter { !types.contains($0.text) && $0.text != "Apus" }.map {
            violation(page, $0.line, "the library has no type \($0.text)")
        }
    }

    /// `Target/File.function`
    static func tests(_ page: ManualPage, _ files: [SourceFile]) -> [Violation] {
        page.codeSpans.compactMap { line, text in
            guard let slash = text.firstIndex(of: "/"), text[slash...].contains("."),
                text[..<slash].allSatisfy(\.isLetter),
                text[..<slash].hasSuffix("Tests") || text[..<slash].hasSuffix("Trials"),
                !LimitsPageRules.isTest(text, files)
            else { return nil }
            return violation(page, line, "there is no test \(text)")
        }
    }

    /// `Examples Name …`, in text and in commands.
    static func recipes(_ page: ManualPage, _ known: Set<String>) -> [Violation] {
        (page.codeSpans + page.otherCode).flatMap { line, text -> [Violation] in
            let words = text.split(separator: " ").map(String.init)
            return zip(words, words.dropFirst()).compactMap { word, name in
                guard word == "Examples", name.first?.isUppercase == true, !known.contains(name) else { return nil }
                return violation(page, line, "there is no recipe \(name)")
            }
        }
    }

    static func knownRecipes(_ files: [SourceFile]) -> Set<String> {
        let lists = files.filter { $0.path.hasPrefix("Sources/Examples/") && $0.path.hasSuffix("Recipes.swift") }
        let text = lists.flatMap(\.lines).joined(separator: " ")
        return Set(
            text.split(separator: "Recipe(").dropFirst().compactMap { entry in
                let parts = entry.split(separator: "\"", maxSplits: 2)
                return parts.count > 1 ? String(parts[1]) : nil
            })
    }

    // MARK: Messages

    /// What the system says, not the sources.
    private static let ofTheSystem = [
        "Address already in use", "Operation not permitted", "Too many open files", "Connection refused",
    ]

    /// Messages in the first column of tables: what stands between the gaps (`…`) is in a string of the sources.
    static func messages(_ page: ManualPage, in sources: String) -> [Violation] {
        var isTable = false
        return page.prose.flatMap { line, text -> [Violation] in
            guard text.hasPrefix("| ") else {
                if !text.hasPrefix("|") { isTable = false }
                return []
            }
            if text.hasPrefix("| Message |") || text.hasPrefix("| Reason |") || text.hasPrefix("| In the log |") {
                isTable = true
                return []
            }
            guard isTable, let message = ManualPage.between("`", text).first else { return [] }
            var pattern = message
            for words in ofTheSystem { pattern = pattern.replacing(words, with: "…") }
            return pattern.split(separator: "…")
                .filter { $0.contains(where: \.isLetter) && !sources.contains($0) }
                .map { violation(page, line, "no source says «\($0)»") }
        }
    }

    /// The sources with their strings as they are printed, as far as that can be told.
    static func printable(_ files: [SourceFile]) -> String {
        files.filter { $0.path.hasPrefix("Sources/Apus") || $0.path.hasPrefix("CSources/CApus") }
            .map { file in
                file.lines.map(\.trimmed).joined(separator: "\n")
                    .replacing("\"\n+ \"", with: "").replacing("\\\"", with: "\"")
            }.joined(separator: "\n")
    }

    // MARK: Numbers

    /// Numbers in tables stand in one of the files that say how they were measured.
    static func numbers(_ page: ManualPage, measured: Set<String>) -> [Violation] {
        page.prose.filter { $0.text.hasPrefix("|") }.flatMap { line, text in
            numbers(in: text).subtracting(measured).sorted().map { violation(page, line, "nobody has measured \($0)") }
        }
    }

    static func numbers(in text: String) -> Set<String> {
        Set(
            text.split { !($0.isNumber || $0 == "." || $0 == "," || $0.isLetter) }
                .map { $0.trimmingSuffix { ".,".contains($0) } }
                .filter { $0.first?.isNumber == true && $0.allSatisfy { !$0.isLetter } })
    }
}

extension Substring {
    fileprivate func trimmingSuffix(_ isOut: (Character) -> Bool) -> String {
        var rest = self
        while let last = rest.last, isOut(last) { rest.removeLast() }
        return String(rest)
    }
}

@Suite struct `The manual` {
    private let pages = Manual.pages
    private var all: [ManualPage] { pages + Manual.readme }
    private func page(_ text: String) -> ManualPage {
        ManualPage(SourceFile(path: Manual.folder + "Page.md", text: "# Page\n\n## A heading\n" + text))
    }

    @Test func `has each of its pages in the table of contents, with an overview and a way on`() {
        #expect(pages.count > 25)
        let contents = pages.first { $0.name == "Apus" }?.links.map(\.target) ?? []
        for page in pages where page.name != "Apus" {
            #expect(contents.contains("doc:\(page.name)"), "\(page.name)")
            #expect(page.has(heading: "Overview"), "\(page.name)")
            #expect(page.has(heading: "What to read next") || page.name == "SecurityAndLimits", "\(page.name)")
        }
    }

    @Test func `links to what is there`() {
        report(all.flatMap { ManualRules.links($0, among: pages) })
        #expect(all.flatMap(\.links).count > 150)
        for link in ["<doc:Nowhere>", "<doc:Page#Another>", "[a](#Another)", "[a](Nowhere.md)", "[a](../Apus.swift)"] {
            #expect(ManualRules.links(page(link), among: [page("")]).map(\.line) == [4], "\(link)")
        }
        for link in [
            "<doc:Page>", "<doc:Page#A-heading>", "[a](#a-heading)", "[a](SecurityAndLimits.md)", "[a](https://b.c/d)",
            "`<doc:Nowhere>`",
        ] {
            #expect(ManualRules.links(page(link), among: [page("")]).isEmpty, "\(link)")
        }
    }

    @Test func `names files that are there`() {
        report(all.flatMap(ManualRules.paths))
        #expect(ManualRules.paths(page("`Sources/Apus` `bench/no.py --memory`")).map(\.line) == [4])
        #expect(ManualRules.paths(page("```sh\nbash Tests/none.sh\n```")).map(\.line) == [5])
    }

    @Test func `names types, tests and recipes that are there`() {
        let files = SourceTree.files
        let library = SourceTree.swift.filter { $0.path.hasPrefix("Sources/Apus/") }
        let types = Set(library.flatMap(DependencyRules.typesDefined))
        let recipes = ManualRules.knownRecipes(files)
        report(pages.flatMap { ManualRules.symbols($0, types) })
        report(pages.flatMap { ManualRules.tests($0, files) })
        report(all.flatMap { ManualRules.recipes($0, recipes) })
        #expect(recipes.count > 25 && types.count > 100)
        #expect(ManualRules.symbols(page("``Worker`` ``Nothing``"), types).count == 1)
        #expect(ManualRules.tests(page("`ProcessTests/BusTests.none`"), files).count == 1)
        #expect(ManualRules.recipes(page("`Examples Nothing`\n```sh\nExamples Chat start\n```"), recipes).count == 1)
    }

    @Test func `quotes messages of the sources`() {
        let sources = ManualRules.printable(SourceTree.files)
        report(pages.flatMap { ManualRules.messages($0, in: sources) })
        func table(_ message: String) -> String { "| Message | Cause |\n|---|---|\n| `\(message)` | x |" }
        #expect(ManualRules.messages(page(table("already running (pid …)")), in: sources).isEmpty)
        #expect(ManualRules.messages(page(table("already running … zebras")), in: sources).isEmpty == false)
    }

    @Test func `has no number that was not measured`() throws {
        let measured = SourceTree.files.filter { ["README.md", "bench/README.md"].contains($0.path) }
            .reduce(into: Set<String>()) { $0.formUnion(ManualRules.numbers(in: $1.lines.joined(separator: "\n"))) }
        for name in ["Performance", "ChoosingABackend"] {
            report(ManualRules.numbers(try #require(Manual.page(name)), measured: measured))
        }
        #expect(ManualRules.numbers(page("| 1.06 | 1,463 / 77.77 |"), measured: measured).count == 1)
    }
}
