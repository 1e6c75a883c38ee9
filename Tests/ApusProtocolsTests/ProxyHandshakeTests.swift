import ApusProtocols
import TestSupport
import Testing

/// A proxy that has said all it will say, of which at most `piece` more bytes arrive at a time.
private struct Conversation {
    private(set) var sent: [[UInt8]]
    private(set) var rest: [UInt8] = []
    private(set) var isDone = false

    init(_ handshake: some ProxyHandshake, _ reply: [UInt8], piece: Int) throws {
        var handshake = handshake
        sent = [handshake.open()]
        var arrived = 0
        while !isDone {
            let (consumed, step) = try rest.withUnsafeBytes { try handshake.receive($0) }
            #expect(consumed <= rest.count)
            rest.removeFirst(consumed)
            switch step {
            case .needMore:
                guard arrived < reply.count else { return }
                let count = min(piece, reply.count - arrived)
                rest += reply[arrived..<arrived + count]
                arrived += count
            case .send(let bytes): sent.append(bytes)
            case .done: isDone = true
            }
        }
        rest += reply[arrived...]
    }
}

private let pieces = [1, 2, 3, 7, 100_000]

@Suite struct `SOCKS 5 handshakes` {
    private func handshake(
        _ host: String = "example.com", _ username: String? = nil, _ password: String? = nil
    ) throws -> SOCKS5Handshake {
        try SOCKS5Handshake(host: host, port: 0x1234, username: username, password: password)
    }

    @Test(
        arguments: pieces,
        [
            [5, 0, 0, 1, 1, 2, 3, 4, 5, 6], [5, 0, 0, 3, 0, 0, 0], [5, 0, 0, 3, 3, 65, 66, 67, 0, 80],
            [5, 0, 0, 4] + [UInt8](repeating: 5, count: 18), [5, 0, 0, 3, 255] + [UInt8](repeating: 5, count: 257),
        ])
    func `stop right behind the reply`(_ piece: Int, _ reply: [UInt8]) throws {
        let talk = try Conversation(handshake(), [5, 0] + reply + [5, 0, 0, 1], piece: piece)
        #expect(talk.isDone)
        #expect(talk.rest == [5, 0, 0, 1])
        #expect(talk.sent == [[5, 1, 0], [5, 1, 0, 3, 11] + "example.com".utf8 + [0x12, 0x34]])
        let cut = try Conversation(handshake(), [5, 0] + reply.dropLast(), piece: piece)
        #expect(!cut.isDone)
    }

    @Test func `name the host by its kind`() throws {
        let reply: [UInt8] = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let request = { (host: String) in try Conversation(try self.handshake(host), reply, piece: 99).sent[1] }
        #expect(try request("10.1.2.3") == [5, 1, 0, 1, 10, 1, 2, 3, 0x12, 0x34])
        #expect(try request("::1") == [5, 1, 0, 4] + [UInt8](repeating: 0, count: 15) + [1, 0x12, 0x34])
        let longest = String(repeating: "a", count: 255)
        #expect(try request(longest) == [5, 1, 0, 3, 255] + longest.utf8 + [0x12, 0x34])
        #expect(try request("010.1.2.3") == [5, 1, 0, 3, 9] + "010.1.2.3".utf8 + [0x12, 0x34])
    }

    @Test(arguments: pieces)
    func `give user name and password when asked`(_ piece: Int) throws {
        let reply: [UInt8] = [5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let talk = try Conversation(handshake("h", "bob", "é1"), reply, piece: piece)
        #expect(talk.isDone)
        #expect(
            talk.sent == [
                [5, 2, 0, 2], [1, 3] + "bob".utf8 + [3, 0xC3, 0xA9, 0x31], [5, 1, 0, 3, 1, 0x68, 0x12, 0x34],
            ])
        let open = try Conversation(handshake("h", "bob", "1"), [5, 0] + reply[4...], piece: piece)
        #expect(open.isDone)
        #expect(open.sent.count == 2)
    }

