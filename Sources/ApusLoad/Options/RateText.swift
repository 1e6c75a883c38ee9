/// Reads rates as people write them.
package nonisolated enum RateText {
    /// `500`, `2.5k`, `1M`. Nil when it is nothing of that, or zero.
    package static func parse(_ text: String) -> Double? {
        let units: [Character: Double] = ["k": 1e3, "K": 1e3, "M": 1e6]
        let unit = text.last.flatMap { units[$0] }
        let number = unit == nil ? text[...] : text.dropLast()
        guard let value = PlainNumber.parse(number), value > 0 else { return nil }
        return value * (unit ?? 1)
    }
}
