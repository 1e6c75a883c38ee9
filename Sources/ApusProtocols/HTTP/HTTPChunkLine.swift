import CApus

/// Reads the lines between and behind the chunks of a body (RFC 9112 §7.1).
enum HTTPChunkLine {
    enum Outcome {
        /// The bytes that the chunk, or the trailer field, has; 0 for the last chunk and for the empty line.
        case size(Int)
        case incomplete
        case malformed
    }

    /// A chunk's size and extensions.
    static func size(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        var size = 0
        var digit = p
        while digit < end, let value = hexValue(digit[0]) {
            guard size < 1 << 58 else { return .malformed }
            size = size << 4 | value
            digit += 1
        }
        guard digit < end else { return digit - p > 16 ? .malformed : .incomplete }
        guard digit > p, mayFollowSize(digit[0]) else { return .malformed }
        guard let lineEnd = lineEnd(digit, end) else { return .incomplete }
        guard lineEnd > digit else { return .malformed }
        p = lineEnd
        return .size(size)
    }

    /// The line end behind a chunk's data.
    static func end(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        guard p[0] == 0x0D else { return .malformed }
        guard let lineEnd = lineEnd(p, end) else { return .incomplete }
        guard lineEnd > p else { return .malformed }
        p = lineEnd
        return .size(0)
    }

    /// A line of the trailer section.
    static func trailer(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        if p[0] == 0x0D { return Self.end(&p, end) }
        let nameEnd = capus_scan_token(p)
        guard nameEnd < end else { return .incomplete }
        guard nameEnd > p, nameEnd[0] == 0x3A else { return .malformed }
        guard let lineEnd = lineEnd(nameEnd + 1, end) else { return .incomplete }
        guard lineEnd > nameEnd + 1 else { return .malformed }
        let count = lineEnd - p
        p = lineEnd
        return .size(count)
    }

    /// What follows the next CRLF; a bare LF is one in a head only (RFC 9112 §2.2). Nil when the line has not come to
    /// its end; `p` itself when a control character stands in it.
    private static func lineEnd(_ p: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> UnsafePointer<UInt8>? {
        let control = capus_scan_value(p, end)
        guard control < end else { return nil }
        guard control[0] == 0x0D else { return p }
        guard control + 1 < end else { return nil }
        return control[1] == 0x0A ? control + 2 : p
    }

    /// A line end, an extension, or blanks that some servers pad the size with.
    private static func mayFollowSize(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x09, 0x0D, 0x20, 0x3B: true
        default: false
        }
    }

    private static func hexValue(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte - 0x30)
        case 0x41...0x46, 0x61...0x66: Int(byte | 0x20) - 0x61 + 10
        default: nil
        }
    }
}
