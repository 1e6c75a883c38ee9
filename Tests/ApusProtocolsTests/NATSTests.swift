import TestSupport
import Testing

@testable import ApusProtocols

@Suite struct `NATS` {
    private static let operations: [(String, NATSOperation)] = [
        ("INFO {\"a\":1}\r\n", .info(Array("{\"a\":1}".utf8))), ("PING\r\n", .ping), ("pong \r\n", .pong),
        ("+OK\r\n", .ok), ("-ERR 'Stale Connection'\r\n", .error("Stale Connection")), ("-ERR x\r\n", .error("x")),
        ("MSG a.b 7 5\r\nhello\r\n", message("a.b", 7, payload: "hello")),
        ("msg\ta.b  7\t c.d 0\r\n\r\n", message("a.b", 7, replyTo: "c.d")),
        ("MSG é 0 4\r\n\r\n\r\n\r\n", message("é", 0, payload: "\r\n\r\n")),
        ("HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n", message("a", 1)),
        (
            "HMSG a 1 b 31 33\r\nNATS/1.0\r\nA:1\r\nB: two  \r\nA:\r\n\r\nhi\r\n",
            message("a", 1, replyTo: "b", ["A": "1", "B": "two", "A": ""], payload: "hi")
        ),
    ]

    private static func message(
        _ subject: String, _ subscription: Int, replyTo: String? = nil, _ headers: NATSHeaders = [:],
        payload: String = ""
    ) -> NATSOperation {
        .message(
            NATSDelivery(
                subject: subject, subscription: subscription, replyTo: replyTo, headers: headers,
                payload: Array(payload.utf8)))
    }

    /// What a connection makes of bytes that arrive in pieces, and whether the rest is refused.
    private func read(_ stream: [UInt8], cutAt cut: Int, limit: Int = 1000) -> ([NATSOperation], isRefused: Bool) {
        let decoder = NATSDecoder(maxMessageBytes: limit)
        var operations: [NATSOperation] = []
        var held: [UInt8] = []
        var searched = 0
        for piece in [stream[..<cut], stream[cut...]] {
            held += piece
            while !held.isEmpty {
                switch held.withUnsafeBytes({ decoder.find(in: $0, searched: searched) }) {
                case .needMore: searched = held.count
                case .complete(let count) where count > held.count: searched = 0
                case .complete(let count):
                    guard
                        let operation = held.withUnsafeBytes({
                            try? decoder.decode(UnsafeRawBufferPointer(rebasing: $0[..<count]))
                        })
                    else { return (operations, true) }
                    operations.append(operation)
                    held.removeFirst(count)
                    searched = 0
                    continue
                case .invalid: return (operations, true)
                }
                break
            }
        }
        return (operations, false)
    }

    @Test(arguments: operations)
    func `is read however it arrives`(_ text: String, _ operation: NATSOperation) {
        let stream = Array((text + "PING\r\n" + text).utf8)
        for cut in 0...stream.count {
            let (operations, isRefused) = read(stream, cutAt: cut)
            #expect(operations == [operation, .ping, operation] && !isRefused, "cut at \(cut)")
        }
    }

    @Test(
        arguments: [
            "x", "HTTP/1.1 200 OK\r\n", "INFOX {}\r\n", "PING\n", "\r\n", "MSG\r\n", "MSG a\r\n", "MSG a 1\r\n",
            "MSG a x 1\r\n", "MSG a 1 -1\r\n", "MSG a 1 +1\r\n", "MSG a 1 1x\r\n", "MSG a 1 b c 1\r\n",
            "MSG a 1 9999999999999999\r\n", "MSG a 1 1001\r\n", "MSG a 1 2\r\nabc\r\n", "MSG a 1 2\r\nab\n\n",
            "HMSG a 1 5\r\n", "HMSG a 1 6 5\r\n",
        ])
    func `is refused where it is none`(_ text: String) {
        let stream = Array(text.utf8)
        for cut in 0...stream.count {
            let (operations, isRefused) = read(stream, cutAt: cut)
            #expect(operations.isEmpty && isRefused, "cut at \(cut)")
        }
    }

