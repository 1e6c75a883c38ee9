import Foundation
import Testing

/// What the manual of Workerman lists, row by row, and what shows here that it works: `rows.md`.
enum FeatureRows {
    struct Row {
        let line: Int
        let number: Int
        let name: String
        /// C code, D a page, E an example; "H" for a heading.
        let kinds: Set<Character>
        /// As they are written.
        let shownBy: [String]
        var evidence: [Evidence] { shownBy.map(Evidence.init) }
        let isLater: Bool
    }

    enum Evidence: Equatable {
        case page(String, heading: String?)
        case test(String)
        case recipe(String)
        case file(String)

        init(_ text: String) {
            let first = text.prefix { $0 != "/" }
            if first == "Examples" {
                self = .recipe(String(text.dropFirst("Examples/".count)))
            } else if first.count < text.count {
                let isTarget = first != "Tests" && (first.hasSuffix("Tests") || first.hasSuffix("Trials"))
                self = isTarget ? .test(text) : .file(text)
            } else {
                let parts = text.split(separator: "#", maxSplits: 1).map(String.init)
                self = .page(parts.first ?? "", heading: parts.count > 1 ? parts[1] : nil)
            }
        }
    }

    static let path = "Tests/TidyTests/Manual/rows.md"
    static let last = 156

    static func rows(_ file: SourceFile) -> [Row] {
        zip(1..., file.lines).compactMap { line, text in
            let cells = text.split(separator: "|", omittingEmptySubsequences: false).map(\.trimmed)
            guard cells.count >= 6, let number = Int(cells[1]) else { return nil }
            let shown = cells[4...].joined(separator: "|")
            return Row(
                line: line, number: number, name: cells[2], kinds: Set(cells[3].filter(\.isUppercase)),
                shownBy: ManualPage.between("`", shown), isLater: shown.contains("*later*"))
        }
    }

    /// What is not as the row says.
    static func faults(_ row: Row, _ recipes: Set<String>, _ files: [SourceFile]) -> [String] {
        if row.kinds == ["H"] { return row.evidence.isEmpty && !row.isLater ? [] : ["a heading shows nothing"] }
        if row.isLater { return row.evidence.isEmpty ? [] : ["it is later, and there"] }
        var faults: [String] = []
        var shown: Set<Character> = []
        for evidence in row.evidence {
            switch evidence {
            case .test(let name):
                if !LimitsPageRules.isTest(name, files) { faults.append("there is no test \(name)") }
                shown.formUnion("CE")
            case .recipe(let name):
                if !recipes.contains(name) { faults.append("there is no recipe \(name)") }
                shown.insert("E")
            case .file(let path):
                if !ManualRules.exists(path) { faults.append("there is no \(path)") }
                shown.insert("E")
            case .page(let name, let heading):
                guard let page = Manual.page(name), heading.map({ page.has(heading: $0) }) ?? true else {
                    faults.append("there is no \(name)#\(heading ?? "")")
                    continue
                }
                shown.insert("D")
                let programs = heading.map { page.programs(below: $0) } ?? page.programs
                if !programs.isEmpty { shown.insert("E") }
            }
        }
        let missing = row.kinds.subtracting(shown).sorted()
        return faults + missing.map { "nothing shows what a row of kind \($0) needs" }
    }
}

@Suite struct `Rows of the table` {
    private let files = SourceTree.files
    private var recipes: Set<String> { ManualRules.knownRecipes(files) }

    @Test func `are all there, in order`() throws {
        let rows = FeatureRows.rows(try #require(files.first { $0.path == FeatureRows.path }))
        #expect(rows.map(\.number) == Array(1...FeatureRows.last))
    }

    @Test func `are shown to work`() throws {
        let rows = FeatureRows.rows(try #require(files.first { $0.path == FeatureRows.path }))
        let recipes = recipes
        var report = ""
        var counts: [String: Int] = [:]
        for row in rows {
            let faults = FeatureRows.faults(row, recipes, files)
            let verdict = !faults.isEmpty ? "FAIL" : row.kinds == ["H"] ? "    " : row.isLater ? "later" : "pass"
            counts[verdict, default: 0] += 1
            let columns = [
                "\(row.number)", verdict, String(row.kinds.sorted()), row.name, row.shownBy.joined(separator: ", "),
            ]
            report += columns.joined(separator: "\t") + "\n"
            for fault in faults { Issue.record("\(FeatureRows.path):\(row.line): row \(row.number): \(fault)") }
        }
        print(report + "\(counts["pass", default: 0]) pass, \(counts["FAIL", default: 0]) fail")
        let later = rows.filter(\.isLater).map { "\($0.number) \($0.name)" }
        print("later: \(later.joined(separator: ", "))")
    }

    @Test(arguments: [
        "| 1 | a | C | `ProcessTests/BusTests.none` |", "| 1 | a | C | `Principle` |", "| 1 | a | C | |",
        "| 1 | a | D | `ProcessTests/BusTests.largeMessages` |", "| 1 | a | D | `Nowhere` |",
        "| 1 | a | D | `Principle#Nowhere` |", "| 1 | a | E | `Examples/Nothing` |",
        "| 1 | a | E | `Licence` |", "| 1 | a | E | `bench/none.py` |", "| 1 | a | C D | `Principle` |",
        "| 1 | a | H | `Principle` |",
    ])
    func `that show nothing are found`(_ line: String) throws {
        let row = try #require(FeatureRows.rows(SourceFile(path: "rows.md", text: line)).first)
        #expect(!FeatureRows.faults(row, recipes, files).isEmpty)
    }

    @Test(arguments: [
        "| 1 | a | C D | `Principle#See-it` `ProcessTests/BusTests.largeMessages` |", "| 1 | a | E | `Principle` |",
        "| 1 | a | E | `Examples/Chat` |", "| 1 | a | C E | *later* |", "| 1 | a | H | |",
        "| 1 | a | E | `bench/try.sh` |",
    ])
    func `that show something pass`(_ line: String) throws {
        let row = try #require(FeatureRows.rows(SourceFile(path: "rows.md", text: line)).first)
        #expect(FeatureRows.faults(row, recipes, files) == [])
    }
}
