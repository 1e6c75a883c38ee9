import ApusProtocols
import Testing

@Suite struct `Host fields` {
    @Test(arguments: counts + accepted + refused + everyByte)
    func `are read the same however they arrive`(_ example: RequestCase) {
        #expect(example.firstDeviation() == nil)
    }

    static let counts: [RequestCase] = [
        .refused(.badRequest, "missing in 1.1", "05 §4.1.4", head("GET / HTTP/1.1")),
        .refused(.badRequest, "missing in 1.1 among others", "05 §4.1.4", head("GET / HTTP/1.1", "A: b", "Hos: t")),
        .refused(.badRequest, "missing in 1.9", "05 §4.1.4", head("GET / HTTP/1.9")),
        .request("missing in 1.0", "05 §4.1.4", head("GET / HTTP/1.0"), minor: 0, keepsAlive: false),
        .refused(.badRequest, "twice in 1.1", "05 §14.2", head("GET / HTTP/1.1", "Host: h", "Host: i")),
        .refused(.badRequest, "twice equal in 1.1", "05 §14.2", head("GET / HTTP/1.1", "Host: h", "host: h")),
        .refused(.badRequest, "twice in 1.0", "05 §14.2", head("GET / HTTP/1.0", "Host: h", "Host: h")),
        .refused(
            .badRequest, "twice with others between", "05 §4.1.4",
            head("GET / HTTP/1.1", "Host: h", "A: b", "C: d", "HOST: h")),
        .refused(.badRequest, "empty, then good", "05 §4.1.4", head("GET / HTTP/1.1", "Host:", "Host: h")),
        .refused(.badRequest, "good, then bad", "05 §4.1.4", head("GET / HTTP/1.1", "Host: h", "Host: /")),
        .refused(.badRequest, "bad in 1.0", "05 §4.1.4", head("GET / HTTP/1.0", "Host: a b")),
    ]

    static let accepted: [RequestCase] =
        [
            "localhost", "example.com", "example.com:8080", "1.1.1.1", "1.1.1.1:80", "[::1]", "[::1]:8080", "h:0",
            "h:65535",
            "a", "A.B.C", "xn--bcher-kva.example", "under_score", "a-b.c-d", "h.", "a~b", "a%20b", "h:",
            "[::ffff:1.2.3.4]:1",
            "[FE80::abCD]", "a!$&'()*+;=b",
        ].map { .request("«\($0)»", "05 §4.1.4, RFC 9110 §7.2", head("GET / HTTP/1.1", "Host: \($0)")) } + [
            .request("blanks around", "05 §4.1.3", head("GET / HTTP/1.1", "Host: \t h:80 \t ")),
            .request("no blank before", "05 §4.1.3", head("GET / HTTP/1.1", "Host:h")),
        ]

    static let refused: [RequestCase] = [
        "", " ", ":", ":8080", "localhost:abc", "localhost:80a", "localhost:8 0", "localhost:-1", "localhost:+80",
        "local host",
        "a:80:90", "a::80", "a:80, b", "a,b", "a, b", "user@h", "user:pass@h", "http://h", "h/", "/h", "h/path", "[",
        "]", "[]",
        "[::1", "::1", "::1]", "[::1]8080", "[::1]x:80", "[::1]:8a", "[[::1]]", "[g::1]", "[::1%25eth0]", "a[b]", "h]",
        "h?q", "h#f",
        "h\\", "<h>", "\"h\"", "h\ti", "é", "日本", "[::1]:80:90", "[::1]]", "[a b]",
    ].map { .refused(.badRequest, "«\($0)»", "05 §4.1.4, §14.2", head("GET / HTTP/1.1", "Host: \($0)")) }

    /// Delimiters, blanks and what is not ASCII do not stand in a name.
    static let everyByte: [RequestCase] = (Array(0x00...0x20) + Array(0x7F...0xFF)).map { (byte: UInt8) in
        .refused(
            .badRequest, "byte \(String(byte, radix: 16))", "05 §4.1.4",
            raw("GET / HTTP/1.1\r\nHost: a§b\r\n\r\n", byte))
    }
}
