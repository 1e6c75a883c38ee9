import ApusProtocols

/// The Host field: how often it stands there, and what it may say.
package enum HostCases {
    /// All of them.
    package static let all = counts + accepted + refused + everyByte

    package static let counts: [RequestCase] = [
        .refused(.badRequest, "missing in 1.1", "RFC 9112 §3.2", head("GET / HTTP/1.1")),
        .refused(.badRequest, "missing in 1.1 among others", "RFC 9112 §3.2", head("GET / HTTP/1.1", "A: b", "Hos: t")),
        .refused(.badRequest, "missing in 1.9", "RFC 9112 §3.2", head("GET / HTTP/1.9")),
        .request("missing in 1.0", "RFC 9112 §3.2", head("GET / HTTP/1.0"), minor: 0, keepsAlive: false),
        .refused(.badRequest, "twice in 1.1", "RFC 9112 §3.2", head("GET / HTTP/1.1", "Host: h", "Host: i")),
        .refused(.badRequest, "twice equal in 1.1", "RFC 9112 §3.2", head("GET / HTTP/1.1", "Host: h", "host: h")),
        .refused(.badRequest, "twice in 1.0", "RFC 9112 §3.2", head("GET / HTTP/1.0", "Host: h", "Host: h")),
        .refused(
            .badRequest, "twice with others between", "RFC 9112 §3.2",
            head("GET / HTTP/1.1", "Host: h", "A: b", "C: d", "HOST: h")),
        .refused(.badRequest, "empty, then good", "RFC 9112 §3.2", head("GET / HTTP/1.1", "Host:", "Host: h")),
        .refused(.badRequest, "good, then bad", "RFC 9112 §3.2", head("GET / HTTP/1.1", "Host: h", "Host: /")),
        .refused(.badRequest, "bad in 1.0", "RFC 9112 §3.2", head("GET / HTTP/1.0", "Host: a b")),
    ]

    package static let accepted: [RequestCase] =
        [
            "localhost", "example.com", "example.com:8080", "1.1.1.1", "1.1.1.1:80", "[::1]", "[::1]:8080", "h:0",
            "h:65535",
            "a", "A.B.C", "xn--bcher-kva.example", "under_score", "a-b.c-d", "h.", "a~b", "a%20b", "h:",
            "[::ffff:1.2.3.4]:1",
            "[FE80::abCD]", "a!$&'()*+;=b",
        ].map { .request("«\($0)»", "RFC 9110 §7.2", head("GET / HTTP/1.1", "Host: \($0)")) } + [
            .request("blanks around", "RFC 9112 §5", head("GET / HTTP/1.1", "Host: \t h:80 \t ")),
            .request("no blank before", "RFC 9112 §5", head("GET / HTTP/1.1", "Host:h")),
        ]

    package static let refused: [RequestCase] = [
        "", " ", ":", ":8080", "localhost:abc", "localhost:80a", "localhost:8 0", "localhost:-1", "localhost:+80",
        "local host",
        "a:80:90", "a::80", "a:80, b", "a,b", "a, b", "user@h", "user:pass@h", "http://h", "h/", "/h", "h/path", "[",
        "]", "[]",
        "[::1", "::1", "::1]", "[::1]8080", "[::1]x:80", "[::1]:8a", "[[::1]]", "[g::1]", "[::1%25eth0]", "a[b]", "h]",
        "h?q", "h#f",
        "h\\", "<h>", "a^b", "`a`", "{a}", "a|b", "a%", "a%2", "a%2g", "%zz", "a%2:80",
        "\"h\"", "h\ti", "é", "日本", "[::1]:80:90", "[::1]]", "[a b]",
    ].map { .refused(.badRequest, "«\($0)»", "RFC 9112 §3.2", head("GET / HTTP/1.1", "Host: \($0)")) }

    /// Delimiters, blanks and what is not ASCII do not stand in a name.
    package static let everyByte: [RequestCase] = (Array(0x00...0x20) + Array(0x7F...0xFF)).map { (byte: UInt8) in
        .refused(
            .badRequest, "byte \(String(byte, radix: 16))", "RFC 9112 §3.2",
            raw("GET / HTTP/1.1\r\nHost: a§b\r\n\r\n", byte))
    }
}
