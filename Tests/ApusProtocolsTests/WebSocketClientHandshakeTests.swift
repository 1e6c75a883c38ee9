import ApusProtocols
import TestSupport
import Testing

private typealias Wishes = WebSocketClientHandshake.Wishes

private let accepted =
    "HTTP/1.1 101 Switching Protocols⏎Upgrade: websocket⏎Connection: Upgrade⏎"
    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=⏎"

private func handshake(
    _ url: String = "ws://h/chat", _ change: (inout Wishes) -> Void = { _ in }
) throws -> WebSocketClientHandshake {
    var wishes = Wishes()
    change(&wishes)
    return try WebSocketClientHandshake(WebSocketURL(url), key: Array("the sample nonce".utf8), wishes)
}

private func bytes(_ text: String) -> [UInt8] { Array(text.replacing("⏎", with: "\r\n").utf8) }

/// Gives the answer to a handshake piece by piece; nil when it wants more at the end.
private func receive(
    _ answer: [UInt8], _ handshake: WebSocketClientHandshake, cuts: [Int] = []
) throws -> WebSocketClientHandshake.Agreement? {
    var handshake = handshake
    for count in cuts + [answer.count] {
        // Copied, so that reading beyond what has arrived is seen.
        let arrived = Array(answer[..<count])
        if let agreement = try arrived.withUnsafeBytes({ try handshake.receive($0) }) { return agreement }
    }
    return nil
}

@Suite struct `Clients that open a WebSocket` {
    private func text(_ handshake: WebSocketClientHandshake) -> String {
        String(decoding: handshake.request, as: UTF8.self).replacing("\r\n", with: "⏎")
    }

