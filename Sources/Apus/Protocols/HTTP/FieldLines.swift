import CApus

/// The fields of a header that is written as it is sent: a line "name: value" for each.
nonisolated struct FieldLines: Sequence, IteratorProtocol {
    private var rest: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) { rest = bytes }

    mutating func next() -> FieldLine? {
        guard let start = rest.baseAddress, !rest.isEmpty else { return nil }
        let end = start + rest.count
        // Every line has both, and neither can stand before in it.
        let colon = capus_find(start, end, UInt8(ascii: ":"))!
        let lineEnd = capus_find(colon, end, UInt8(ascii: "\n"))! + 1
        rest = UnsafeBufferPointer(start: lineEnd, count: end - lineEnd)
        return FieldLine(
            name: UnsafeBufferPointer(start: start, count: colon - start),
            value: UnsafeBufferPointer(start: colon + 2, count: lineEnd - colon - 4),
            bytes: UnsafeBufferPointer(start: start, count: lineEnd - start))
    }
}

/// One of them.
nonisolated struct FieldLine {
    let name: UnsafeBufferPointer<UInt8>
    let value: UnsafeBufferPointer<UInt8>
    /// The whole line with its end.
    let bytes: UnsafeBufferPointer<UInt8>

    /// Whether it is the field of that name, in any case.
    func isNamed(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard name.count == other.count else { return false }
        for index in 0..<name.count where Self.lowercase(name[index]) != Self.lowercase(other[index]) { return false }
        return true
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}
