import ApusProtocols

private let line = "GET / HTTP/1.1"
private let h = "Host: h"

/// Header fields: names, values, line ends, and names that only look as if they meant something.
package enum FieldLineCases {
    /// All of them.
    package static let all = names + everyByteInNames + values + everyByteInValues + lineEnds + lookalikes

    package static let names: [RequestCase] =
        [
            .request("a request of 27 bytes", "RFC 9112 §5", head(line, h)),
            .request("underscore and hyphen", "RFC 9112 §5", head(line, h, "X-Custom_Header: ok")),
            .request(
                "every token character", "RFC 9112 §5",
                head(line, h, "ABCXYZabcxyz0123456789!#$%&'*+-.^_`|~: v")),
            .request("names in any case", "RFC 9110 §5.1", head(line, "hOsT: h", "CONNECTION: keep-alive")),
            .request("one letter", "RFC 9112 §5", head(line, h, "x: y")),
            .request("the same field twice", "RFC 9110 §5.3", head(line, h, "Cookie: a", "Cookie: b")),
            .request("a name of 300 bytes", "RFC 9112 §5", head(line, h, String(repeating: "n", count: 300) + ": v")),
            .request("fields before Host", "RFC 9110 §7.2", head(line, "A: 1", "B: 2", h)),
        ]
        + [
            "Bad Name", "Host ", "X ", "X\t", " X", "\tX", "", "X@Y", "Cookie[0]", "Ñame", "X\u{0}", "X\r", "X\n", " ",
            "X: Y\u{B}Z\u{0}",
        ].map { .refused(.badRequest, "name «\($0)»", "RFC 9112 §5", head(line, h, "\($0): v")) } + [
            .refused(.badRequest, "Host with a blank before the colon", "RFC 9112 §5", head(line, "Host : h")),
            .refused(.badRequest, "Host with a tab before the colon", "RFC 9112 §5", head(line, "Host\t: h")),
            .refused(.badRequest, "line without colon", "RFC 9112 §5", head(line, h, "NoColon")),
            .refused(.badRequest, "first line without colon", "RFC 9112 §5", head(line, "NoColon", h)),
            .refused(.badRequest, "request line again", "RFC 9112 §5", head(line, line, h)),
            .incomplete("name not yet whole", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\nHos")),
            .incomplete("colon not yet there", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\nHost")),
        ]

    /// What is no token character refuses the request in a name; a colon ends the name.
    package static let everyByteInNames: [RequestCase] = (0...0xFF).filter { !isToken($0) && $0 != UInt8(ascii: ":") }
        .map {
            byte in
            .refused(
                .badRequest, "byte \(String(byte, radix: 16)) in name", "RFC 9112 §5",
                raw("GET / HTTP/1.1\r\nHost: h\r\nX§Y: v\r\n\r\n", byte))
        }

    private static func isToken(_ byte: UInt8) -> Bool {
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8.contains(byte)
    }

    package static let values: [RequestCase] =
        [
            "", " ", "\t", " \t \t ", "v", " v", "v ", "\tv\t", "  v  w  ", "a\tb", ":", "a: b", ",", "é日",
            "\"quoted, \\\" text\"",
            "=?utf-8?q?x?=", "(comment)", String(repeating: "v", count: 1000),
        ].map { .request("value «\($0.prefix(40))»", "RFC 9112 §5", head(line, h, "X:\($0)")) }
        + [
            .incomplete("blanks before a value", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\nHost:  \t ")),
            .incomplete("value not yet whole", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\nHost: loc")),
            .incomplete("line end not yet whole", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\nHost: h\r")),
            .incomplete("no empty line yet", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\nHost: h\r\n")),
            .incomplete("empty line not yet whole", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\nHost: h\r\n\r")),
        ]

    package static let everyByteInValues: [RequestCase] =
        (Array(0x00...0x1F) + [0x7F]).filter { $0 != 0x09 }.flatMap { (byte: UInt8) -> [RequestCase] in
            let name = "byte \(String(byte, radix: 16))"
            return ["a§b", "§", "§a", "a§", "a §"].map {
                .refused(
                    .badRequest, "\(name) in value «\($0)»", "RFC 9110 §5.5",
                    raw("GET / HTTP/1.1\r\nHost: h\r\nX: \($0)\r\n\r\n", byte))
            }
        }
        + (0x80...0xFF).map { byte in
            .request(
                "byte \(String(byte, radix: 16)) in value", "RFC 9110 §5.5",
                raw("GET / HTTP/1.1\r\nHost: h\r\nX: a§b\r\n\r\n", byte))
        }
        // Vectors of 16 bytes are looked at together: a bad byte is found, and an end, in each of their positions.
        + (0..<36).flatMap { count -> [RequestCase] in
            let value = String(repeating: "v", count: count)
            return [
                .refused(
                    .badRequest, "DEL after \(count) bytes of value", "RFC 9112 §5", head(line, h, "X: \(value)\u{7F}v")
                ),
                .refused(
                    .badRequest, "LF after \(count) bytes of value", "RFC 9112 §5", head(line, h, "X: \(value)\nv")),
                .request("tab after \(count) bytes of value", "RFC 9110 §5.5", head(line, h, "X: \(value)\tv")),
                .request("a value of \(count) bytes", "RFC 9112 §5", head(line, h, "X: \(value)")),
            ]
        }

    package static let lineEnds: [RequestCase] = [
        .refused(.badRequest, "folded with a blank", "RFC 9112 §5.2", head(line, h, "X: a", " b")),
        .refused(.badRequest, "folded with a tab", "RFC 9112 §5.2", head(line, h, "X: a", "\tb")),
        .refused(.badRequest, "folded Host", "RFC 9112 §5.2", head(line, "Host: h", " .evil")),
        .refused(
            .badRequest, "folded Transfer-Encoding", "RFC 9112 §5.2",
            head("POST / HTTP/1.1", h, "Transfer-Encoding:", " chunked")),
        .refused(.badRequest, "fold of nothing", "RFC 9112 §5.2", head(line, h, "X: a", " ")),
        .refused(.badRequest, "blank line of a blank first", "RFC 9112 §2.2", head(line, " ", h)),
        .refused(.badRequest, "blank before the first field", "RFC 9112 §5", head(line, " Host: h")),
        .refused(.badRequest, "tab before the first field", "RFC 9112 §5", head(line, "\tHost: h")),
        .refused(.badRequest, "bare LF ends a field", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\nX: a\r\n\r\n")),
        .refused(.badRequest, "bare CR ends a field", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\rX: a\r\n\r\n")),
        .refused(.badRequest, "two CR end a field", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n")),
        .refused(.badRequest, "LF CR ends a field", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\n\r\r\n\r\n")),
        .refused(.badRequest, "LF LF ends the head", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\n\n")),
        .refused(.badRequest, "CRLF LF ends the head", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\r\n\n")),
        .refused(.badRequest, "CRLF CR CR ends the head", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\r\n\r\r")),
        .refused(.badRequest, "CRLF CR letter ends the head", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\r\n\rX")),
        .refused(
            .badRequest, "NUL instead of the empty line", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\r\n\u{0}\r\n")
        ),
        .refused(.badRequest, "NUL after a line", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\nHost: h\r\n\u{0}")),
    ]

    /// Names as long as those that mean something, that differ in one place, are ordinary fields.
    package static let lookalikes: [RequestCase] =
        [
            "Hose", "H-st", "Nost", "Expecs", "Expec_", "Connectiom", "Connection-", "Content_Length", "Content-Lengti",
            "Kontent-Length", "Transfer_Encoding", "Transfer-Encodinf", "Xransfer-Encoding", "X-Transfer-Encoding",
            "Content-Length2", "Content-Lengt", "Transfer-Encoding-", "X-Host", "Proxy-Connection", "Trailer",
            "Upgrade",
            // 0x0D | 0x20 is a hyphen; 0x4F | 0x20 is an `o`: only letters may be folded.
            "Content.Length", "TRANSFER_ENCODING",
        ].flatMap { name in
            [
                .request("\(name) is an ordinary field", "RFC 9112 §5", head(line, h, "\(name): chunked")),
                .request(
                    "\(name) twice is an ordinary field", "RFC 9112 §5", head(line, h, "\(name): 5", "\(name): close")),
            ]
        }
}