    @Test func `send a request`() throws {
        #expect(
            text(try handshake())
                == "GET /chat HTTP/1.1⏎Host: h⏎Connection: Upgrade⏎Upgrade: websocket⏎Sec-WebSocket-Version: 13⏎"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==⏎⏎")
        let full = try handshake("wss://[::1]:8443?a=b") {
            $0.origin = "https://example.com"
            $0.subprotocols = ["chat", "v2.chat"]
            $0.compression = .permessageDeflate
            $0.fields = [("Authorization", "Bearer x"), ("X-A", ""), ("Cookie", "é")]
        }
        #expect(
            text(full)
                == "GET /?a=b HTTP/1.1⏎Host: [::1]:8443⏎Connection: Upgrade⏎Upgrade: websocket⏎"
                + "Origin: https://example.com⏎Sec-WebSocket-Protocol: chat, v2.chat⏎Sec-WebSocket-Version: 13⏎"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==⏎"
                + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits⏎"
                + "Authorization: Bearer x⏎X-A: ⏎Cookie: é⏎⏎")
        let other = try handshake { $0.fields = [("X-A", "1"), ("hOST", "other"), ("Origin", "x")] }
        #expect(text(other).hasPrefix("GET /chat HTTP/1.1⏎Host: other⏎Connection"))
        #expect(text(other).hasSuffix("==⏎X-A: 1⏎Origin: x⏎⏎"))
    }

    @Test(arguments: [
        ("A", "b\r\nX: y"), ("A", "b\n"), ("A", "b\0"), ("A", "b\u{7F}"), ("A b", "c"), ("", "c"), ("A:", "c"),
        ("é", "c"), ("A\r\n", "c"), ("Upgrade", "c"), ("CONNECTION", "close"), ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"), ("sec-websocket-key", "x"), ("Sec-WebSocket-Protocol", "x"),
        ("Sec-WebSocket-Extensions", "x"), ("Sec-WebSocket-Version", "13"), ("Expect", "100-continue"),
        ("Host", "a\r\nb"),
    ])
    func `refuse fields that would break it`(_ name: String, _ value: String) {
        let error = #expect(throws: WebSocketHandshakeError.self) { try handshake { $0.fields = [(name, value)] } }
        guard case .invalidField = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test func `refuse wishes that would break it`() {
        for change: (inout Wishes) -> Void in [
            { $0.origin = "a\r\nb" }, { $0.subprotocols = ["a", "a"] }, { $0.subprotocols = ["a b"] },
            { $0.subprotocols = [""] }, { $0.subprotocols = ["a,b"] }, { $0.fields = [("Host", "a"), ("host", "b")] },
            {
                $0.origin = "a"
                $0.fields = [("origin", "b")]
            },
        ] {
            #expect(throws: WebSocketHandshakeError.self) { try handshake("ws://h", change) }
        }
    }

    @Test(arguments: [
        accepted, accepted.replacing("Switching Protocols", with: ""), accepted + "A:⏎b:\t c \t⏎",
        accepted.replacing(": Upgrade", with: ": keep-alive, uPGRADE"),
        accepted.replacing("websocket", with: "WebSocket"),
        "HTTP/1.1 100 Continue⏎⏎HTTP/1.1 103 ⏎Link: </a>⏎⏎" + accepted, accepted.replacing("1.1 101", with: "1.9 101"),
        accepted.replacing(" Switching Protocols", with: ""),
    ])
    func `stop right behind the head`(_ head: String) throws {
        let whole = bytes(head + "⏎")
        let answer = whole + [0x81, 0x00, 0x0D, 0x0A, 0x0D, 0x0A]
        let handshake = try handshake()
        for cut in 0...answer.count {
            let agreement = try #require(try receive(answer, handshake, cuts: [cut]))
            #expect(agreement.byteCount == whole.count)
            #expect(agreement.response.status == 101)
            #expect(agreement.subprotocol == nil && agreement.deflate == nil)
            if cut < whole.count { #expect(try receive(Array(answer[..<cut]), handshake) == nil) }
        }
        #expect(try receive(answer, handshake, cuts: Array(0...answer.count))?.byteCount == whole.count)
    }

    @Test func `take what they asked for`() throws {
        let handshake = try handshake {
            $0.subprotocols = ["a", "b"]
            $0.compression = .permessageDeflate
        }
        let lines = "Sec-WebSocket-Protocol: b⏎Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9⏎⏎"
        let agreement = try #require(try receive(bytes(accepted + lines), handshake))
        #expect(agreement.subprotocol == "b")
        #expect(agreement.deflate?.serverMaxWindowBits == 9)
        #expect(agreement.response["sec-websocket-PROTOCOL"] == "b")
        #expect(try receive(bytes(accepted + "⏎"), handshake)?.deflate == nil)
    }

    @Test(arguments: [
        accepted.replacing("Upgrade: websocket", with: "A: b"), accepted.replacing("websocket", with: "h2c"),
        accepted.replacing("Connection: Upgrade", with: "Connection: close"),
        accepted.replacing("Connection", with: "Collection"), accepted.replacing("s3pPLMBi", with: "S3pPLMBi"),
        accepted.replacing("Accept", with: "Except"), accepted.replacing("xOo=", with: "xOo"),
        accepted + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=⏎", accepted + "Sec-WebSocket-Protocol: c⏎",
        accepted + "Sec-WebSocket-Protocol: A⏎", accepted + "Sec-WebSocket-Protocol: a, b⏎",
        accepted + "Sec-WebSocket-Protocol:⏎", accepted + "Sec-WebSocket-Protocol: a⏎Sec-WebSocket-Protocol: a⏎",
        accepted + "Sec-WebSocket-Extensions: x⏎", accepted + "Sec-WebSocket-Extensions: a b⏎",
        accepted + "Sec-WebSocket-Extensions: permessage-deflate; x⏎",
        accepted + "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate⏎",
        accepted + "Sec-WebSocket-Extensions: permessage-deflate⏎Sec-WebSocket-Extensions: x⏎",
    ])
    func `refuse what they did not ask for`(_ head: String) throws {
        let answer = bytes(head + "⏎")
        let handshake = try handshake {
            $0.subprotocols = ["a", "b"]
            $0.compression = .permessageDeflate
        }
        for cuts in [[], Array(0..<answer.count)] {
            let error = #expect(throws: WebSocketHandshakeError.self) { try receive(answer, handshake, cuts: cuts) }
            guard case .unacceptable = error else {
                Issue.record("\(error as Any)")
                return
            }
        }
    }

    @Test func `refuse extensions and sub-protocols where they offered none`() throws {
        for line in ["Sec-WebSocket-Extensions: permessage-deflate⏎", "Sec-WebSocket-Protocol: chat⏎"] {
            let handshake = try handshake()
            #expect(throws: WebSocketHandshakeError.self) { try receive(bytes(accepted + line + "⏎"), handshake) }
        }
        #expect(try receive(bytes(accepted + "Sec-WebSocket-Extensions:⏎⏎"), handshake())?.deflate == nil)
    }

    @Test func `show another status`() throws {
        let answers = [
            ("302 Found⏎Location: wss://x/⏎", "302 Found, location wss://x/"),
            ("401 Unauthorized⏎WWW-Authenticate: Basic⏎WWW-Authenticate: Digest⏎", "401 Unauthorized"),
            ("200⏎", "200"), ("204 ⏎", "204"), ("500 Oh⏎A: b⏎", "500 Oh"), ("304 ⏎", "304"),
        ]
        for (answer, line) in answers {
            let whole = bytes("HTTP/1.1 100 ⏎⏎HTTP/1.0 " + answer + "⏎<html>")
            for cuts in [[], Array(0..<whole.count)] {
                let error = #expect(throws: WebSocketHandshakeError.self) {
                    try receive(whole, handshake(), cuts: cuts)
                }
                #expect(error?.description == "the server opens no WebSocket: \(line)")
                guard case .refused(let response) = error, response.status == 401 else { continue }
                #expect(response["www-authenticate"] == "Basic, Digest")
                #expect(response["A"] == nil)
                #expect(response.fields.count == 2)
            }
        }
    }

    @Test(arguments: [
        "HTTP/2 101⏎⏎", "HTTP/1.1  101⏎⏎", "HTTP/1.1 10⏎⏎", "HTTP/1.1 1010⏎⏎", "HTTP/1.1 1x1⏎⏎", "HTTP/1.1 099⏎⏎",
        "HTTP/1.1 600⏎⏎", "HTTP/1.x 101⏎⏎", "http/1.1 101⏎⏎", "SSH-2.0-x", "⏎⏎", "\n", "HTTP/1.1 101 OK\n",
        "HTTP/1.1 101 a\rb⏎⏎", "HTTP/1.1 101 a\0⏎⏎", "HTTP/1.1 101⏎A⏎⏎", "HTTP/1.1 101⏎: b⏎⏎", "HTTP/1.1 101⏎A : b⏎⏎",
        "HTTP/1.1 101⏎A: b⏎ c⏎⏎", "HTTP/1.1 101⏎A: \u{1}⏎⏎", "HTTP/1.1\t101⏎⏎", "HTTP/1.1101⏎⏎", "\u{15}\u{3}\u{1}",
        "HTTP/1.1 101\r\r\n\r\n", "HTTP/1.1 100⏎⏎⏎", "HTTP/1.1 100⏎⏎\n", "HTTP/1.1 101⏎é: b⏎⏎", "⏎HTTP/1.1 101⏎⏎",
    ])
    func `refuse what is no answer`(_ answer: String) throws {
        let answer = bytes(answer)
        for cuts in [[], Array(0..<answer.count)] {
            let error = #expect(throws: WebSocketHandshakeError.self) { try receive(answer, handshake(), cuts: cuts) }
            guard case .protocolViolation = error else {
                Issue.record("\(error as Any)")
                continue
            }
        }
    }

    @Test func `bound the answer`() throws {
        let limit = WebSocketClientHandshake.maxAnswerBytes
        func answer(_ count: Int) -> [UInt8] {
            let head = bytes(accepted + "A: ")
            return head + [UInt8](repeating: 0x61, count: count - head.count - 4) + bytes("⏎⏎")
        }
        #expect(try receive(answer(limit), handshake())?.byteCount == limit)
        #expect(try receive(answer(limit) + [0x81], handshake())?.byteCount == limit)
        for long in [answer(limit + 1), answer(limit + 9000), bytes("HTTP/1.1 100 ⏎⏎") + answer(limit)] {
            for cuts in [[], [limit - 1], [limit]] {
                #expect(throws: WebSocketHandshakeError.answerTooLarge(limit: limit)) {
                    try receive(long, handshake(), cuts: cuts)
                }
            }
        }
    }

    @Test func `never trap on changed answers`() throws {
        var random = SeededGenerator(seed: 3)
        let whole = bytes("HTTP/1.1 100 ⏎⏎" + accepted + "Sec-WebSocket-Extensions: permessage-deflate⏎⏎")
        let handshake = try handshake { $0.compression = .permessageDeflate }
        for _ in 0..<5000 {
            var answer = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = answer.indices.randomElement(using: &random)!
                switch Int.random(in: 0..<3, using: &random) {
                case 0: answer[index] = .random(in: 0...255, using: &random)
                case 1: answer.remove(at: index)
                default: answer.insert(contentsOf: bytes("⏎"), at: index)
                }
            }
            let once = Result { try receive(answer, handshake) }
            let twice = Result { try receive(answer, handshake, cuts: [.random(in: 0...answer.count, using: &random)]) }
            #expect((try? once.get()) == (try? twice.get()))
        }
    }
}

