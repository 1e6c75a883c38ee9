import ApusProtocols

private let h = "Host: h"

/// Requests at their bounds, and beyond.
package enum LimitCases {
    /// All of them.
    package static let all = heads + smallHeads + oddBounds + fieldCounts + messages + hugeLengths

    /// A head whose empty line starts at `emptyLine`: that many bytes come before CRLFCRLF.
    private static func filledHead(_ emptyLine: Int, body: String = "", fields: String = "") -> [UInt8] {
        let start = "GET / HTTP/1.1\r\nHost: h\r\n\(fields)X: "
        return raw(start + String(repeating: "x", count: emptyLine - start.utf8.count) + "\r\n\r\n" + body)
    }

    private static func limits(head: Int = 16 * 1024, fields: Int = 100, message: Int = 1 << 20) -> HTTPRequestLimits {
        var limits = HTTPRequestLimits()
        limits.maxHeadBytes = head
        limits.maxFields = fields
        limits.maxMessageBytes = message
        return limits
    }

    /// The limits as they are unless set otherwise.
    package static let heads: [RequestCase] = [
        .request("16,382 bytes before the empty line", "RFC 6585 §5", filledHead(16_382)),
        .request("16,383 bytes before the empty line", "RFC 6585 §5", filledHead(16_383)),
        .refused(.headerFieldsTooLarge, "16,384 bytes before the empty line", "RFC 6585 §5", filledHead(16_384)),
        .refused(.headerFieldsTooLarge, "16,385 bytes before the empty line", "RFC 6585 §5", filledHead(16_385)),
        .refused(.headerFieldsTooLarge, "20,000 bytes before the empty line", "RFC 6585 §5", filledHead(20_000)),
        .incomplete("16,383 bytes without end", "RFC 6585 §5", Array(filledHead(20_000)[..<16_383])),
        .refused(
            .headerFieldsTooLarge, "16,384 bytes without end", "RFC 6585 §5", Array(filledHead(20_000)[..<16_384])),
        .incomplete("16,383 bytes and CR", "RFC 6585 §5", Array(filledHead(16_383)[..<16_384])),
        .incomplete("16,383 bytes and CRLF", "RFC 6585 §5", Array(filledHead(16_383)[..<16_385])),
        .incomplete("16,383 bytes and CRLF CR", "RFC 6585 §5", Array(filledHead(16_383)[..<16_386])),
        .refused(.headerFieldsTooLarge, "a method without end", "RFC 6585 §5", Array(repeating: 0x41, count: 16_384)),
        .refused(
            .headerFieldsTooLarge, "a target without end", "RFC 6585 §5",
            raw("GET /" + String(repeating: "a", count: 16_384))),
        .refused(
            .headerFieldsTooLarge, "a name without end", "RFC 6585 §5",
            raw("GET / HTTP/1.1\r\n" + String(repeating: "a", count: 16_384))),
        .request(
            "a target of 16,000 bytes", "RFC 6585 §5",
            head("GET /\(String(repeating: "t", count: 15_999)) HTTP/1.1", h),
            target: "/" + String(repeating: "t", count: 15_999)),
        .refused(
            .badRequest, "a bad byte before the bound", "RFC 6585 §5",
            raw(String(decoding: filledHead(16_000), as: UTF8.self).replacing("\r\n\r\n", with: "\u{1}"))),
        .request(
            "a body beyond the head's bound", "RFC 9110 §15.5.14",
            filledHead(16_300, body: String(repeating: "b", count: 500), fields: "Content-Length: 500\r\n"),
            body: String(repeating: "b", count: 500)),
    ]

    /// The same around a small bound, where every position is tried.
    package static let smallHeads: [RequestCase] =
        (125...131).map { count -> RequestCase in
            let bytes = filledHead(count)
            let name = "\(count) of 128 bytes before the empty line"
            return count < 128
                ? .request(name, "RFC 6585 §5", bytes, limits: limits(head: 128))
                : .refused(.headerFieldsTooLarge, name, "RFC 6585 §5", bytes, limits: limits(head: 128))
        }
        + (124...136).map { count -> RequestCase in
            let bytes = Array(filledHead(500)[..<count])
            let name = "\(count) of 128 bytes without end"
            return count < 128
                ? .incomplete(name, "RFC 6585 §5", bytes, limits: limits(head: 128))
                : .refused(.headerFieldsTooLarge, name, "RFC 6585 §5", bytes, limits: limits(head: 128))
        }

    /// The bytes before the bound decide, and whether the empty line starts there; not how much of the rest is there.
    package static let oddBounds: [RequestCase] = (118...130).flatMap { count -> [RequestCase] in
        let start = filledHead(count).dropLast(4)
        return [
            "\r\n bad: line\r\n\r\n", "\r\nno colon\r\n\r\n", "\u{1}\r\n\r\n", "\r\r\n\r\n", "\r\n\rX", "\n\n",
            "\r\nX : y\r\n\r\n",
            "\r\n\u{0}\r\n", "\r\n:\r\n\r\n",
        ].map { rest in
            // The first byte that cannot stand where it is.
            let wrong = zip(0..., rest.utf8).first { offset, byte in
                let before = rest.utf8.prefix(offset).map { $0 }
                return switch byte {
                case 0x20: before == [13, 10] || before.last == UInt8(ascii: "o") || before.last == UInt8(ascii: "X")
                case 0, 1: true
                case 10: before.last != 13
                case 13: before == [13]
                case UInt8(ascii: "X"): before == [13, 10, 13]
                default: byte == UInt8(ascii: ":") && before == [13, 10]
                }
            }!
            let error: HTTPRequestError = count + wrong.0 < 128 ? .badRequest : .headerFieldsTooLarge
            return .refused(
                error, "\(rest.debugDescription) after \(count) of 128", "RFC 6585 §5", start + Array(rest.utf8),
                limits: limits(head: 128))
        }
    }

    package static let fieldCounts: [RequestCase] = [
        .request("100 fields", "RFC 9110 §5.4", raw("GET / HTTP/1.1\r\n\(fields(99))Host: h\r\n\r\n")),
        .refused(
            .headerFieldsTooLarge, "101 fields", "RFC 6585 §5", raw("GET / HTTP/1.1\r\n\(fields(100))Host: h\r\n\r\n")),
        .request(
            "3 of 3 fields", "RFC 9110 §5.4", head("GET / HTTP/1.1", "A: b", h, "C: d"), limits: limits(fields: 3)),
        .refused(
            .headerFieldsTooLarge, "4 of 3 fields", "RFC 6585 §5", head("GET / HTTP/1.1", "A: b", h, "C: d", "E: f"),
            limits: limits(fields: 3)),
        .refused(.headerFieldsTooLarge, "fields without end", "RFC 6585 §5", raw("GET / HTTP/1.1\r\n\(fields(200))")),
    ]

    private static func fields(_ count: Int) -> String { (0..<count).map { "F\($0): v\r\n" }.joined() }

    private static let postHead = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n"
    private static let fifty = String(repeating: "b", count: 50)

    package static let messages: [RequestCase] = [
        .request(
            "head and body as long as allowed", "RFC 6585 §5", raw(postHead + fifty), method: .post, body: fifty,
            limits: limits(message: postHead.utf8.count + 50)),
        .refused(
            .contentTooLarge, "one byte more than allowed", "RFC 6585 §5", raw(postHead + fifty),
            limits: limits(message: postHead.utf8.count + 49)),
        .refused(
            .contentTooLarge, "decided before the body arrives", "RFC 9110 §15.5.14", raw(postHead),
            limits: limits(message: postHead.utf8.count + 49)),
        .incomplete(
            "as long as allowed, not yet there", "RFC 9110 §15.5.14", raw(postHead),
            limits: limits(message: postHead.utf8.count + 50)),
        .request(
            "no body, head as long as allowed", "RFC 9110 §15.5.14",
            head("GET / HTTP/1.1", "Host: a-name-that-fills-the-limit.example"),
            limits: limits(message: head("GET / HTTP/1.1", "Host: a-name-that-fills-the-limit.example").count)),
        .refused(
            .contentTooLarge, "a head longer than a message may be", "RFC 9110 §15.5.14",
            head("GET / HTTP/1.1", "Host: h", "X: \(fifty)"),
            limits: limits(message: 60)),
        .incomplete("10 MiB less the head", "RFC 9110 §15.5.14", head("PUT / HTTP/1.1", h, "Content-Length: 10485707")),
        .refused(
            .contentTooLarge, "10 MiB less the head, and one more", "RFC 9110 §15.5.14",
            head("PUT / HTTP/1.1", h, "Content-Length: 10485708")),
    ]

    /// No length overflows, not even with no limit to speak of.
    package static let hugeLengths: [RequestCase] = [
        "999999999999999999999999999999999999", "18446744073709551615", "18446744073709551616", "18446744073709551621",
        "9223372036854775807", "9223372036854775808", "9223372036854775760", "4294967296000000000000",
        "92233720368547758079",
        "00000000000000000000000000000009223372036854775807", "99999999999",
    ].flatMap { length -> [RequestCase] in
        let bytes = head("PUT / HTTP/1.1", h, "Content-Length: \(length)")
        return [
            .refused(.contentTooLarge, "length \(length)", "RFC 9110 §15.5.14", bytes),
            length == "99999999999"
                ? .incomplete("length \(length), no limit", "RFC 9110 §15.5.14", bytes, limits: limits(message: .max))
                : .refused(
                    .contentTooLarge, "length \(length), no limit", "RFC 9110 §15.5.14", bytes,
                    limits: limits(message: .max)),
            .refused(
                .badRequest, "length \(length) and a letter", "RFC 9110 §15.5.14",
                head("PUT / HTTP/1.1", h, "Content-Length: \(length)x")),
        ]
    }
}
