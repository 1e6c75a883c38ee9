/// A row of a `SharedTable` as it was at one moment.
public nonisolated struct SharedRow: Sendable {
    private let shape: TableShape
    private let bytes: [UInt8]

    init(_ shape: TableShape, _ bytes: [UInt8]) {
        self.shape = shape
        self.bytes = bytes
    }

    /// What it is found by.
    public var key: String {
        let length = bytes.withUnsafeBytes { shape.keyLength($0.baseAddress!) }
        return String(decoding: bytes[TableShape.keyOffset..<(TableShape.keyOffset + length)], as: UTF8.self)
    }

    /// The number in a column; nil when there is no such column of numbers.
    public func integer(_ column: String) -> Int64? {
        guard case (.integer, let offset)? = shape.columns[column] else { return nil }
        return bytes.withUnsafeBytes { $0.load(fromByteOffset: offset, as: Int64.self) }
    }

    /// The bytes in a column; nil when there is no such column of bytes.
    public func bytes(_ column: String) -> [UInt8]? {
        guard case (.bytes(_, let capacity), let offset)? = shape.columns[column] else { return nil }
        let count = bytes.withUnsafeBytes { $0.load(fromByteOffset: offset, as: UInt64.self) }
        return Array(bytes[(offset + 8)..<(offset + 8 + min(capacity, Int(clamping: count)))])
    }

    /// The same as text.
    public func text(_ column: String) -> String? { bytes(column).map { String(decoding: $0, as: UTF8.self) } }
}
