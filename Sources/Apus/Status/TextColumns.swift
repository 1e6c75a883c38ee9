/// Text in columns.
nonisolated enum TextColumns {
    /// Left-justified in `width` columns; longer text stays whole.
    static func pad(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }

    /// Right-justified.
    static func right(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : String(repeating: " ", count: width - text.count) + text
    }

    /// Text longer than `most` keeps its first `kept` characters, and two dots.
    static func cut(_ text: String, to most: Int, keeping kept: Int) -> String {
        text.count > most ? text.prefix(kept) + ".." : text
    }

    /// A line of `width` dashes with a title in the middle.
    static func rule(_ title: String, width: Int) -> String {
        let rest = max(0, width - title.count - 2)
        return String(repeating: "-", count: rest / 2) + " \(title) " + String(repeating: "-", count: rest - rest / 2)
    }

    static func rule(_ title: String, left: Int, right: Int) -> String {
        String(repeating: "-", count: left) + title + String(repeating: "-", count: right)
    }

    /// 1,536 bytes are "1.5KB"; up to 1,024 of a unit there is no decimal.
    static func bytes(_ count: Int) -> String {
        guard count > 1024 else { return "\(count)B" }
        var value = Double(count)
        var unit = 0
        let units = ["B", "KB", "MB", "GB", "TB"]
        while value > 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)\(units[unit])"
    }

    /// Mebibytes with two decimals: "12.50M".
    static func megabytes(_ bytes: UInt64) -> String {
        let hundredths = Int(Double(bytes) / 1_048_576 * 100 + 0.5)
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)M"
    }
}
