import TestSupport
import Testing

/// How bytes become messages: spec 03 §7, 05 §2, §3 and §14.1.
@Suite struct MessageTests {
    /// A protocol may remember what came before in each connection, whatever its callbacks are.
    @Test(arguments: Setup.all)
    func eachConnectionHasItsOwnProtocolState(_ setup: Setup) async throws {
        try await withPuppet("counted", setup) { server in
            let clients = try (0..<3).map { _ in try server.connect() }
            for client in clients { try client.send("0 a\n1 b") }
            for client in clients { try client.send("\n2 c\n") }
            for _ in 0..<9 { try server.event("message") }
            #expect(!server.log.contains("Error package"))
        }
        try await withPuppet("counted", setup) { server in
            let client = try server.connect()
            try client.send("0 a\n2 c\n")
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(server.log.contains("Error package. expected number 1 (counted from "))
        }
    }

    @Test(arguments: Setup.all)
    func rawBytesComeBack(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "raw", "--max-send", "100000000"]) { server in
            let client = try server.connect()
            try client.send("hello")
            #expect(try client.read(5) == Array("hello".utf8))
            let other = try server.connect()
            try other.send("x")
            #expect(try other.read(1) == [0x78])
            try sendAndReceive(pattern(3_000_000), over: client)
        }
    }

    @Test(arguments: Setup.all)
    func textIsCutAtLineFeeds(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try client.send("a\nb\nhi\r\n\n\r\n grüße \n")
            #expect(
                try server.nextEvents(7)
                    == ["connect 1", "message a", "message b", "message hi", "message ", "message ", "message  grüße "])
        }
    }

    @Test(arguments: Setup.all)
    func textMayArriveByteByByte(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            let text = "first\r\nsecond\n\nlast\n"
            for byte in text.utf8 {
                try client.send([byte])
                try server.tell("state")  // The server has read what came before.
            }
            #expect(
                try server.nextEvents(5) == [
                    "connect 1", "message first", "message second", "message ", "message last",
                ])
        }
    }

    /// A packet without a known length is searched once, however many pieces it comes in.
    @Test(arguments: Setup.all)
    func longPacketsAreNotSearchedAgainAndAgain(_ setup: Setup) async throws {
        try await withPuppet("marked", setup) { server in
            let client = try server.connect()
            let piece = [UInt8](repeating: 0x61, count: 8192)
            for number in 1...250 {
                try client.send(piece)
                // Nothing is glued to what follows: the server has read it.
                if number % 10 == 0 {
                    let read = "read=\(number * 8192) "
                    #expect(try eventually { try server.tell("counters").hasPrefix(read) })
                }
            }
            try client.send("|one|")
            let first = try server.event("message").split(separator: " ")
            #expect(first[1] == "2048000")
            #expect(try #require(Int(first[2])) < 2_300_000)
            #expect(try server.event("message").hasPrefix("message 3 "))
        }
    }

    /// What a peer sends is never a reason to end the process, and nothing of it gets into the log as it is.
    @Test(arguments: Setup.all)
    func whatCannotBeDecodedEndsItsConnectionOnly(_ setup: Setup) async throws {
        try await withPuppet("marked", setup, ["--terminate-on-error", "yes"]) { server in
            let other = try server.connect()
            let client = try server.connect()
            try client.send("good|\u{1B}[2J\nbad|good|")
            #expect(try client.readToEnd().bytes.isEmpty)
            try server.event("close 2")
            #expect(server.log.contains(#"Error package. \u{1B}[2J\nbad| (marked from "#))
            try other.send("fine|")
            #expect(try server.event("message").hasPrefix("message 4 "))
            #expect(server.count("message") == 2)
        }
    }

    /// The protocol answers by itself, in order with what the handler answers.
    @Test(arguments: Setup.all)
    func protocolsAnswerHeartbeatsAndRefuseWithAWord(_ setup: Setup) async throws {
        try await withPuppet("marked", setup) { server in
            _ = try server.tell("on message: raw <>")
            let client = try server.connect()
            try client.send("??one|?tw")
            #expect(try String(decoding: client.read(5), as: UTF8.self) == "!!<>!")
            try client.send("o|?")
            #expect(try String(decoding: client.read(3), as: UTF8.self) == "<>!")
            #expect(try server.event("message").hasPrefix("message 3 "))
            #expect(try server.event("message").hasPrefix("message 3 "))
            try client.send("three|#four|")
            #expect(try client.textToEnd() == "<>no|")
            client.close()
            try server.event("close 1")
            #expect(server.log.contains("Error package. a hash (marked from "))
            try server.finish()
            #expect(server.count("message") == 3)
        }
    }

    @Test(arguments: Setup.all)
    func whatCannotBeEncodedIsThrownToWhoWrites(_ setup: Setup) async throws {
        try await withPuppet("marked", setup) { server in
            let client = try server.connect()
            try server.event("connect")
            _ = try server.tell("write a|b")
            #expect(try server.nextEvent() == "not written: a bar in a message")
            _ = try server.tell("write ab")
            #expect(try server.nextEvent() == "written")
            #expect(try String(decoding: client.read(3), as: UTF8.self) == "ab|")
            client.close()
            try server.event("close")
            _ = try server.tell("write ab")
            #expect(try server.tell("state") == "closed open=false")
        }
    }

    @Test(arguments: Setup.all)
    func framesAreCutAtTheirLength(_ setup: Setup) async throws {
        try await withPuppet("frame", setup) { server in
            let client = try server.connect()
            let frames: [UInt8] = [0, 0, 0, 7, 0x61, 0x62, 0x63, 0, 0, 0, 4, 0, 0, 0, 8] + Array("ping".utf8)
            try client.send(frames)
            #expect(try server.nextEvents(4) == ["connect 1", "message abc", "message ", "message ping"])
            for byte in frames {
                try client.send([byte])
                try server.tell("state")
            }
            #expect(try server.nextEvents(3) == ["message abc", "message ", "message ping"])
            // A frame of 42 bytes of which 10 are there.
            try client.send([0, 0, 0, 42] + Array("foobar".utf8))
            try server.tell("state")
            try client.send([UInt8](repeating: 0x2E, count: 32))
            #expect(try server.nextEvent() == "message foobar" + "." * 32)
            #expect(try server.tell("raw x") == "sent 0")
        }
    }

    @Test(arguments: Setup.all, [0, 1, 2, 3] as [UInt8])
    func aFrameShorterThanItsHeaderEndsTheConnection(_ setup: Setup, _ length: UInt8) async throws {
        try await withPuppet("frame", setup) { server in
            let other = try server.connect()
            try server.event("connect 1")
            let client = try server.connect()
            try client.send([0, 0, 0, 5, 0x61, 0, 0, 0, length])
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try server.nextEvents(3) == ["connect 2", "message a", "close 2"])
            #expect(server.log.contains("Error package"))
            try other.send([0, 0, 0, 5, 0x62])
            #expect(try server.nextEvent() == "message b")
        }
    }

    @Test(arguments: Setup.all)
    func aTextLineBeyondTheLimitEndsTheConnection(_ setup: Setup) async throws {
        try await withPuppet("text", setup, ["--max-package", "5"]) { server in
            let whole = try server.connect()
            try whole.send("abcd\n")
            #expect(try server.nextEvents(2) == ["connect 1", "message abcd"])
            for text in ["abcdefgh", "abcde\n", "abcdefgh\nx\n"] {
                let client = try server.connect()
                try client.send(text)
                #expect(try client.readToEnd().bytes.isEmpty)
                #expect(try server.nextEvent().hasPrefix("connect"))
                #expect(try server.nextEvent().hasPrefix("close"))
            }
            try whole.send("efgh\n")
            #expect(try server.nextEvent() == "message efgh")
        }
    }

    @Test(arguments: Setup.all)
    func aFrameBeyondTheLimitIsRefusedFromItsHeader(_ setup: Setup) async throws {
        try await withPuppet("frame", setup, ["--max-package", "10"]) { server in
            let client = try server.connect()
            try client.send([0, 0, 0, 10] + Array("sixsix".utf8) + [0, 0, 0, 11])
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try server.nextEvents(3) == ["connect 1", "message sixsix", "close 1"])
        }
    }

    @Test(arguments: Setup.all)
    func rawStreamsHaveNoPackageLimit(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "raw", "--max-package", "10"]) { server in
            let client = try server.connect()
            try sendAndReceive(pattern(1000), over: client)
        }
    }

    @Test(arguments: Setup.all)
    func aHundredThousandLinesInOneWriteComeBackInOrder(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text"], on: .heavy) { server in
            let client = try server.connect()
            try sendAndReceive((0..<100_000).flatMap { Array("\($0)\n".utf8) }, over: client)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aLargeFrameComesBack(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "frame"]) { server in
            let client = try server.connect()
            let size = UInt32(9_000_000)
            try sendAndReceive(withUnsafeBytes(of: size.bigEndian) { Array($0) } + pattern(Int(size) - 4), over: client)
        }
    }

    @Test(arguments: Setup.all)
    func emptyMessages(_ setup: Setup) async throws {
        let cases: [(String, Int, [UInt8])] = [("raw", 0, []), ("text", 1, [0x0A]), ("frame", 4, [0, 0, 0, 4])]
        for (wireProtocol, size, bytes) in cases {
            try await withPuppet(wireProtocol, setup) { server in
                let client = try server.connect()
                try server.event("connect")
                #expect(try server.tell("send \(size)") == "sent 0")
                #expect(try server.tell("counters") == "read=0 written=\(bytes.count) pending=0")
                try server.tell("close")
                let end = try client.readToEnd()
                #expect(end.bytes == bytes)
            }
        }
    }

    @Test(arguments: Setup.all)
    func addressesAndCountersStayAfterTheClose(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try client.send("four\n")
            try server.event("message")
            #expect(try server.tell("send 10") == "sent 0")
            let before = try server.tell("addresses")
            switch setup.transport {
            case .ipv4:
                #expect(before.hasPrefix("remote=127.0.0.1:") && before.contains("local=127.0.0.1:"))
                #expect(before.hasSuffix("v4=true v6=false"))
            case .ipv6:
                #expect(before.hasPrefix("remote=[::1]:") && before.contains("local=[::1]:"))
                #expect(before.hasSuffix("v4=false v6=true"))
            case .unix: #expect(before == "remote= local= v4=false v6=false")
            }
            client.close()
            try server.event("close")
            #expect(try server.tell("addresses") == before)
            #expect(try server.tell("counters") == "read=5 written=10 pending=0")
            #expect(try server.tell("state") == "closed open=false")
        }
    }
}

/// Sends `bytes` and reads their echo at the same time: neither side may wait for the other for ever.
func sendAndReceive(_ bytes: [UInt8], over client: Client) throws {
    var sent = 0
    var received = 0
    let deadline = Deadline(60)
    while received < bytes.count {
        if sent < bytes.count {
            guard let count = client.trySend(Array(bytes[sent..<min(sent + 262_144, bytes.count)])) else {
                throw Failure("the connection broke after \(sent) bytes")
            }
            sent += count
        }
        if sent == bytes.count || client.isReadable(within: 0.002) {
            let piece = try client.readAvailable(atMost: bytes.count - received)
            guard piece == Array(bytes[received..<received + piece.count]) else {
                throw Failure("wrong bytes at \(received)")
            }
            received += piece.count
        }
        if deadline.isPast { throw Failure("\(received) of \(bytes.count) bytes came back") }
    }
}
