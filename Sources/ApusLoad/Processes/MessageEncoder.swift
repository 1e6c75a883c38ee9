/// Puts numbers and bytes one behind the other, for a process that runs the same executable.
nonisolated struct MessageEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ number: Int) { append(UInt64(bitPattern: Int64(number))) }
    mutating func append(_ number: Double) { append(number.bitPattern) }
    mutating func append(_ flag: Bool) { append(flag ? UInt64(1) : 0) }

    mutating func append(_ text: [UInt8]) {
        append(text.count)
        bytes.append(contentsOf: text)
    }
}

/// Takes apart what a `MessageEncoder` put together; nil when the bytes are of another kind.
nonisolated struct MessageDecoder {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func unsigned() -> UInt64? {
        guard rest.count >= 8 else { return nil }
        let number = rest.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        rest = rest.dropFirst(8)
        return number
    }

    mutating func integer() -> Int? { unsigned().map { Int(Int64(bitPattern: $0)) } }
    mutating func number() -> Double? { unsigned().map { Double(bitPattern: $0) } }
    mutating func flag() -> Bool? { unsigned().map { $0 != 0 } }

    mutating func string() -> String? { text().map { String(decoding: $0, as: UTF8.self) } }

    mutating func text() -> [UInt8]? {
        guard let count = integer(), count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}
