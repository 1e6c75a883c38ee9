import ApusProtocols
import Testing

private let h = "Host: h"

@Suite struct `Request limits` {
    @Test(arguments: heads + smallHeads + oddBounds + fieldCounts + messages + hugeLengths)
    func `are the same however a request arrives`(_ example: RequestCase) {
        #expect(example.firstDeviation() == nil)
    }

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
    static let heads: [RequestCase] = [
        .request("16,382 bytes before the empty line", "05 §4.1.1", filledHead(16_382)),
        .request("16,383 bytes before the empty line", "05 §14.2", filledHead(16_383)),
        .refused(.headerFieldsTooLarge, "16,384 bytes before the empty line", "05 §14.2", filledHead(16_384)),
        .refused(.headerFieldsTooLarge, "16,385 bytes before the empty line", "05 §14.2", filledHead(16_385)),
        .refused(.headerFieldsTooLarge, "20,000 bytes before the empty line", "05 §14.2", filledHead(20_000)),
        .incomplete("16,383 bytes without end", "05 §4.1.1", Array(filledHead(20_000)[..<16_383])),
        .refused(.headerFieldsTooLarge, "16,384 bytes without end", "05 §14.2", Array(filledHead(20_000)[..<16_384])),
        .incomplete("16,383 bytes and CR", "05 §4.1.1", Array(filledHead(16_383)[..<16_384])),
        .incomplete("16,383 bytes and CRLF", "05 §4.1.1", Array(filledHead(16_383)[..<16_385])),
        .incomplete("16,383 bytes and CRLF CR", "05 §4.1.1", Array(filledHead(16_383)[..<16_386])),
        .refused(.headerFieldsTooLarge, "a method without end", "05 §4.1.1", Array(repeating: 0x41, count: 16_384)),
        .refused(
            .headerFieldsTooLarge, "a target without end", "05 §4.1.1",
            raw("GET /" + String(repeating: "a", count: 16_384))),
        .refused(
            .headerFieldsTooLarge, "a name without end", "05 §4.1.1",
            raw("GET / HTTP/1.1\r\n" + String(repeating: "a", count: 16_384))),
        .request(
            "a target of 16,000 bytes", "05 §4.1.1", head("GET /\(String(repeating: "t", count: 15_999)) HTTP/1.1", h),
            target: "/" + String(repeating: "t", count: 15_999)),
        .refused(
            .badRequest, "a bad byte before the bound", "05 §4.1.3",
            raw(String(decoding: filledHead(16_000), as: UTF8.self).replacing("\r\n\r\n", with: "\u{1}"))),
        .request(
            "a body beyond the head's bound", "05 §4.1.7",
            filledHead(16_300, body: String(repeating: "b", count: 500), fields: "Content-Length: 500\r\n"),
            body: String(repeating: "b", count: 500)),
    ]

    /// The same around a small bound, where every position is tried.
    static let smallHeads: [RequestCase] =
        (125...131).map { count -> RequestCase in
            let bytes = filledHead(count)
            let name = "\(count) of 128 bytes before the empty line"
            return count < 128
                ? .request(name, "05 §4.1.1", bytes, limits: limits(head: 128))
                : .refused(.headerFieldsTooLarge, name, "05 §4.1.1", bytes, limits: limits(head: 128))
        }
        + (124...136).map { count -> RequestCase in
            let bytes = Array(filledHead(500)[..<count])
            let name = "\(count) of 128 bytes without end"
            return count < 128
                ? .incomplete(name, "05 §4.1.1", bytes, limits: limits(head: 128))
                : .refused(.headerFieldsTooLarge, name, "05 §4.1.1", bytes, limits: limits(head: 128))
        }

    /// The bytes before the bound decide, and whether the empty line starts there; not how much of the rest is there.
    static let oddBounds: [RequestCase] = (118...130).flatMap { count -> [RequestCase] in
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
                error, "\(rest.debugDescription) after \(count) of 128", "05 §4.1.1", start + Array(rest.utf8),
                limits: limits(head: 128))
        }
    }

    static let fieldCounts: [RequestCase] = [
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

    static let messages: [RequestCase] = [
        .request(
            "head and body as long as allowed", "05 §14.2", raw(postHead + fifty), method: .post, body: fifty,
            limits: limits(message: postHead.utf8.count + 50)),
        .refused(
            .contentTooLarge, "one byte more than allowed", "05 §14.2", raw(postHead + fifty),
            limits: limits(message: postHead.utf8.count + 49)),
        .refused(
            .contentTooLarge, "decided before the body arrives", "05 §4.1.6", raw(postHead),
            limits: limits(message: postHead.utf8.count + 49)),
        .incomplete(
            "as long as allowed, not yet there", "05 §4.1.6", raw(postHead),
            limits: limits(message: postHead.utf8.count + 50)),
        .request(
            "no body, head as long as allowed", "05 §4.1.6",
            head("GET / HTTP/1.1", "Host: a-name-that-fills-the-limit.example"),
            limits: limits(message: head("GET / HTTP/1.1", "Host: a-name-that-fills-the-limit.example").count)),
        .refused(
            .contentTooLarge, "a head longer than a message may be", "05 §4.1.6",
            head("GET / HTTP/1.1", "Host: h", "X: \(fifty)"),
            limits: limits(message: 60)),
        .incomplete("10 MiB less the head", "05 §4.1.6", head("PUT / HTTP/1.1", h, "Content-Length: 10485707")),
        .refused(
            .contentTooLarge, "10 MiB less the head, and one more", "05 §4.1.6",
            head("PUT / HTTP/1.1", h, "Content-Length: 10485708")),
    ]

    /// No length overflows, not even with no limit to speak of.
    static let hugeLengths: [RequestCase] = [
        "999999999999999999999999999999999999", "18446744073709551615", "18446744073709551616", "18446744073709551621",
        "9223372036854775807", "9223372036854775808", "9223372036854775760", "4294967296000000000000",
        "92233720368547758079",
        "00000000000000000000000000000009223372036854775807", "99999999999",
    ].flatMap { length -> [RequestCase] in
        let bytes = head("PUT / HTTP/1.1", h, "Content-Length: \(length)")
        return [
            .refused(.contentTooLarge, "length \(length)", "05 §4.1.6", bytes),
            length == "99999999999"
                ? .incomplete("length \(length), no limit", "05 §4.1.6", bytes, limits: limits(message: .max))
                : .refused(
                    .contentTooLarge, "length \(length), no limit", "05 §4.1.6", bytes, limits: limits(message: .max)),
            .refused(
                .badRequest, "length \(length) and a letter", "05 §4.1.6",
                head("PUT / HTTP/1.1", h, "Content-Length: \(length)x")),
        ]
    }
}
