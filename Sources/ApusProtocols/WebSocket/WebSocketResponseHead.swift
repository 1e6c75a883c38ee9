import CApus

/// Reads the head of an answer of HTTP/1 (RFC 9112 §4 and §5), strictly.
struct WebSocketResponseHead {
    let status: Int
    let reason: String
    private(set) var fields: [HTTPFieldRange] = []

    private static let noStatusLine = "a status line that is not HTTP/1.x and a status"

    /// `head` ends with its empty line, and is shorter than 64 KiB.
    init(_ head: UnsafeRawBufferPointer) throws(WebSocketHandshakeError) {
        var start = try Self.lineEnd(head, 0) + 2
        let line = UnsafeRawBufferPointer(rebasing: head[..<(start - 2)])
        // The blank behind the status may be missing where the reason is.
        guard line.count >= 12, line.starts(with: "HTTP/1.".utf8), Self.isDigit(line[7]), line[8] == 0x20,
            (9..<12).allSatisfy({ Self.isDigit(line[$0]) }), line.count == 12 || line[12] == 0x20
        else { throw .protocolViolation(Self.noStatusLine) }
        status = line[9..<12].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (100...599).contains(status) else { throw .protocolViolation("status \(status)") }
        reason = String(decoding: line.dropFirst(13), as: UTF8.self)
        while start < head.count - 2 {
            let end = try Self.lineEnd(head, start)
            fields.append(try Self.field(head, start..<end))
            start = end + 2
        }
    }

    /// The head as values that outlive its bytes.
    func response(_ head: UnsafeRawBufferPointer) -> WebSocketResponse {
        func text(_ start: UInt16, _ count: UInt16) -> String {
            String(decoding: head[Int(start)..<(Int(start) + Int(count))], as: UTF8.self)
        }
        let values = fields.map { field in
            WebSocketResponse.Field(
                name: text(field.nameStart, field.nameCount), value: text(field.valueStart, field.valueCount))
        }
        return WebSocketResponse(status: status, reason: reason, fields: values)
    }

    /// Whether the bytes may be the beginning of an answer: a server that speaks another protocol is not waited for.
    static func mayBegin(_ bytes: UnsafeRawBufferPointer) -> Bool { zip(bytes, "HTTP/1.".utf8).allSatisfy(==) }

    /// Where the line that begins at `start` ends with CRLF.
    private static func lineEnd(_ head: UnsafeRawBufferPointer, _ start: Int) throws(WebSocketHandshakeError) -> Int {
        var end = start
        while end < head.count, isFieldByte(head[end]) { end += 1 }
        guard end + 1 < head.count, head[end] == 0x0D, head[end + 1] == 0x0A else {
            throw .protocolViolation("a control character in its head")
        }
        return end
    }

    private static func field(
        _ head: UnsafeRawBufferPointer, _ line: Range<Int>
    ) throws(WebSocketHandshakeError) -> HTTPFieldRange {
        guard let colon = head[line].firstIndex(of: UInt8(ascii: ":")), colon > line.lowerBound,
            head[line.lowerBound..<colon].allSatisfy({ capus_is_token($0) != 0 })
        else { throw .protocolViolation("a field line without a name") }
        let value = trimmed((colon + 1)..<line.upperBound, in: head)
        return HTTPFieldRange(
            nameStart: UInt16(line.lowerBound), nameCount: UInt16(colon - line.lowerBound),
            valueStart: UInt16(value.lowerBound), valueCount: UInt16(value.count))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }

    /// RFC 9110 §5.5: no control characters but HTAB.
    static func isFieldByte(_ byte: UInt8) -> Bool { byte == 0x09 || (byte >= 0x20 && byte != 0x7F) }
}
