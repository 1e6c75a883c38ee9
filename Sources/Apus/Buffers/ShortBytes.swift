/// Bytes that grow at their end. As long as they are few they stand in the value itself and cost no allocation.
nonisolated struct ShortBytes: Sendable {
    private typealias Inline = InlineArray<14, UInt64>
    /// What may be read behind the last byte, for scanning sixteen at a time.
    private static let padding = 16
    private static var inlineCapacity: Int { MemoryLayout<Inline>.size }

    private var inline = Inline(repeating: 0)
    /// All of them, once they are too many, and zeros behind.
    private var heap: [UInt8]?
    private(set) var count = 0

    /// Gives `write` room for `capacity` bytes behind those that there are, and for `padding` more; it returns how many
    /// it wants to keep, and so does this.
    @inline(__always)
    @discardableResult
    mutating func append(upTo capacity: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) -> Int {
        let needed = count &+ capacity &+ Self.padding
        if heap == nil, needed <= Self.inlineCapacity {
            let start = count
            let added = withUnsafeMutableBytes(of: &inline) {
                write($0.baseAddress!.assumingMemoryBound(to: UInt8.self) + start)
            }
            count = start &+ added
            return added
        }
        return appendFar(needed, write)
    }

    @inline(never)
    private mutating func appendFar(_ needed: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) -> Int {
        if heap?.count ?? 0 < needed {
            var larger: [UInt8] = []
            larger.reserveCapacity(max(needed, 2 * Self.inlineCapacity, 2 * count))
            withBytes { larger.append(contentsOf: $0) }
            larger.append(contentsOf: repeatElement(0, count: larger.capacity - count))
            heap = larger
        }
        let start = count
        let added = heap!.withUnsafeMutableBufferPointer { write($0.baseAddress! + start) }
        count += added
        return added
    }

    /// The bytes, in place.
    @inline(__always)
    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        if let heap {
            return try heap.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[..<count])) }
        }
        return try withUnsafeBytes(of: inline) {
            let start = $0.baseAddress!.assumingMemoryBound(to: UInt8.self)
            return try body(UnsafeBufferPointer(start: start, count: count))
        }
    }
}
