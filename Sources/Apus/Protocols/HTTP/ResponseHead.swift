/// The head of a response, rendered in one go into memory that is known to be large enough.
///
/// Not isolated: see `ByteWriter`.
nonisolated enum ResponseHead {
    /// Bytes that suffice for a head.
    @inline(__always)
    static func capacity(_ status: HTTPStatus, _ headers: borrowing HTTPHeaders) -> Int {
        192 &+ status.reason.utf8.count &+ headers.lines.count
    }

    /// Writes what follows its `ResponseStart`.
    @inline(__always)
    static func finish(
        _ writer: inout ByteWriter, _ status: HTTPStatus, _ headers: borrowing HTTPHeaders,
        _ framing: HTTPBodyWriter.Framing
    ) {
        headers.lines.withBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            if headers.kinds.isDisjoint(with: .replaced) {
                writer.append(start, bytes.count)
            } else {
                appendSome(of: bytes, &writer)
            }
        }
        if status.allowsBody { write(framing, hasType: headers.hasContentType, &writer) }
        writer.append("\r\n")
    }

    /// The fields but for those that Apus writes itself.
    @inline(never)
    private static func appendSome(of bytes: UnsafeBufferPointer<UInt8>, _ writer: inout ByteWriter) {
        for line in FieldLines(bytes) where FieldKinds(of: line.name).isDisjoint(with: .replaced) {
            writer.append(line.bytes.baseAddress!, line.bytes.count)
        }
    }

    @inline(__always)
    private static func write(_ framing: HTTPBodyWriter.Framing, hasType: Bool, _ writer: inout ByteWriter) {
        if !hasType { writer.append("Content-Type: text/html;charset=utf-8\r\n") }
        switch framing {
        case .length(let length):
            writer.append("Content-Length: ")
            writer.append(number: length)
            writer.append("\r\n")
        case .chunked: writer.append("Transfer-Encoding: chunked\r\n")
        case .untilClose, .none: break
        }
    }
}