    /// Headers are their publisher's affair: whoever may publish must not be able to end the connections of others.
    @Test(arguments: [
        "abcd", "NATS/1.0 \r\n", "NATS/1.1\r\n\r\n", "NATS/1.0\r\nA\r\n\r\n", "NATS/1.0\r\n:A\r\n\r\n",
        "NATS/1.0\r\n\r\nxx", "NATS/1.0 12\r\n\r\n", "NATS/1.0\nA: 1\n\n",
    ])
    func `leaves headers out that are none`(_ block: String) {
        let count = block.utf8.count
        let (operations, isRefused) = read(Array("HMSG a 1 \(count) \(count + 2)\r\n\(block)hi\r\n".utf8), cutAt: 0)
        let payload = Array("hi".utf8)
        let expected = NATSDelivery(subject: "a", subscription: 1, hasMalformedHeaders: true, payload: payload)
        #expect(operations == [.message(expected)] && !isRefused)
    }

    @Test func `lines have a limit`() {
        let line = Array("INFO ".utf8) + [UInt8](repeating: 0x20, count: NATSDecoder.maxLineBytes)
        #expect(read(line, cutAt: 0).isRefused)
        #expect(!read(Array(line.prefix(NATSDecoder.maxLineBytes - 1)), cutAt: 0).isRefused)
    }

    @Test(arguments: [("503", 503, ""), ("503 No Responders", 503, "No Responders"), (" 100  x y ", 100, "x y")])
    func `says what is the matter in a status`(_ words: String, _ status: Int, _ text: String) throws {
        let headers = try #require(NATSHeaders(block: Array("NATS/1.0 \(words)\r\n\r\n".utf8)))
        #expect(headers.status == status)
        #expect(headers.statusText == text)
        #expect(!headers.isEmpty)
    }

    @Test func `is written as it is read`() throws {
        var bytes: [UInt8] = []
        try NATSEncoder.appendPublish("a.b", replyTo: nil, headers: [:], [1, 2], maxBytes: 2, to: &bytes)
        try NATSEncoder.appendPublish("a", replyTo: "b", headers: ["A": "x y"], [3], maxBytes: 22, to: &bytes)
        let expected = "PUB a.b 2\r\n\u{1}\u{2}\r\nHPUB a b 20 21\r\nNATS/1.0\r\nA: x y\r\n\r\n\u{3}\r\n"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        #expect(throws: NATSSyntaxError.self) {
            try NATSEncoder.appendPublish("a", replyTo: nil, headers: ["A": "x y"], [3], maxBytes: 20, to: &bytes)
        }
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test(arguments: [
        ("a", true, true), ("a.b.c", true, true), ("é.$x-_/=", true, true), ("", false, false), (".", false, false),
        ("a.", false, false), (".a", false, false), ("a..b", false, false), ("a b", false, false),
        ("a\u{7F}", false, false),
        ("a\r\n", false, false), ("*", false, true), ("a.*.b", false, true), ("a.>", false, true), (">", false, true),
        ("a.>.b", false, false), ("a*", false, false), ("*a", false, false), (">>", false, false), ("**", false, false),
    ])
    func `has subjects and patterns`(_ subject: String, _ isSubject: Bool, _ isPattern: Bool) {
        #expect(NATSSubject.isValid(subject) == isSubject)
        #expect(NATSSubject.isValidPattern(subject) == isPattern)
    }

    @Test func `has a subject for each text`() {
        #expect(NATSSubject.encoded("news.sport-1/x_Y") == "news.sport-1/x_Y")
        #expect(NATSSubject.encoded("é b=") == "=C3=A9=20b=3D")
        let texts = ["", "=", ".", "..", "a.", ".a", "a..b", "a.b", "*", ">", " ", "a b", "=2E", "a.=2E", "$KV", "\n"]
        let subjects = texts.map(NATSSubject.encoded)
        #expect(Set(subjects).count == texts.count)
        for subject in subjects { #expect(NATSSubject.isValid(subject), "\(subject)") }
    }
}
