/// Lines at the end of what a terminal shows, which are replaced in place: nothing of them stays behind.
///
/// The cursor rests below them, hidden. There is no other screen, so that what was there before can be looked at as
/// always.
package nonisolated struct TerminalRegion {
    private static let start = "\r"
    private static let eraseToEndOfLine = "\u{1B}[K"
    private static let eraseBelow = "\u{1B}[J"
    private static let hideCursor = "\u{1B}[?25l"
    private static let showCursor = "\u{1B}[?25h"

    /// The width of each line that is shown.
    private var shown: [Int] = []

    package init() {}

    /// What a terminal of that width has to be sent to show these lines instead of those before.
    package mutating func redraw(_ lines: [String], columns: Int) -> String {
        let text = lines.map { $0 + Self.eraseToEndOfLine + "\n" }.joined()
        let before = shown.isEmpty ? Self.hideCursor : toStart(columns)
        shown = lines.map(\.count)
        return before + text + Self.eraseBelow
    }

    /// What it has to be sent to show none of them; "" when it shows none.
    package mutating func erase(columns: Int) -> String {
        guard !shown.isEmpty else { return "" }
        defer { shown = [] }
        // Some terminals keep what they show when all of it is erased at once.
        return toStart(columns) + Self.eraseToEndOfLine + "\n" + Self.eraseBelow + "\u{1B}[A" + Self.showCursor
    }

    /// A terminal that has become narrower has wrapped what no longer fits.
    private func toStart(_ columns: Int) -> String {
        let rows = shown.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
        return Self.start + "\u{1B}[\(rows)A"
    }
}
