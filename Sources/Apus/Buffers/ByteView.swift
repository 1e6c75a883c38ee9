/// Bytes of a message that are looked at in place: nothing is copied until they are kept.
///
/// A view can be kept like any value: the message it belongs to then moves its bytes into memory of its own before the
/// receive buffer is used again.
public struct ByteView: RandomAccessCollection {
    let owner: ByteOwner
    let range: Range<Int>
    /// Where the bytes are unless they are the owner's.
    var file: FileMapping?

    public typealias Element = UInt8
    public typealias Index = Int

    public nonisolated var startIndex: Int { 0 }
    public nonisolated var endIndex: Int { range.count }
    public nonisolated subscript(position: Int) -> UInt8 {
        precondition(position >= 0 && position < range.count, "index out of range")
        return base[range.lowerBound + position]
    }

    /// Calls `body` with the bytes, which are valid during the call only.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: range.isEmpty ? nil : base + range.lowerBound, count: range.count))
    }

    private nonisolated var base: UnsafePointer<UInt8> { file?.base ?? UnsafePointer(owner.storage) }

    /// A copy of the bytes.
    public var array: [UInt8] { withUnsafeBytes { Array($0) } }

    /// The bytes as UTF-8; what is none is replaced.
    public var string: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
