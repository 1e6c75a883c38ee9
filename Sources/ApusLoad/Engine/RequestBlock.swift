/// The bytes of the requests, prepared once: copies of one request, one behind the other, so that a whole batch leaves
/// with one send.
nonisolated struct RequestBlock: ~Copyable {
    /// The copies together are not larger than this, unless a single one is.
    private static let maxBytes = 256 * 1024

    let bytes: UnsafeMutablePointer<UInt8>
    let count: Int
    /// The length of one request.
    let requestCount: Int

    init(_ request: [UInt8], depth: Int) {
        let copies = max(1, min(depth, Self.maxBytes / request.count))
        requestCount = request.count
        count = copies * request.count
        bytes = .allocate(capacity: count)
        for copy in 0..<copies {
            request.withUnsafeBufferPointer {
                (bytes + copy * request.count).initialize(from: $0.baseAddress!, count: $0.count)
            }
        }
    }

    deinit { bytes.deallocate() }
}
