/// A row of numbers as blocks of eight heights, of which the highest stands for the greatest number and the lowest for
/// nothing.
nonisolated enum Sparkline {
    private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// A character for each value; a blank where there is none.
    static func text(_ values: some Collection<Double?>) -> String {
        let most = values.lazy.compactMap(\.self).max() ?? 0
        return String(
            values.map { value in
                guard let value else { return " " }
                let height = most > 0 ? value / most * Double(blocks.count - 1) : 0
                return blocks[min(max(Int(height.rounded()), 0), blocks.count - 1)]
            })
    }
}
