/// Reads durations as people write them.
package nonisolated enum DurationText {
    private static let units: [(suffix: String, nanoseconds: Double)] = [
        ("ms", 1e6), ("us", 1e3), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]
    private static let limit = 1e9 * 86400 * 365

    /// `500ms`, `10s`, `1.5m`, `2h`; a number alone means seconds. Nil when it is nothing of that, zero, or more than
    /// a year.
    package static func parse(_ text: String) -> Duration? {
        let unit = units.first { text.hasSuffix($0.suffix) }
        let number = text.dropLast(unit?.suffix.count ?? 0)
        guard let value = PlainNumber.parse(number) else { return nil }
        let nanoseconds = value * (unit?.nanoseconds ?? 1e9)
        guard nanoseconds >= 1, nanoseconds <= limit else { return nil }
        return .nanoseconds(Int64(nanoseconds))
    }
}

nonisolated extension Duration {
    /// The whole duration in nanoseconds; 292 years at most.
    package var inNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 9_000_000_000 else { return .max }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    package var inSeconds: Double { Double(inNanoseconds) / 1e9 }
}
