import ApusProtocols
import CApus

private let chunkedHead = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

/// Chunked bodies: sizes, extensions, data, trailers.
package enum ChunkedBodyCases {
    /// All of them.
    package static let all = accepted + sizes + extensions + dataEnds + trailers + incomplete + limited

    /// `⏎` stands for CRLF.
    private static func coded(_ body: String) -> [UInt8] { raw(chunkedHead + body.replacing("⏎", with: "\r\n")) }

    private static func ok(
        _ coded: String, _ body: String, trailers: String = "", _ clause: String = "RFC 9112 §7.1"
    ) -> RequestCase {
        .request(
            "«\(coded)»", clause, self.coded(coded), method: .post, target: "/c", body: body,
            trailers: trailers.replacing("⏎", with: "\r\n"))
    }

    private static func bad(_ coded: String, _ clause: String = "RFC 9112 §7.1") -> RequestCase {
        .refused(.badRequest, "«\(coded.prefix(80))»", clause, self.coded(coded))
    }

    private static let hundred = String(repeating: "0123456789", count: 10)

    package static let accepted: [RequestCase] = [
        ok("5⏎hello⏎0⏎⏎", "hello"), ok("5⏎hello⏎6⏎ world⏎0⏎⏎", "hello world"), ok("05⏎hello⏎0⏎⏎", "hello"),
        ok("A⏎0123456789⏎0⏎⏎", "0123456789"), ok("a⏎0123456789⏎0⏎⏎", "0123456789"), ok("0⏎⏎", ""), ok("00000⏎⏎", ""),
        ok("64⏎\(hundred)⏎0⏎⏎", hundred), ok("1⏎a⏎1⏎b⏎1⏎c⏎0⏎⏎", "abc"),
        ok("F⏎0123456789ABCDE⏎f⏎0123456789abcde⏎0⏎⏎", "0123456789ABCDE0123456789abcde"),
        ok("2⏎⏎⏎2⏎\r\r⏎0⏎⏎", "\r\n\r\r"), ok("8⏎0⏎⏎5⏎⏎0⏎⏎", "0\r\n\r\n5\r\n"),
        ok("4⏎\u{0}\u{1}\u{7F}\u{0}⏎0⏎⏎", "\u{0}\u{1}\u{7F}\u{0}"),
        ok("0000000000000003⏎abc⏎0000000000000000⏎⏎", "abc", "RFC 9112 §7.1"),
    ]

    package static let sizes: [RequestCase] = [
        bad("zz⏎"), bad("⏎"), bad("⏎0⏎⏎"), bad("g⏎"), bad("5g⏎hello⏎0⏎⏎"), bad(" 5⏎hello⏎0⏎⏎"), bad("5 ⏎hello⏎0⏎⏎"),
        bad("\t5⏎"),
        bad("5\t⏎hello⏎0⏎⏎"), bad("-1⏎"), bad("+5⏎hello⏎"), bad("0x5⏎hello⏎"), bad("5h⏎"), bad("5.0⏎"), bad("5,5⏎"),
        bad("5_0⏎"),
        bad("\"5\"⏎"), bad("٥⏎"), bad("\u{0}5⏎"), bad("5\u{0}⏎"), bad(";a⏎"), bad(" ⏎"), bad("G⏎"), bad("`⏎"),
        bad("@⏎"), bad("/⏎"),
        bad(":⏎"), bad("5 ;a⏎hello⏎0⏎⏎"), bad("8000000000000000⏎"), bad("ffffffffffffffff⏎"), bad("FFFFFFFFFFFFFFFF⏎"),
        bad("00000000000000005⏎hello⏎0⏎⏎"), bad("00000000000000000⏎⏎"), bad("10000000000000000⏎"),
        bad("fffffffffffffffffff⏎"),
        bad(String(repeating: "0", count: 100) + "1⏎x⏎0⏎⏎"), bad("5\nhello⏎0⏎⏎"), bad("5\rhello⏎0⏎⏎"),
        bad("5\r\rhello⏎0⏎⏎"),
        bad("5\n\rhello⏎0⏎⏎"), bad("0\n\n"), bad("0⏎\n"), bad("0\n⏎"), bad("0\r\r"), bad("5⏎hello⏎0\n⏎"),
        bad("5⏎hello⏎zz⏎"), bad("5⏎hello⏎⏎0⏎⏎"), bad("5⏎hello⏎-0⏎⏎"),
        .refused(.contentTooLarge, "the largest size there is", "RFC 9112 §7.1", coded("7fffffffffffffff⏎")),
        .refused(
            .contentTooLarge, "sizes that would overflow together", "RFC 9112 §7.1",
            coded("5⏎hello⏎7FFFFFFFFFFFFFFF⏎")),
        .refused(.contentTooLarge, "more than a message may have", "RFC 9112 §7.1", coded("A00001⏎")),
    ]

    package static let extensions: [RequestCase] =
        [
            "4;a=1;b=2⏎wiki⏎0⏎⏎", "4;⏎wiki⏎0⏎⏎", "4;;;⏎wiki⏎0⏎⏎", "4; a = 1⏎wiki⏎0⏎⏎", "4;a=\"quoted; text\"⏎wiki⏎0⏎⏎",
            "4;a=\"not closed⏎wiki⏎0⏎⏎", "4;\ta⏎wiki⏎0⏎⏎", "4;é=日⏎wiki⏎0⏎⏎", "4;a=\\\"⏎wiki⏎0;b=c⏎⏎",
            "4;4;4;4⏎wiki⏎0⏎⏎",
            "4;\(hundred)\(hundred)⏎wiki⏎0⏎⏎",
        ].map { ok($0, "wiki", "RFC 9112 §7.1.1") }
        + [
            bad("4;a\nwiki⏎0⏎⏎"), bad("4;a\rwiki⏎0⏎⏎"), bad("4;a\r\rwiki⏎0⏎⏎"), bad("4;a\n⏎wiki⏎0⏎⏎"),
            bad("4;a=\"\n\"⏎wiki⏎0⏎⏎"),
        ]
        + (Array(0x00...0x1F) + [0x7F]).filter { ![0x09, 0x0D].contains($0) }.map { (byte: UInt8) in
            .refused(
                .badRequest, "byte \(String(byte, radix: 16)) in an extension", "RFC 9112 §7.1",
                raw(chunkedHead + "4;a§b\r\nwiki\r\n0\r\n\r\n", byte))
        }

    /// After the data comes CRLF, and nothing else.
    package static let dataEnds: [RequestCase] = [
        bad("5⏎helloworld⏎0⏎⏎"), bad("5⏎hello0⏎⏎"), bad("5⏎hello\n0⏎⏎"), bad("5⏎hello\r0⏎⏎"), bad("5⏎hello\r\r\n0⏎⏎"),
        bad("5⏎hello\n\r0⏎⏎"), bad("5⏎hello ⏎0⏎⏎"), bad("4⏎hello⏎0⏎⏎"), bad("1⏎ab⏎0⏎⏎"), bad("5⏎hello\u{0}⏎0⏎⏎"),
        bad("5⏎hello;⏎0⏎⏎"),
        bad("5⏎hell⏎0⏎⏎"), bad("6⏎hello⏎0⏎⏎"),
    ]

    package static let trailers: [RequestCase] = [
        ok("0⏎Checksum: abc⏎Expires: Wed⏎⏎", "", trailers: "Checksum: abc⏎Expires: Wed⏎"),
        ok("0⏎X-Checksum:   sig   ⏎⏎", "", trailers: "X-Checksum:   sig   ⏎"),
        ok("3⏎abc⏎0⏎A:⏎⏎", "abc", trailers: "A:⏎", "RFC 9112 §7.1"),
        ok("3⏎abc⏎0⏎A: \t é ⏎B:b⏎⏎", "abc", trailers: "A: \t é ⏎B:b⏎", "RFC 9112 §7.1"),
        ok(
            "0⏎Content-Length: 5⏎Transfer-Encoding: chunked⏎Host: x⏎⏎", "",
            trailers: "Content-Length: 5⏎Transfer-Encoding: chunked⏎Host: x⏎", "RFC 9110 §6.5.1"),
        ok("0;a=b⏎A: b⏎⏎", "", trailers: "A: b⏎", "RFC 9112 §7.1"),
        bad("0⏎NoColon⏎⏎"), bad("0⏎: v⏎⏎"), bad("0⏎Bad Name: v⏎⏎"), bad("0⏎A : v⏎⏎"), bad("0⏎ A: v⏎⏎"),
        bad("0⏎\tA: v⏎⏎"),
        bad("0⏎A: v⏎ folded⏎⏎"), bad("0⏎A: v\n⏎"), bad("0⏎A: v\r⏎⏎"), bad("0⏎A: a\rb⏎⏎"), bad("0⏎A: a\nb⏎⏎"),
        bad("0⏎A: a\u{0}b⏎⏎"),
        bad("0⏎A: a\u{7F}⏎⏎"), bad("0⏎é: v⏎⏎"), bad("0⏎A@: v⏎⏎"), bad("0⏎A: v⏎\n"), bad("0⏎A: v⏎\r\r"),
        bad("0⏎A: v⏎\rX"), bad("0⏎\u{0}⏎"),
        bad("0⏎GET / HTTP/1.1⏎Host: h⏎⏎"), bad("0⏎5⏎hello⏎0⏎⏎"), bad("0⏎\rX"), bad("0⏎A⏎⏎"),
    ]

    package static let incomplete: [RequestCase] = [
        "", "5", "5\r", "5;", "5;a", "5;a\r", "5⏎", "5⏎hel", "5⏎hello", "5⏎hello\r", "5⏎hello⏎", "5⏎hello⏎0",
        "5⏎hello⏎0\r", "0⏎",
        "0⏎\r", "0⏎Check", "0⏎Checksum:", "0⏎Checksum: ab", "0⏎Checksum: abc\r", "0⏎Checksum: abc⏎",
        "0⏎Checksum: abc⏎\r",
        "0000000000000000",
    ].map { .incomplete("«\($0)»", "RFC 9112 §7.1", coded($0)) }

    private static func limits(_ message: Int) -> HTTPRequestLimits {
        var limits = HTTPRequestLimits()
        limits.maxMessageBytes = message
        return limits
    }

    private static let framed = "5⏎hello⏎0;a=b⏎A: b⏎⏎"

    /// Framing counts: a message at its bound, and each bound below it; errors beyond the bound do not matter.
    package static let limited: [RequestCase] =
        (chunkedHead.utf8.count - 2...coded(framed).count + 1).map { bound -> RequestCase in
            let bytes = coded(framed)
            return bound >= bytes.count
                ? .request(
                    "a message at most \(bound) bytes long", "RFC 9112 §7.1", bytes, method: .post, target: "/c",
                    body: "hello",
                    trailers: "A: b\r\n", limits: limits(bound))
                : .refused(
                    .contentTooLarge, "a message longer than \(bound) bytes", "RFC 9112 §7.1", bytes,
                    limits: limits(bound))
        } + [
            .refused(
                .contentTooLarge, "an extension without end", "RFC 9112 §7.1", coded("5;" + hundred),
                limits: limits(120)),
            .refused(
                .contentTooLarge, "trailers without end", "RFC 9112 §7.1",
                coded("0⏎" + String(repeating: "A: b⏎", count: 20)),
                limits: limits(120)),
            .refused(
                .contentTooLarge, "a bad byte in an extension beyond the bound", "RFC 9112 §7.1",
                coded("5;" + hundred + "\u{1}"),
                limits: limits(120)),
            .refused(
                .contentTooLarge, "a bad trailer beyond the bound", "RFC 9112 §7.1",
                coded("0⏎" + String(repeating: "A: b⏎", count: 20) + "bad⏎"), limits: limits(120)),
            .refused(
                .contentTooLarge, "a bad size beyond the bound", "RFC 9112 §7.1", coded("28⏎\(hundred.prefix(40))⏎zz⏎"),
                limits: limits(chunkedHead.utf8.count + 4 + 42)),
            .refused(
                .badRequest, "a bad byte before the bound", "RFC 9112 §7.1", coded("5;a\u{1}" + hundred),
                limits: limits(120)),
            .refused(
                .contentTooLarge, "the largest size with no limit", "RFC 9112 §7.1", coded("7fffffffffffffff⏎"),
                limits: limits(.max)),
            .refused(
                .badRequest, "a size too large with no limit", "RFC 9112 §7.1", coded("8000000000000000⏎"),
                limits: limits(.max)),
        ]
}