    @Test(
        arguments: [
            ([5, 255], .noAcceptableMethod), ([4], .protocolViolation("version 4, not 5")),
            ([0x48], .protocolViolation("version 72, not 5")),
            ([5, 1], .protocolViolation("method 1, which was not offered")),
            ([5, 2, 1, 1], .authenticationFailed(status: 1)),
            ([5, 2, 5], .protocolViolation("version 5 of the authentication, not 1")),
            ([5, 0, 5, 1], .refused(reply: 1)), ([5, 2, 1, 0, 5, 5], .refused(reply: 5)),
            ([5, 0, 5, 200], .refused(reply: 200)), ([5, 0, 1], .protocolViolation("version 1, not 5")),
            ([5, 0, 5, 0, 1], .protocolViolation("reserved byte 1, not 0")),
            ([5, 0, 5, 0, 0, 2], .protocolViolation("address type 2")),
            ([5, 0, 5, 0, 0, 0], .protocolViolation("address type 0")),
        ] as [([UInt8], ProxyHandshakeError)])
    func `say why they fail`(_ reply: [UInt8], _ error: ProxyHandshakeError) throws {
        for piece in pieces {
            #expect(throws: error) { try Conversation(self.handshake("h", "u", "p"), reply, piece: piece) }
        }
        #expect(throws: (any Error).self) { try Conversation(self.handshake("h"), [5, 2], piece: 9) }
    }

    @Test func `put reply codes in words`() {
        let words = (1...9).map { ProxyHandshakeError.refused(reply: $0).description }
        #expect(words[4] == "the proxy refuses the connection: connection refused")
        #expect(words[8] == "the proxy refuses the connection: unassigned reply code 9")
        #expect(Set(words).count == 9)
    }

    @Test func `refuse what cannot be sent`() {
        for host in ["", "a b", "a\0", "127.0.0.1\0", "a\r\nb", "a/b", "u@h", "[::1]", "::1%lo", "a:1", "bücher.de"] {
            #expect(throws: ProxyHandshakeError.self) { try self.handshake(host) }
        }
        #expect(throws: ProxyHandshakeError.self) { try self.handshake(String(repeating: "a", count: 256)) }
        for (username, password) in [("a", nil), (nil, "a"), ("", "a"), ("a", "")] as [(String?, String?)] {
            #expect(throws: ProxyHandshakeError.self) { try self.handshake("h", username, password) }
        }
        let long = String(repeating: "é", count: 128)
        #expect(throws: ProxyHandshakeError.self) { try self.handshake("h", long, "a") }
        #expect(throws: ProxyHandshakeError.self) { try self.handshake("h", "a", long) }
        for port in [-1, 0, 65536, .max] {
            #expect(throws: ProxyHandshakeError.invalidPort(port)) {
                try SOCKS5Handshake(host: "h", port: port, username: nil, password: nil)
            }
        }
    }
}

@Suite struct `HTTP CONNECT handshakes` {
    private func handshake(
        _ host: String = "example.com", _ authorization: String? = nil
    ) throws -> HTTPConnectHandshake {
        try HTTPConnectHandshake(host: host, port: 443, authorization: authorization)
    }

    private func talk(_ reply: String, piece: Int = 100_000) throws -> Conversation {
        try Conversation(handshake(), [UInt8](reply.replacing("⏎", with: "\r\n").utf8), piece: piece)
    }

