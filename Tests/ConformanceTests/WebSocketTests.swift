import Glibc
import TestSupport
import Testing

/// WebSocket servers: spec 05 §8.
@Suite struct WebSocketTests {
    // MARK: Messages

    @Test(arguments: Setup.all)
    func messagesAreEchoedWhateverTheirSize(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            try client.openWebSocket("/path?q=1", "Origin: http://a.example\r\n")
            try client.send(WebSocketFrame(.text, "Hello"))
            #expect(try client.readFrame() == WebSocketFrame(.text, "Hello"))
            for count in [0, 1, 125, 126, 127, 8190, 65_535, 65_536, 70_000, 300_000] {
                try client.send(WebSocketFrame(.binary, pattern(count)))
                #expect(try client.readFrame() == WebSocketFrame(.binary, pattern(count)), "\(count) bytes")
            }
            client.close()
            try server.event("closed 1006")
            // Sockets of the file system take less at once.
            #expect(
                server.events.filter { $0 != "drain" } == [
                    "connect false", "asked /path [] http://a.example", "connected /path?q=1 none false",
                    "closed 1006 ",
                ])
        }
    }

    /// RFC 6455 §5.4: spec 05 §14.3.
    @Test(arguments: Setup.all)
    func fragmentsWithPingsBetween(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            let frames = [
                WebSocketFrame(.text, "Hel", isFinal: false), WebSocketFrame(.ping, "Hi"),
                WebSocketFrame(.continuation, "", isFinal: false), WebSocketFrame(.pong, "unasked"),
                WebSocketFrame(.continuation, "lo"), WebSocketFrame(.binary, pattern(300)),
            ]
            let bytes = frames.flatMap { $0.bytes() }
            // With the handshake, and then byte by byte.
            try client.openWebSocket(with: bytes)
            for round in 0..<2 {
                if round == 1 { for byte in bytes { try client.send([byte]) } }
                #expect(
                    try client.readFrames(3) == [
                        WebSocketFrame(.pong, "Hi"), WebSocketFrame(.text, "Hello"),
                        WebSocketFrame(.binary, pattern(300)),
                    ])
            }
            #expect(try server.event("pong") == "pong unasked")
        }
    }

    @Test(arguments: Setup.all)
    func manyMessagesOfOneRead(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            try client.openWebSocket()
            let frames = (0..<2000).flatMap { WebSocketFrame(.text, "\($0)").bytes() }
            try client.send(frames)
            for number in 0..<2000 { #expect(try client.readFrame().text == "\(number)") }
        }
    }

    /// The connection ends when the pong leaves, behind the frames that were read with the ping.
    @Test(arguments: Setup.eachBackend)
    func whatArrivedOfAMessageGoesWithTheConnection(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--leave-on-ping", "yes"]) { server in
            let facts = try #require(server.process.facts)
            let client = try server.connect()
            try client.openWebSocket()
            let before = facts.residentBytes
            try client.send(WebSocketFrame(.binary, pattern(4_000_000), isFinal: false))
            try client.send(WebSocketFrame(.ping).bytes() + [0x80])
            try server.event("closed 1006")
            #expect(facts.residentBytes - before < 2_500_000)
        }
    }

    /// A kept message has bytes of its own.
    @Test(arguments: Setup.eachBackend)
    func keptMessagesStay(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            try client.openWebSocket()
            for text in ["one", "a longer one", String(repeating: "x", count: 100_000)] {
                try client.send(
                    WebSocketFrame(.text, "!keep"), WebSocketFrame(.text, text), WebSocketFrame(.text, "other"))
                #expect(try client.readFrame().text == "other")
            }
            try client.send(WebSocketFrame(.text, "!kept"))
            #expect(try client.readFrames(3).map(\.payload.count) == [3, 12, 100_000])
        }
    }

    /// An `async` handler holds the next message back.
    @Test(arguments: Setup.eachBackend)
    func handlersThatSuspendKeepTheOrder(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            try client.openWebSocket()
            try client.send(WebSocketFrame(.text, "!wait"), WebSocketFrame(.text, "next"), WebSocketFrame(.ping))
            #expect(
                try client.readFrames(3) == [
                    WebSocketFrame(.text, "waited"), WebSocketFrame(.text, "next"), WebSocketFrame(.pong),
                ])
        }
    }

    // MARK: Sending

    @Test(arguments: Setup.all)
    func aMessageInPieces(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--max-send", "50000"]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.openWebSocket()
            try client.send(WebSocketFrame(.text, "!stream 300"))
            var payload: [UInt8] = []
            var pings = 0
            while true {
                let frame = try client.readFrame()
                if frame.kind == .ping {
                    pings += 1
                    continue
                }
                #expect(frame.kind == (payload.isEmpty ? .binary : .continuation))
                payload += frame.payload
                if frame.isFinal { break }
            }
            #expect(payload == pattern(1000) * 300 && pings == 1)
            #expect(try client.readFrame() == WebSocketFrame(.text, "held"))
            #expect(try server.event("second").contains("under way"))
        }
    }

    /// What is not read stays within the limit, and the client that reads gets what was accepted.
    @Test(arguments: Setup.all)
    func whoDoesNotReadHasALimit(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--max-send", "100000"]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.openWebSocket()
            try client.send(WebSocketFrame(.text, "!flood 3000"))
            #expect(try server.event("full") == "full")
            #expect(try server.event("error") == "error 2 send buffer full and drop package")
            try server.event("flooded")
            try client.send(WebSocketFrame(.ping, "x"))
            var count = 0
            // The server tells of it a moment after the last frame has left.
            let limit = Deadline.now + 60_000_000_000
            while !server.events.contains("drain") {
                try #require(Deadline.now < limit)
                if client.isReadable(within: 0.01) {
                    if try client.readFrame().kind == .binary { count += 1 }
                } else {
                    _ = try? server.nextEvent(within: 0.01)
                }
            }
            #expect(count > 10 && count < 3000)
        }
    }

    /// Whoever closes a client that does not read gets what was queued, and the close frame, out.
    @Test(arguments: Setup.eachBackend)
    func closingWhoDoesNotRead(_ setup: Setup) async throws {
        let options = ["--max-send", "100000", "--close-on-error", "yes", "--ws-close-timeout", "1", "--ping", "1"]
        try await withScenario("websocket", setup, options) { server in
            let clock = try server.connect()
            try clock.openWebSocket()
            let client = try server.connect(receiveBuffer: 4096)
            try client.openWebSocket()
            try client.send(WebSocketFrame(.text, "!flood 3000"))
            try server.event("flooded")
            #expect(server.count("error") == 1)
            // Three seconds: the time that a peer has to answer begins when it was asked.
            for _ in 0..<3 {
                #expect(try clock.readFrame() == WebSocketFrame(.ping))
                try clock.send(WebSocketFrame(.pong))
            }
            var frame: WebSocketFrame
            repeat { frame = try client.readFrame() } while frame.kind == .binary || frame.kind == .ping
            #expect(frame.description == "close 1000 ")
            try client.send(WebSocketFrame(close: 1000))
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    /// The memory of a large message goes with it, also when nothing follows.
    @Test(arguments: Setup.eachBackend.filter { !$0.isSecured })
    func largeMessagesLeaveNothingBehind(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, on: .heavy) { server in
            let frame = WebSocketFrame(.text, "!" + String(repeating: " ", count: 4_000_000)).bytes()
            var clients: [Client] = []
            for _ in 0..<12 {
                let client = try server.connect()
                try client.openWebSocket()
                try client.send(frame)
                #expect(try client.readFrame().text == "?")
                clients.append(client)
            }
            #expect((server.process.facts?.residentBytes ?? .max) < 40 << 20)
        }
    }

    // MARK: Closing

    @Test(arguments: Setup.all)
    func theClientCloses(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let cases = [
                (WebSocketFrame(close: 1000), "close 1000 ", "1000 "),
                (WebSocketFrame(close: 4321, "bye ü"), "close 4321 ", "4321 bye ü"),
                (WebSocketFrame(.close), "close ", "1005 "),
                (WebSocketFrame(close: 1000, "answer 4002"), "close 4002 own", "1000 answer 4002"),
            ]
            for (frame, answer, seen) in cases {
                let client = try server.connect()
                try client.openWebSocket()
                // What follows a close frame is not looked at.
                try client.send(frame, WebSocketFrame(.text, "late"))
                #expect(try client.readFrame().description == answer)
                #expect(try client.readToEnd().bytes.isEmpty)
                client.close()
                #expect(try server.event("peer closes") == "peer closes \(seen)")
                #expect(try server.event("closed") == "closed \(seen)")
            }
        }
    }

    @Test(arguments: Setup.all)
    func theServerCloses(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let cases = [
                ("!close", "close 1000 "), ("!close 4001 bye;!say late", "close 4001 bye"),
                (
                    "!close 3000 \(String(repeating: "ü", count: 100))",
                    "close 3000 \(String(repeating: "ü", count: 61))"
                ),
            ]
            for (command, expected) in cases {
                let client = try server.connect()
                try client.openWebSocket()
                try client.send(WebSocketFrame(.text, command), WebSocketFrame(.text, "dropped"))
                let frame = try client.readFrame()
                #expect(frame.description == expected && frame.payload.count <= 125)
                #expect(!client.isReadable(within: 0.05))
                try client.send(WebSocketFrame(.close, Array(frame.payload.prefix(2))))
                #expect(try client.readToEnd().bytes.isEmpty)
                client.close()
                #expect(try server.event("closed") == "closed \(expected.dropFirst(6).prefix(4)) ")
            }
            #expect(server.count("peer closes") == 0)
        }
    }

    /// An error that names a code, alone and behind a close; and a code that cannot be passed on.
    @Test(arguments: Setup.eachBackend)
    func codesOfErrorsAndOfPeers(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--relay", "yes"]) { server in
            for (command, answer) in [
                ("!violate", "close 1008 not so"), ("!close 4001 bye;!violate", "close 4001 bye"),
            ] {
                let client = try server.connect()
                try client.openWebSocket()
                try client.send(WebSocketFrame(.text, command))
                #expect(try client.readFrame().description == answer)
                try client.send(WebSocketFrame(close: 1000))
                #expect(try client.readToEnd().bytes.isEmpty)
                client.close()
                #expect(try server.event("closed") == "closed 1000 ")
            }
            #expect(!server.log.contains("failed"))
            let client = try server.connect()
            try client.openWebSocket()
            try client.send(WebSocketFrame(.close))
            #expect(try client.readFrame().description == "close 1000 ")
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    /// A client that does not answer is given up.
    @Test(arguments: Setup.eachBackend)
    func theServerDoesNotWaitForever(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--ws-close-timeout", "1"]) { server in
            let client = try server.connect()
            try client.openWebSocket()
            try client.send(WebSocketFrame(.text, "!last"))
            #expect(try client.readFrames(2).map(\.description) == ["text last", "close 1000 "])
            _ = try client.readToEnd()
            #expect(try server.event("closed") == "closed 1006 ")
        }
    }

    /// The service stops: clients are told, and what they were sent arrives.
    @Test(arguments: Setup.eachBackend)
    func stoppingSaysGoingAway(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            try client.openWebSocket()
            try client.send(WebSocketFrame(.text, "hi"))
            #expect(try client.readFrame().text == "hi")
            try server.leave(SIGTERM)
            #expect(try client.readFrame().description == "close 1001 ")
            try client.send(WebSocketFrame(close: 1001))
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    /// Half the head of a frame keeps a client from being told at once, but not from being told.
    @Test(arguments: Setup.eachBackend)
    func stoppingTellsWhoIsInTheMidstOfAMessage(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            try client.openWebSocket()
            try client.send(WebSocketFrame(.text, "hi"))
            #expect(try client.readFrame().text == "hi")
            try client.send(Array(WebSocketFrame(.text, "hello").bytes().prefix(3)))
            // What another client says later is answered when that has been read.
            let other = try server.connect()
            try other.openWebSocket()
            try other.send(WebSocketFrame(.text, "later"))
            #expect(try other.readFrame().text == "later")
            try server.leave(SIGTERM)
            #expect(try client.readFrame().description == "close 1001 ")
        }
    }

    /// Spec 05 §8.2 ▲: what breaks the rules ends with the code that the RFC names.
    @Test(arguments: Setup.eachBackend)
    func brokenRulesAreNamed(_ setup: Setup) async throws {
        let text = WebSocketFrame(.text, "x")
        let cases: [(String, [UInt8], Int)] = [
            ("unmasked", text.bytes(mask: nil), 1002),
            ("reserved bit", WebSocketFrame(first: 0xA1, payload: []).bytes(), 1002),
            ("RSV1 without compression", WebSocketFrame(.text, [], isCompressed: true).bytes(), 1002),
            ("reserved opcode", WebSocketFrame(first: 0x83, payload: []).bytes(), 1002),
            ("fragmented ping", WebSocketFrame(.ping, [], isFinal: false).bytes(), 1002),
            ("long ping", WebSocketFrame(.ping, pattern(126)).bytes(), 1002),
            ("continuation of nothing", WebSocketFrame(.continuation, "x").bytes(), 1002),
            ("two messages", WebSocketFrame(.text, "x", isFinal: false).bytes() + text.bytes(), 1002),
            ("no text", WebSocketFrame(.text, [0xC0, 0xAF]).bytes(), 1007),
            (
                "no text, over fragments",
                WebSocketFrame(.text, [0xE2, 0x82], isFinal: false).bytes()
                    + WebSocketFrame(.continuation, [0x28]).bytes(),
                1007
            ),
            // Before the rest of the frame is there.
            (
                "no text, in the middle", WebSocketFrame.head(0x81, length: 1000, mask: [0, 0, 0, 0]) + [0x61, 0xFF],
                1007
            ),
            ("half a code", WebSocketFrame(.close, [3]).bytes(), 1002),
            ("code 1005", WebSocketFrame(close: 1005).bytes(), 1002),
            ("reason that is no text", WebSocketFrame(.close, [3, 0xE8, 0xFF]).bytes(), 1007),
            ("too large", WebSocketFrame.head(0x82, length: 1001), 1009),
            ("2^63 - 1", [0x82, 0xFF] + [0x7F] + [UInt8](repeating: 0xFF, count: 7) + [1, 2, 3, 4], 1009),
            ("2^63", [0x82, 0xFF] + [0x80] + [UInt8](repeating: 0, count: 7) + [1, 2, 3, 4], 1002),
            (
                "too large in all",
                WebSocketFrame(.binary, pattern(600), isFinal: false).bytes() + WebSocketFrame.head(0x80, length: 401),
                1009
            ),
        ]
        try await withScenario("websocket", setup, ["--max-package", "1000"]) { server in
            let other = try server.connect()
            try other.openWebSocket()
            for (name, bytes, code) in cases {
                let client = try server.connect()
                try client.openWebSocket()
                try client.send(WebSocketFrame(.text, "before").bytes() + bytes)
                #expect(try client.readFrame().text == "before")
                #expect(try client.readFrame().description == "close \(code) ", "\(name)")
                #expect(try client.readToEnd().bytes.isEmpty, "\(name)")
                client.close()
                #expect(try server.event("closed").hasPrefix("closed \(code) "), "\(name)")
                try other.send(WebSocketFrame(.text, name))
                #expect(try other.readFrame().text == name)
            }
            try other.send(WebSocketFrame(.binary, pattern(1000)))
            #expect(try other.readFrame().payload == pattern(1000))
        }
    }

    /// What a handler throws ends its own connection alone.
    @Test(arguments: Setup.eachBackend)
    func errorsOfHandlers(_ setup: Setup) async throws {
        for options in [[], ["--error-handler", "yes"]] {
            try await withScenario("websocket", setup, options) { server in
                let client = try server.connect()
                try client.openWebSocket()
                try client.send(WebSocketFrame(.text, "!throw"))
                if options.isEmpty {
                    #expect(try client.readFrame().description == "close 1011 ")
                    #expect(try client.readToEnd().bytes.isEmpty)
                    #expect(server.log.contains("thrown"))
                } else {
                    #expect(try server.event("handled") == "handled thrown")
                    try client.send(WebSocketFrame(.text, "still here"))
                    #expect(try client.readFrame().text == "still here")
                }
            }
        }
    }

    /// Who floods and never reads costs little, and holds nobody up.
    @Test(arguments: Setup.eachBackend)
    func floodsOfPings(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, on: .heavy) { server in
            let other = try server.connect()
            try other.openWebSocket()
            let flood = WebSocketFrame(.ping, pattern(125)).bytes() * 1000
            let client = try server.connect(receiveBuffer: 4096)
            try client.openWebSocket()
            var sent = 0
            while sent < 40 << 20, let count = client.trySend(flood), !client.isBlocked { sent += count }
            try other.send(WebSocketFrame(.text, "still here"))
            #expect(try other.readFrame().text == "still here")
            #expect((server.process.facts?.peakBytes ?? .max) < 100 << 20)
        }
    }

    // MARK: Being there

    @Test(arguments: Setup.eachBackend)
    func silentClientsArePinged(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--ping", "1", "--pong", "1"]) { server in
            let (answering, silent) = (try server.connect(), try server.connect())
            try answering.openWebSocket()
            try silent.openWebSocket()
            for _ in 0..<2 {
                #expect(try answering.readFrame() == WebSocketFrame(.ping))
                try answering.send(WebSocketFrame(.pong))
            }
            #expect(try silent.readFrame() == WebSocketFrame(.ping))
            #expect(try server.event("closed") == "closed 1006 ")
            #expect(try silent.readToEnd().bytes.isEmpty)
            try answering.send(WebSocketFrame(.text, "here"))
            while true {
                let frame = try answering.readFrame()
                if frame.kind == .text { break }
                #expect(frame == WebSocketFrame(.ping))
                try answering.send(WebSocketFrame(.pong))
            }
        }
    }

    /// Half a frame is no sign of life for ever, and where nobody reads nobody is judged.
    @Test(arguments: Setup.eachBackend)
    func whoIsJudgedBySilence(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--ping", "1", "--pong", "1"]) { server in
            let (paused, halted) = (try server.connect(), try server.connect())
            try paused.openWebSocket()
            try paused.send(WebSocketFrame(.text, "!say ok;!pause"))
            #expect(try paused.readFrame().text == "ok")
            try halted.openWebSocket()
            try halted.send([0x81])
            #expect(try halted.readFrame() == WebSocketFrame(.ping))
            #expect(try halted.readToEnd().bytes.isEmpty)
            #expect(!paused.isReadable(within: 0.5))
        }
    }

    @Test(arguments: Setup.eachBackend)
    func pingsThatAHandlerAnswers(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--own-pongs", "yes"]) { server in
            let client = try server.connect()
            try client.openWebSocket()
            try client.send(WebSocketFrame(.ping, "a"), WebSocketFrame(.text, "!ping b"))
            #expect(try client.readFrames(2).map(\.description) == ["pong own a", "ping b"])
        }
    }
}
