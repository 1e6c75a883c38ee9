import ApusProtocols

private let h = "Host: h"

/// Connection and Expect: what becomes of the connection, and of a body that is held back.
package enum PersistenceCases {
    /// All of them.
    package static let all = connectionOptions + expectations

    /// Values of `Connection`, and whether HTTP/1.1 and HTTP/1.0 stay open with them.
    package static let options: [(value: String, in11: Bool, in10: Bool)] = [
        ("", true, false), ("close", false, false), ("Close", false, false), ("CLOSE", false, false),
        ("keep-alive", true, true),
        ("Keep-Alive", true, true), ("KEEP-ALIVE", true, true), ("upgrade", true, false),
        ("close, keep-alive", false, false),
        ("keep-alive, close", false, false), ("keep-alive,close", false, false), ("foo, close", false, false),
        ("foo ,\tclose\t, bar", false, false), ("foo, keep-alive", true, true), (", close", false, false),
        ("close,", false, false),
        (",,close,,", false, false), (",", true, false), ("closed", true, false), ("xclose", true, false),
        ("close foo", true, false),
        ("clos", true, false), ("clo se", true, false), ("close;q=1", true, false), ("\"close\"", true, false),
        ("keepalive", true, false), ("keep_alive", true, false), ("keep-alive2", true, false),
        ("TE, close", false, false),
        ("Upgrade, Keep-Alive", true, true), ("é, close", false, false),
    ]

    package static let connectionOptions: [RequestCase] =
        options.flatMap { option -> [RequestCase] in
            [
                .request(
                    "HTTP/1.1, «\(option.value)»", "RFC 9110 §7.6.1",
                    head("GET / HTTP/1.1", h, "Connection: \(option.value)"), keepsAlive: option.in11),
                .request(
                    "HTTP/1.0, «\(option.value)»", "RFC 9112 §9.3",
                    head("GET / HTTP/1.0", "Connection: \(option.value)"), minor: 0, keepsAlive: option.in10),
            ]
        } + [
            .request("HTTP/1.1 without", "RFC 9112 §9.3", head("GET / HTTP/1.1", h)),
            .request("HTTP/1.0 without", "RFC 9112 §9.3", head("GET / HTTP/1.0", h), minor: 0, keepsAlive: false),
            .request("HTTP/1.5", "RFC 9110 §2.5", head("GET / HTTP/1.5", h)),
            .request(
                "two fields, close first", "RFC 9110 §5.3",
                head("GET / HTTP/1.1", h, "Connection: close", "Connection: keep-alive"), keepsAlive: false),
            .request(
                "two fields, close last", "RFC 9110 §5.3",
                head("GET / HTTP/1.1", "Connection: keep-alive", h, "connection: close"), keepsAlive: false),
            .request(
                "two fields in 1.0", "RFC 9110 §5.3",
                head("GET / HTTP/1.0", "Connection: foo", "Connection: Keep-Alive"), minor: 0, keepsAlive: true),
            .request(
                "Proxy-Connection means nothing", "RFC 9112 §C.2.2",
                head("GET / HTTP/1.0", "Proxy-Connection: keep-alive"), minor: 0, keepsAlive: false),
            .request(
                "Keep-Alive means nothing", "RFC 9112 §9.3", head("GET / HTTP/1.0", "Keep-Alive: 300"), minor: 0,
                keepsAlive: false),
        ]

    package static let expectations: [RequestCase] =
        ["100-continue", "100-Continue", "100-CONTINUE", " 100-continue\t"].map {
            .request(
                "Expect «\($0)»", "RFC 9110 §10.1.1",
                head("PUT / HTTP/1.1", h, "Expect:\($0)", "Content-Length: 2", body: "ok"), method: .put, body: "ok",
                expects: true)
        } + [
            .request(
                "with a chunked body", "RFC 9112 §9.3",
                head("PUT / HTTP/1.1", h, "Expect: 100-continue", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
                method: .put,
                expects: true),
            .request(
                "twice", "RFC 9110 §10.1.1",
                head("PUT / HTTP/1.1", h, "Expect: 100-continue", "expect: 100-continue"), method: .put, expects: true),
            .request(
                "ignored in HTTP/1.0", "RFC 9110 §10.1.1",
                head("PUT / HTTP/1.0", "Expect: 100-continue", "Content-Length: 2", body: "ok"), method: .put, minor: 0,
                body: "ok",
                keepsAlive: false),
            .incomplete(
                "no body yet", "RFC 9112 §9.3", head("PUT / HTTP/1.1", h, "Expect: 100-continue", "Content-Length: 2")),
        ]
        + [
            "foo", "", "100", "100-continued", "200-ok", "100-continue, foo", "100-continue;x", "\"100-continue\"",
            "100 continue",
        ].map {
            .refused(
                .expectationFailed, "Expect «\($0)»", "RFC 9110 §10.1.1",
                head("PUT / HTTP/1.1", h, "Expect: \($0)", "Content-Length: 2", body: "ok"))
        } + [
            .refused(
                .expectationFailed, "one known, one not", "RFC 9110 §10.1.1",
                head("PUT / HTTP/1.1", h, "Expect: 100-continue", "Expect: foo")),
            .refused(
                .contentTooLarge, "too large a body", "RFC 9112 §9.3",
                head("PUT / HTTP/1.1", h, "Expect: 100-continue", "Content-Length: 99999999999")),
            .refused(.badRequest, "malformed besides", "RFC 9112 §3.2", head("PUT / HTTP/1.1", "Expect: foo")),
            .refused(
                .badRequest, "bad Host after it", "RFC 9112 §3.2", head("PUT / HTTP/1.1", "Expect: foo", "Host: /")),
            .refused(
                .badRequest, "bad Host before it", "RFC 9112 §3.2", head("PUT / HTTP/1.1", "Host: /", "Expect: foo")),
            .refused(
                .badRequest, "bad length after it", "RFC 9112 §6.3",
                head("PUT / HTTP/1.1", h, "Expect: foo", "Content-Length: x")),
        ]
}
