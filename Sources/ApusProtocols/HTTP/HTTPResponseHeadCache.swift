import CApus

/// The head that was read last. The next one is mostly the same, byte for byte, and then needs no reading: one
/// comparison tells all about it.
package struct HTTPResponseHeadCache: ~Copyable {
    /// A larger head is read each time.
    private static let capacity = 4096

    @usableFromInline
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    /// `Int.max` while there is none, so that nothing is long enough to match.
    @usableFromInline
    var count = Int.max
    @usableFromInline
    var head = HTTPResponseHead()

    package init() {}

    deinit { bytes.deallocate() }

    /// Whether the bytes from `p` on begin with the head.
    @inlinable
    func matches(_ p: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Bool {
        end - p >= count && memcmp(p, bytes, count) == 0
    }

    /// Remembers the head that begins at `p`.
    mutating func remember(_ head: HTTPResponseHead, at p: UnsafePointer<UInt8>) {
        guard head.byteCount <= Self.capacity else { return }
        self.head = head
        count = head.byteCount
        bytes.update(from: p, count: count)
    }
}