@Suite struct `WebSocket addresses` {
    @Test(arguments: [
        ("ws://h", "ws://h/", "h", 80, "/"), ("wss://h", "wss://h/", "h", 443, "/"),
        ("WSS://H:443/a/b?c=d&e", "wss://H/a/b?c=d&e", "H", 443, "/a/b?c=d&e"),
        ("ws://h:443", "ws://h:443/", "h:443", 443, "/"), ("wss://h:80", "wss://h:80/", "h:80", 80, "/"),
        ("ws://h?a=/b", "ws://h/?a=/b", "h", 80, "/?a=/b"), ("ws://h:", "ws://h/", "h", 80, "/"),
        ("ws://[::1]", "ws://[::1]/", "[::1]", 80, "/"),
        ("ws://[2001:db8::1]:9/", "ws://[2001:db8::1]:9/", "[2001:db8::1]:9", 9, "/"),
        ("ws://[::ffff:1.2.3.4]:80/x", "ws://[::ffff:1.2.3.4]/x", "[::ffff:1.2.3.4]", 80, "/x"),
        ("ws://127.0.0.1:65535/%23", "ws://127.0.0.1:65535/%23", "127.0.0.1:65535", 65535, "/%23"),
        ("ws://a-b.c_d~:0080//", "ws://a-b.c_d~//", "a-b.c_d~", 80, "//"),
    ])
    func `are read`(_ text: String, _ shown: String, _ authority: String, _ port: Int, _ target: String) throws {
        let url = try WebSocketURL(text)
        #expect(url.description == shown)
        #expect(url.authority == authority)
        #expect(Int(url.port) == port)
        #expect(url.target == target)
        #expect(url.isSecured == text.lowercased().hasPrefix("wss"))
        #expect(!url.host.contains("["))
        #expect(try WebSocketURL(shown) == url)
    }

    @Test(arguments: [
        "", "h", "ws:", "ws:/h", "ws://", "ws:///a", "http://h", "wsss://h", "ws://h#a", "ws://h/#", "ws://u@h",
        "ws://u:p@h/", "ws://h:0", "ws://h:65536", "ws://h:x", "ws://h:+1", "ws://h:1:2", "ws://::1", "ws://[::1",
        "ws://[::1]x", "ws://[::1]:x", "ws://[]", "ws://[a]", "ws://[::1%25lo]", "ws://[1.2.3.4]", "ws://h /",
        "ws://h/a b", "ws://h/é", "ws://é", "ws://h\r\n", "ws://a,b", "ws://:80", "ws://[", "ws://h/\0", "ws://[::1]]",
        "ws://" + String(repeating: "a", count: 256), " ws://h",
    ])
    func `are refused`(_ text: String) {
        let error = #expect(throws: WebSocketHandshakeError.self) { try WebSocketURL(text) }
        guard case .invalidURL(text, let reason) = error, !reason.isEmpty else {
            Issue.record("\(error as Any)")
            return
        }
    }
}
