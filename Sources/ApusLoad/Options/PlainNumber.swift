/// Reads numbers as people write them: digits and a point.
nonisolated enum PlainNumber {
    /// Nil for the rest of what `Double` reads: "inf", "0x1p4", "1e300", "-1".
    static func parse(_ text: Substring) -> Double? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E } ? Double(text) : nil
    }
}