    @Test func `name host and port`() throws {
        let text = { (handshake: HTTPConnectHandshake) in String(decoding: handshake.open(), as: UTF8.self) }
        #expect(
            try text(handshake())
                == "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Connection: keep-alive\r\n\r\n")
        #expect(
            try text(handshake("2001:db8::1", "Basic YTpi"))
                == "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n"
                + "Proxy-Authorization: Basic YTpi\r\nProxy-Connection: keep-alive\r\n\r\n")
        #expect(try text(handshake("10.0.0.1")).hasPrefix("CONNECT 10.0.0.1:443 HTTP/1.1\r\n"))
    }

    @Test(
        arguments: pieces,
        [
            "HTTP/1.1 200 Connection established⏎⏎", "HTTP/1.0 200 OK⏎⏎", "HTTP/1.1 200⏎⏎", "HTTP/1.1 200 ⏎⏎",
            "HTTP/1.1 299 ⏎A: b⏎C:⏎d:\t e \t⏎⏎", "HTTP/1.1 204 No⏎Content-Length: 5⏎⏎",
            "HTTP/1.1 200 OK⏎Transfer-Encoding: chunked⏎⏎",
            "HTTP/1.1 100 Continue⏎⏎HTTP/1.1 102 ⏎A: b⏎⏎HTTP/1.1 200 é⏎⏎",
            "HTTP/1.9 200 OK⏎⏎",
        ])
    func `stop right behind the head`(_ piece: Int, _ reply: String) throws {
        let talk = try talk(reply + "HTTP/1.1 500 ⏎⏎", piece: piece)
        #expect(talk.isDone)
        #expect(talk.sent.count == 1)
        #expect(talk.rest == [UInt8]("HTTP/1.1 500 \r\n\r\n".utf8))
        #expect(try !self.talk(String(reply.dropLast()), piece: piece).isDone)
    }

    @Test(arguments: [
        ("HTTP/1.1 407 Proxy Authentication Required⏎A: b⏎⏎", "407 Proxy Authentication Required"),
        ("HTTP/1.1 502⏎⏎", "502"), ("HTTP/1.1 301 Gone⏎⏎", "301 Gone"), ("HTTP/1.1 101 Switching⏎⏎", "101 Switching"),
        ("HTTP/1.1 100 ⏎⏎HTTP/1.1 403 No⏎⏎", "403 No"),
    ])
    func `say what the proxy answered`(_ reply: String, _ answer: String) throws {
        for piece in pieces {
            let error = #expect(throws: ProxyHandshakeError.self) { try self.talk(reply, piece: piece) }
            #expect(error?.description == "the proxy refuses the connection: \(answer)")
        }
    }

    @Test(arguments: [
        "HTTP/2 200⏎⏎", "HTTP/1.1  200⏎⏎", "HTTP/1.1 20⏎⏎", "HTTP/1.1 2000⏎⏎", "HTTP/1.1 2x0⏎⏎", "HTTP/1.1 099⏎⏎",
        "HTTP/1.1 600⏎⏎", "HTTP/1.x 200⏎⏎", "http/1.1 200⏎⏎", "SSH-2.0-x", "⏎⏎", "\n", "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200 a\rb⏎⏎", "HTTP/1.1 200 a\0⏎⏎", "HTTP/1.1 200⏎A⏎⏎", "HTTP/1.1 200⏎: b⏎⏎", "HTTP/1.1 200⏎A : b⏎⏎",
        "HTTP/1.1 200⏎A: b⏎ c⏎⏎", "HTTP/1.1 200⏎A: \u{1}⏎⏎", "HTTP/1.1\t200⏎⏎", "HTTP/1.1200⏎⏎", "\u{15}\u{3}\u{1}",
        "HTTP/1.1 200\r\r\n\r\n",
    ])
    func `refuse what is no reply`(_ reply: String) throws {
        for piece in pieces {
            let error = #expect(throws: ProxyHandshakeError.self) { try self.talk(reply, piece: piece) }
            guard case .protocolViolation = error else {
                Issue.record("\(error as Any)")
                continue
            }
        }
    }

    @Test func `bound the reply`() throws {
        let reply = { (count: Int) in
            "HTTP/1.1 200 OK⏎A: " + String(repeating: "a", count: count - 24) + "⏎⏎"
        }
        let limit = HTTPConnectHandshake.maxReplyBytes
        #expect(try talk(reply(limit)).isDone)
        for text in [reply(limit + 1), reply(limit + 5000), "HTTP/1.1 100 ⏎⏎" + reply(limit)] {
            for piece in [1000, 100_000] {
                #expect(throws: ProxyHandshakeError.replyTooLarge(limit: limit)) { try self.talk(text, piece: piece) }
            }
        }
    }

    @Test func `refuse what would break the request`() {
        for authorization in ["Basic a\r\nX: y", "a\n", "a\0", "a\u{7F}"] {
            #expect(throws: ProxyHandshakeError.self) { try self.handshake("h", authorization) }
        }
        for host in ["a\r\nb", "a b", "h/", "[::1]", ""] {
            #expect(throws: ProxyHandshakeError.self) { try self.handshake(host) }
        }
    }
}

@Suite struct `Proxy handshakes` {
    @Test func `never trap on changed replies`() throws {
        var random = SeededGenerator(seed: 2)
        let replies: [[UInt8]] = [
            [5, 2, 1, 0, 5, 0, 0, 3, 3, 65, 66, 67, 0, 80], [5, 0, 5, 0, 0, 4] + [UInt8](repeating: 5, count: 18),
            [UInt8]("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n".utf8),
        ]
        for _ in 0..<10_000 {
            var reply = replies.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                reply[.random(in: 0..<reply.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            let piece = Int.random(in: 1...reply.count, using: &random)
            let results = [piece, reply.count].map { piece in
                (
                    Result {
                        try Conversation(
                            SOCKS5Handshake(host: "h", port: 1, username: "u", password: "p"), reply, piece: piece)
                    },
                    Result {
                        try Conversation(
                            HTTPConnectHandshake(host: "h", port: 1, authorization: nil), reply, piece: piece)
                    }
                )
            }
            // However it arrives, the result is the same.
            #expect((try? results[0].0.get().isDone) == (try? results[1].0.get().isDone))
            #expect((try? results[0].1.get().isDone) == (try? results[1].1.get().isDone))
            #expect((try? results[0].1.get().rest) == (try? results[1].1.get().rest))
        }
    }
}
