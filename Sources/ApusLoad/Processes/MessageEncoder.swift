/// Puts numbers and bytes one behind the other, the most significant byte first: other hosts may read them.
nonisolated struct MessageEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ number: Int) { append(UInt64(bitPattern: Int64(number))) }
    mutating func append(_ number: Double) { append(number.bitPattern) }
    mutating func append(_ flag: Bool) { append(flag ? UInt64(1) : 0) }

    mutating func append(_ text: String) { append(Array(text.utf8)) }

    mutating func append(_ texts: [String]) {
        append(texts.count)
        for text in texts { append(text) }
    }

    mutating func append(_ text: [UInt8]) {
        append(text.count)
        bytes.append(contentsOf: text)
    }
}

/// Takes apart what a `MessageEncoder` put together; nil when the bytes are of another kind.
nonisolated struct MessageDecoder {
    /// Nobody counts further. Sums of what many processes count fit into a number.
    static let mostCounted: UInt64 = 1 << 53

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// Nothing is left.
    var isAtEnd: Bool { rest.isEmpty }

    mutating func unsigned() -> UInt64? {
        guard rest.count >= 8 else { return nil }
        let number = rest.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        rest = rest.dropFirst(8)
        return UInt64(bigEndian: number)
    }

    mutating func integer() -> Int? { unsigned().map { Int(Int64(bitPattern: $0)) } }
    mutating func number() -> Double? { unsigned().map { Double(bitPattern: $0) } }
    mutating func flag() -> Bool? { unsigned().map { $0 != 0 } }

    /// How many there are of something that was counted, or nanoseconds that have passed.
    mutating func counted() -> UInt64? { unsigned().flatMap { $0 <= Self.mostCounted ? $0 : nil } }

    mutating func integer(in range: ClosedRange<Int>) -> Int? { integer().flatMap { range.contains($0) ? $0 : nil } }

    /// Never infinite, and no "not a number".
    mutating func number(in range: ClosedRange<Double>) -> Double? {
        number().flatMap { range.contains($0) ? $0 : nil }
    }

    mutating func string() -> String? { text().map { String(decoding: $0, as: UTF8.self) } }

    mutating func strings() -> [String]? {
        guard let count = integer() else { return nil }
        var texts: [String] = []
        for _ in 0..<max(0, count) {
            guard let text = string() else { return nil }
            texts.append(text)
        }
        return texts
    }

    /// Words for people, which may be shown on a terminal as they are.
    mutating func words() -> String? { text().map(Self.words) }

    static func words(_ text: [UInt8]) -> String {
        String(decoding: text.prefix(512), as: UTF8.self).withoutControls
    }

    mutating func text() -> [UInt8]? {
        guard let count = integer(), count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}
