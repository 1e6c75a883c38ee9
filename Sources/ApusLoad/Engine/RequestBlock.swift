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

    /// The one request that all of them are (RFC 9112 §3).
    static func request(for options: LoadOptions, target: LoadTarget) -> [UInt8] {
        let method = options.effectiveMethod
        var head = "\(method) \(target.path) HTTP/1.1\r\n"
        var defaults = [("Host", target.authority), ("User-Agent", "apus-load"), ("Accept", "*/*")]
        if !options.keepsAlive { defaults.append(("Connection", "close")) }
        for (name, value) in defaults where !options.headers.contains(where: { $0.isNamed(name.lowercased()) }) {
            head += "\(name): \(value)\r\n"
        }
        for field in options.headers { head += "\(field.name): \(field.value)\r\n" }
        // RFC 9110 §8.6: where a method anticipates content, its absence is said.
        if options.body != nil || ["POST", "PUT", "PATCH"].contains(method) {
            head += "Content-Length: \(options.body?.count ?? 0)\r\n"
        }
        return Array((head + "\r\n").utf8) + (options.body ?? [])
    }
}
