import ApusProtocols

private let h = "Host: h"

/// Request lines: methods, targets, versions, and what ends them.
package enum RequestLineCases {
    /// All of them.
    package static let all = methods + versions + targets + otherTargets + everyByteInTargets + lineEnds

    package static let methods: [RequestCase] =
        HTTPMethod.allCases.map {
            .request("method \($0.name)", "RFC 9112 §3", head("\($0.name) / HTTP/1.1", h), method: $0)
        }
        + [
            "MIAOWU", "POSTS", "get", "Get", "gET", "G", "GE", "GETX", "PUTS", "HEADS", "PATCHED", "OPTIONSS",
            "DELETED", "TRACE", "CONNECT", "PROPFIND", "!#$%&'*+-.^_`|~0",
        ].map { .refused(.notImplemented, "method \($0)", "RFC 9110 §9.1", head("\($0) / HTTP/1.1", h)) }
        + ["P\u{0}ST", "G@T", "GET,", "\"GET\"", "GÉT", "TR{CE"].map {
            .refused(.badRequest, "method \($0)", "RFC 9110 §9.1, §5.6.2", head("\($0) / HTTP/1.1", h))
        }
        + [
            .refused(.notImplemented, "CONNECT", "RFC 9110 §9.3.6", head("CONNECT h:443 HTTP/1.1", h)),
            .refused(.notImplemented, "TRACE", "RFC 9110 §9.3.8", head("TRACE / HTTP/1.1", h, "Max-Forwards: 0")),
            .refused(.badRequest, "unknown method without Host", "RFC 9112 §3.2", head("LOCK / HTTP/1.1")),
            .refused(.badRequest, "unknown method, bad version", "RFC 9112 §2.3", head("LOCK / HTTP/2.0", h)),
            .refused(.badRequest, "unknown method, no target", "RFC 9112 §3", head("LOCK  HTTP/1.1", h)),
            .refused(.badRequest, "unknown method, bad field", "RFC 9112 §5", head("LOCK / HTTP/1.1", h, "a b: c")),
            .refused(
                .badRequest, "unknown method, two lengths", "RFC 9112 §6.3",
                head("LOCK / HTTP/1.1", h, "Content-Length: 1", "Transfer-Encoding: chunked")),
            .incomplete("unknown method, head not yet whole", "RFC 9112 §2.1", raw("LOCK / HTTP/1.1\r\nHost: h\r\n")),
            .refused(.badRequest, "no method", "RFC 9112 §3", head(" / HTTP/1.1", h)),
            .refused(.badRequest, "target first", "RFC 9112 §3", head("/ HTTP/1.1", h)),
            .refused(.badRequest, "HTTP/2 preface", "RFC 9112 §3", head("PRI * HTTP/2.0", "", "SM", "")),
            .refused(.badRequest, "TLS hello", "RFC 9112 §3", raw("§\u{3}\u{1}\u{2}\u{0}\u{1}", 0x16)),
            .incomplete("method not yet whole", "RFC 9112 §2.1", raw("GE")),
            .incomplete("method whole, no blank yet", "RFC 9112 §2.1", raw("DELETE")),
        ]

    package static let versions: [RequestCase] =
        [
            .request(
                "HTTP/1.0 without Host", "RFC 9112 §3", head("PATCH /a HTTP/1.0"), method: .patch, target: "/a",
                minor: 0,
                keepsAlive: false),
            .request("HTTP/1.0 with Host", "RFC 9112 §3.2", head("GET / HTTP/1.0", h), minor: 0, keepsAlive: false),
        ]
        + (1...9).map {
            .request("HTTP/1.\($0) counts as 1.1", "RFC 9110 §2.5", head("GET / HTTP/1.\($0)", h))
        }
        + [
            "http/1.1", "Http/1.1", "HTTP/2.0", "HTTP/0.9", "HTTP/3.1", "HTTP/1", "HTTP/1.", "HTTP/1.10", "HTTP/1.01",
            "HTTP/01.1", "HTTP/1.a", "HTTP/1,1", "HTTP/11", "HTTP /1.1", "HTTP/ 1.1", "HTTP/1 .1", "HTTP/1.1x",
            "HTTP/1.:",
            "HTTP/1./", "HTTPS/1.1", "HTTP\\1.1", "HTTP/-1.1", "HTTP/1.1\u{0}", "HTTP/1.\u{0}", "ICAP/1.0", "",
        ].map { .refused(.badRequest, "version «\($0)»", "RFC 9112 §2.3", head("GET / \($0)", h)) }
        + [
            .refused(.badRequest, "no version, as in HTTP/0.9", "RFC 9112 §2.3", raw("GET /\r\n")),
            .refused(.badRequest, "method alone", "RFC 9112 §3", raw("GET\r\n\r\n")),
        ]

    package static let targets: [RequestCase] =
        [
            "/", "//", "/a/b/c", "/a?b=c&d", "/?", "/a#b", "/%20%00%zz", "/..;/../", "/é/ü/日本", "/a?q=\"<>\\^`{|}\"",
            "/!#$%&'()*+,-./0123456789:;<=>?@ABCXYZ[\\]^_`abcxyz{|}~", "/http://x/",
            "/" + String(repeating: "a", count: 300),
        ].map { .request("target \($0.prefix(60))", "RFC 9112 §3", head("GET \($0) HTTP/1.1", h), target: $0) }
        + [
            "*", "h:443", "h", "h:80/", "?a", "#", "\\", "%2F", ":", "", "-", "~/", "ftp://h/", "http:", "http:/",
            "http:/h", "http//h", "http:h", "http:///", "http://", "https://", "http://?q", "http://:80/", "httpx://h/",
            "ws://h/", "http ://h/", "http:\\\\h/", "http://u@h/", "http://u:p@h/", "http://h:x/", "http://h:80:90/",
            "http://a,b/", "http://[::1/", "http://[]/", "http://[g]/", "http://h#f", "http://é/", "http://h\\/",
            "http://\"h\"/", "httpS", "hxxp://h/", "http://h /",
        ].map {
            .refused(.badRequest, "target «\($0)»", "RFC 9112 §3.2, RFC 9110 §4.2", head("GET \($0) HTTP/1.1", h))
        }
        + [
            .refused(.badRequest, "two targets", "RFC 9112 §3", head("GET / / HTTP/1.1", h)),
            .refused(.badRequest, "line end in target", "RFC 9112 §3", head("GET /a\r\nb HTTP/1.1", h)),
            .refused(.badRequest, "smuggled field in target", "RFC 9112 §3", head("GET /a\r\nX: b HTTP/1.1", h)),
            .incomplete("target not yet whole", "RFC 9112 §2.1", raw("GET /abc")),
            .incomplete("blank before the target", "RFC 9112 §2.1", raw("GET ")),
        ]

    package static let otherTargets: [RequestCase] =
        [
            ("http://h/", "h"), ("HTTP://h/", "h"), ("hTtPs://h/a?b", "h"), ("https://h", "h"), ("http://h?", "h"),
            ("http://h?q=/", "h"), ("http://example.com:8080/a/b?c", "example.com:8080"), ("http://h:/", "h:"),
            ("http://[::1]:80/", "[::1]:80"), ("http://a%20b/", "a%20b"), ("http://h//", "h"), ("http://h/#f", "h"),
            ("http://h/é", "h"), ("http://s/https://x", "s"), ("http://httpsomething/", "httpsomething"),
        ].map { target, host in
            .request(
                "target \(target)", "RFC 9112 §3.2.2", head("GET \(target) HTTP/1.1", "A: b", "Host: i", "C: d"),
                target: target, fields: ["A: b", "Host: \(host)", "C: d"])
        }
        + HTTPMethod.allCases.map {
            .request(
                "absolute \($0.name)", "RFC 9112 §3.2.2", head("\($0.name) http://h/p HTTP/1.1", h), method: $0,
                target: "http://h/p")
        }
        + [
            .request(
                "absolute in 1.0 without Host", "RFC 9112 §3.2.2", head("GET http://h/ HTTP/1.0"), target: "http://h/",
                minor: 0, keepsAlive: false),
            .refused(
                .badRequest, "absolute without Host", "RFC 9112 §3.2", head("GET http://h/ HTTP/1.1", "A: b")),
            .refused(
                .badRequest, "absolute and two Hosts", "RFC 9112 §3.2", head("GET http://h/ HTTP/1.1", h, h)),
            .refused(
                .badRequest, "absolute and a bad Host", "RFC 9112 §3.2", head("GET http://h/ HTTP/1.1", "Host: a b")),
            .request(
                "OPTIONS *", "RFC 9112 §3.2.4", head("OPTIONS * HTTP/1.1", h), method: .options, target: "*"),
            .refused(.badRequest, "OPTIONS * without Host", "RFC 9112 §3.2", head("OPTIONS * HTTP/1.1")),
            .incomplete("OPTIONS *, no blank yet", "RFC 9112 §2.1", raw("OPTIONS *")),
            .incomplete("scheme not yet whole", "RFC 9112 §2.1", raw("GET htt")),
            .incomplete("authority not yet whole", "RFC 9112 §2.1", raw("GET http://h")),
            .incomplete("path not yet whole", "RFC 9112 §2.1", raw("GET https://h/a")),
        ]
        + ["*/", "**", "*?a", "/*x y", "*\t"].map {
            .refused(.badRequest, "OPTIONS «\($0)»", "RFC 9112 §3.2.4", head("OPTIONS \($0) HTTP/1.1", h))
        }
        + ["POST", "HEAD", "PUT", "DELETE", "PATCH"].map {
            .refused(.badRequest, "\($0) *", "RFC 9112 §3.2.4", head("\($0) * HTTP/1.1", h))
        }

    /// Each byte that may not stand in a target, at the end of a target and within; each that may.
    package static let everyByteInTargets: [RequestCase] =
        (Array(0x00...0x20) + [0x7F]).flatMap { (byte: UInt8) -> [RequestCase] in
            let name = "byte \(String(byte, radix: 16))"
            return [
                .refused(
                    .badRequest, "\(name) in target", "RFC 9112 §3", raw("GET /a§b HTTP/1.1\r\nHost: h\r\n\r\n", byte)),
                .refused(
                    .badRequest, "\(name) after target", "RFC 9112 §3", raw("GET /a§ HTTP/1.1\r\nHost: h\r\n\r\n", byte)
                ),
                .refused(
                    .badRequest, "\(name) before it", "RFC 9112 §3", raw("GET §/a HTTP/1.1\r\nHost: h\r\n\r\n", byte)),
            ]
        }
        + [UInt8](0x21...0xFF).filter { $0 != 0x7F }.map { byte in
            .request(
                "byte \(String(byte, radix: 16)) in target", "RFC 9112 §3",
                raw("GET /a§b HTTP/1.1\r\nHost: h\r\n\r\n", byte),
                target: String(decoding: [0x2F, 0x61, byte, 0x62], as: UTF8.self))
        }
        // Vectors of 16 bytes are looked at together: a bad byte is found in each of their positions.
        + (0..<36).map { count in
            .refused(
                .badRequest, "DEL after \(count) bytes of target", "RFC 9112 §3",
                head(
                    "GET /\(String(repeating: "t", count: count))\u{7F}\(String(repeating: "t", count: 20)) HTTP/1.1", h
                ))
        }

    package static let lineEnds: [RequestCase] = [
        .refused(.badRequest, "leading blank", "RFC 9112 §3", head(" GET / HTTP/1.1", h)),
        .refused(.badRequest, "leading tab", "RFC 9112 §3", head("\tGET / HTTP/1.1", h)),
        .refused(.badRequest, "leading empty line", "RFC 9112 §3", head("", "GET / HTTP/1.1", h)),
        .refused(.badRequest, "leading bare LF", "RFC 9112 §3", raw("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")),
        .refused(.badRequest, "leading NUL", "RFC 9112 §3", raw("\u{0}GET / HTTP/1.1\r\nHost: h\r\n\r\n")),
        .refused(
            .badRequest, "leading byte order mark", "RFC 9112 §3", raw("\u{FEFF}GET / HTTP/1.1\r\nHost: h\r\n\r\n")),
        .refused(.badRequest, "tab after the method", "RFC 9112 §3", head("GET\t/ HTTP/1.1", h)),
        .refused(.badRequest, "tab after the target", "RFC 9112 §3", head("GET /\tHTTP/1.1", h)),
        .refused(.badRequest, "two blanks after the method", "RFC 9112 §3", head("GET  / HTTP/1.1", h)),
        .refused(.badRequest, "two blanks after the target", "RFC 9112 §3", head("GET /  HTTP/1.1", h)),
        .refused(.badRequest, "trailing blank", "RFC 9112 §3", head("GET / HTTP/1.1 ", h)),
        .refused(.badRequest, "trailing tab", "RFC 9112 §3", head("GET / HTTP/1.1\t", h)),
        .refused(.badRequest, "bare LF ends the line", "RFC 9112 §2.2", raw("GET / HTTP/1.1\nHost: h\r\n\r\n")),
        .refused(.badRequest, "bare LF ends all lines", "RFC 9112 §2.2", raw("GET / HTTP/1.1\nHost: h\n\n")),
        .refused(.badRequest, "bare CR ends the line", "RFC 9112 §2.2", raw("GET / HTTP/1.1\rHost: h\r\n\r\n")),
        .refused(.badRequest, "two CR end the line", "RFC 9112 §2.2", raw("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n")),
        .refused(.badRequest, "LF CR ends the line", "RFC 9112 §2.2", raw("GET / HTTP/1.1\n\rHost: h\r\n\r\n")),
        .refused(.badRequest, "empty line alone", "RFC 9112 §2.2", raw("\r\n\r\n")),
        .refused(.badRequest, "NUL bytes", "RFC 9112 §3", [0, 0, 0, 0]),
        .incomplete("version not yet whole", "RFC 9112 §2.1", raw("GET / HTTP/1.")),
        .incomplete("line end not yet whole", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r")),
        .incomplete("no fields yet", "RFC 9112 §2.1", raw("GET / HTTP/1.1\r\n")),
    ]
}
