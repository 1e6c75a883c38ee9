import ApusProtocols

private let post = "POST /p HTTP/1.1"
private let h = "Host: h"

/// Content-Length and Transfer-Encoding: how long a body is, and every doubt about it.
package enum BodyLengthCases {
    /// All of them.
    package static let all = lengths + malformedLengths + codings + conflicts

    package static let lengths: [RequestCase] = [
        .request("no body", "RFC 9112 §6.3", head(post, h), method: .post, target: "/p"),
        .request(
            "three bytes", "RFC 9112 §6.3", head(post, h, "Content-Length: 3", body: "abc"), method: .post,
            target: "/p",
            body: "abc"),
        .request("none", "RFC 9110 §8.6", head(post, h, "Content-Length: 0"), method: .post, target: "/p"),
        .request(
            "on GET", "RFC 9110 §8.6", head("GET / HTTP/1.1", h, "Content-Length: 5", body: "hello"), body: "hello"),
        .request(
            "on HEAD", "RFC 9110 §8.6", head("HEAD / HTTP/1.1", h, "Content-Length: 1", body: "x"), method: .head,
            body: "x"
        ),
        .request(
            "on HTTP/1.0", "RFC 9110 §8.6", head("PUT / HTTP/1.0", "Content-Length: 2", body: "hi"), method: .put,
            minor: 0,
            body: "hi", keepsAlive: false),
        .request(
            "leading zeros", "RFC 9110 §8.6", head(post, h, "Content-Length: 0003", body: "abc"), method: .post,
            target: "/p", body: "abc"),
        .request(
            "forty zeros", "RFC 9110 §8.6",
            head(post, h, "Content-Length: \(String(repeating: "0", count: 40))4", body: "abcd"), method: .post,
            target: "/p",
            body: "abcd"),
        .request(
            "blanks around", "RFC 9112 §5", head(post, h, "Content-Length: \t 1 \t", body: "x"), method: .post,
            target: "/p",
            body: "x"),
        .request(
            "before Host", "RFC 9110 §8.6", head(post, "content-length:1", h, body: "x"), method: .post, target: "/p",
            body: "x"),
        .request(
            "a body that looks like a request", "RFC 9112 §6.3",
            head(post, h, "Content-Length: 27", body: "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), method: .post, target: "/p",
            body: "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        .request(
            "a body of NUL and line ends", "RFC 9112 §6.3",
            head(post, h, "Content-Length: 6", body: "\u{0}\r\n\r\n\u{0}"), method: .post, target: "/p",
            body: "\u{0}\r\n\r\n\u{0}"),
        .incomplete("body not yet there", "RFC 9112 §6.3", head(post, h, "Content-Length: 3")),
        .incomplete("body not yet whole", "RFC 9112 §6.3", head(post, h, "Content-Length: 3", body: "ab")),
    ]

    package static let malformedLengths: [RequestCase] =
        [
            "abc", "12abc", "", "1,2", "3, 3", "3,3", "+5", "-1", "-0", "0x5", "5h", "1e3", "1.0", "1 2", "1\t2", "5;",
            "\"3\"",
            "3,", ",3", "3\u{0}", "٣", "³", "1_000", "/", ":", "²3",
        ].map {
            .refused(.badRequest, "«\($0)»", "RFC 9110 §8.6", head(post, h, "Content-Length: \($0)", body: "abc"))
        }
        + [
            .refused(
                .badRequest, "twice equal", "RFC 9112 §6.3",
                head(post, h, "Content-Length: 3", "Content-Length: 3", body: "abc")),
            .refused(
                .badRequest, "twice different", "RFC 9110 §8.6",
                head(post, h, "Content-Length: 3", "Content-Length: 4", body: "abcd")),
            .refused(
                .badRequest, "twice with others between", "RFC 9112 §6.3",
                head(post, h, "Content-Length: 3", "A: b", "CONTENT-LENGTH: 3", body: "abc")),
            .refused(
                .badRequest, "twice zero", "RFC 9110 §8.6", head(post, h, "Content-Length: 0", "Content-Length: 0")),
            .refused(
                .badRequest, "good, then empty", "RFC 9110 §8.6",
                head(post, h, "Content-Length: 0", "Content-Length:")),
            .refused(
                .badRequest, "twice in 1.0", "RFC 9110 §8.6",
                head("POST / HTTP/1.0", "Content-Length: 1", "Content-Length: 1")),
        ]

    package static let codings: [RequestCase] =
        ["chunked", "Chunked", "CHUNKED", "cHuNkEd", " \tchunked\t "].map {
            .request(
                "Transfer-Encoding «\($0)»", "RFC 9112 §6.1",
                head(post, h, "Transfer-Encoding:\($0)", body: "1\r\nx\r\n0\r\n\r\n"),
                method: .post, target: "/p", body: "x")
        } + [
            .request(
                "chunked in HTTP/1.0", "RFC 9112 §7.1",
                head("POST /p HTTP/1.0", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
                method: .post, target: "/p", minor: 0, keepsAlive: false),
            .request(
                "chunked on GET", "RFC 9112 §6.1",
                head("GET / HTTP/1.1", h, "Transfer-Encoding: chunked", body: "0\r\n\r\n")),
        ]
        + [
            "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", ",chunked", "identity", "",
            "chunke",
            "chunkedd", "xchunked", "x-chunked", "chunked;q=1", "\"chunked\"", "'chunked'", "chunked foo", "chun ked",
            "cow",
            "chunked\u{B}", "\u{B}chunked", "\u{0}chunked", "chunked\u{0}", "chunKed\u{212A}", "chun\u{212A}ed",
            "chunk\u{45}\u{301}d",
            "trailers", "deflate", "compress, identity",
        ].map {
            .refused(
                .badRequest, "Transfer-Encoding «\($0)»", "RFC 9112 §6.1",
                head(post, h, "Transfer-Encoding: \($0)", body: "0\r\n\r\n"))
        }

    package static let conflicts: [RequestCase] =
        [
            ["Content-Length: 5", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 5"],
            ["Content-Length: 0", "Transfer-Encoding: chunked"], ["content-length:5", "transfer-encoding:chunked"],
            ["Content-Length: x", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length:"],
            ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
            ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: chunked", "A: b", "Transfer-Encoding:"], ["Transfer-Encoding : chunked"],
            ["Transfer-Encoding\t:chunked"],
            ["Transfer-Encoding", " : chunked"], ["X: y", " Transfer-Encoding: chunked"],
            [" Transfer-Encoding: chunked"],
            ["X: y\rTransfer-Encoding: chunked"], ["X: y\nTransfer-Encoding: chunked"], ["Transfer-Encoding:\rchunked"],
            ["Transfer-Encoding:\nchunked"], ["Transfer-Encoding: chunked\r"], ["Content-Length: 3\r"],
            ["Content-Length : 3"],
            ["Content-Length\u{0}: 3"], ["\u{0}Content-Length: 3"], ["Content-Length:\u{B}3"],
            ["Content-Length: 3\u{C}"],
            ["Content-Length: 3", "Content-Length : 3"], ["Transfer\u{2011}Encoding: chunked"],
            ["Content-Length: 999999999999", "Transfer-Encoding: chunked"],
            ["Content-Length: 999999999999", "Content-Length: 999999999999"],
        ].map { fields in
            let lines = ([post, h] + fields).joined(separator: "\r\n")
            return .refused(
                .badRequest, fields.joined(separator: " | "), "RFC 9112 §6.1, §11.2",
                raw(lines + "\r\n\r\n0\r\n\r\n"))
        } + [
            .refused(
                .badRequest, "both in HTTP/1.0", "RFC 9112 §6.1",
                head("POST / HTTP/1.0", "Content-Length: 5", "Transfer-Encoding: chunked", body: "0\r\n\r\n"))
        ]
}
