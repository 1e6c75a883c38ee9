/// A body that consists of ranges of a file.
nonisolated struct HTTPFileBody: Sendable {
    let file: OpenFile
    /// Ranges, each behind bytes of its own.
    private(set) var parts: [(head: [UInt8], range: Range<Int>)] = []
    private(set) var tail: [UInt8] = []
    /// Bytes of the whole body.
    private(set) var count = 0

    /// One range as it is.
    init(_ file: OpenFile, _ range: Range<Int>) {
        self.file = file
        append([], range)
    }

    /// Several ranges as `multipart/byteranges` (RFC 9110 §14.6).
    init(_ file: OpenFile, _ ranges: [Range<Int>], contentType: String, boundary: String) {
        self.file = file
        for range in ranges {
            let head = """
                \(parts.isEmpty ? "" : "\r\n")--\(boundary)\r
                Content-Type: \(contentType)\r
                Content-Range: \(Self.contentRange(range, of: file.size))\r
                \r

                """
            append(Array(head.utf8), range)
        }
        tail = Array("\r\n--\(boundary)--\r\n".utf8)
        count += tail.count
    }

    private mutating func append(_ head: [UInt8], _ range: Range<Int>) {
        parts.append((head, range))
        count += head.count + range.count
    }

    /// The value of `Content-Range` (RFC 9110 §14.4); the range has at least one byte.
    static func contentRange(_ range: Range<Int>, of size: Int) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
    }
}
