import Glibc
import TestSupport
import Testing

/// Publishing to many connections.
@Suite struct WebSocketTopicTests {
    private func open(_ server: ScenarioServer, _ count: Int, _ fields: String = "") throws -> [Client] {
        try (0..<count).map { _ in
            let client = try server.connect()
            try client.openWebSocket("/", fields)
            return client
        }
    }

    @Test(arguments: Setup.all)
    func topicsAndBroadcasts(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let clients = try open(server, 3)
            let subscribed = [(["a"], #"["a"] 1"#), (["a", "b"], #"["a", "b"] 2"#), (["b"], #"["b"] 2"#)]
            for (client, (topics, answer)) in zip(clients, subscribed) {
                for topic in topics { try client.send(WebSocketFrame(.text, "!subscribe \(topic)")) }
                try client.send(WebSocketFrame(.text, "!topics a"))
                #expect(try client.readFrame().text == answer)
            }
            try clients[0].send(
                WebSocketFrame(.text, "!publish a one"), WebSocketFrame(.text, "!publish b two"),
                WebSocketFrame(.text, "!others a three"), WebSocketFrame(.text, "!broadcast four"),
                WebSocketFrame(.text, "!publish nobody x"))
            #expect(try clients[0].readFrames(2).map(\.text) == ["one", "four"])
            #expect(try clients[1].readFrames(4).map(\.text) == ["one", "two", "three", "four"])
            #expect(try clients[2].readFrames(2).map(\.text) == ["two", "four"])
            try clients[1].send(WebSocketFrame(.text, "!unsubscribe a"), WebSocketFrame(.text, "!unsubscribe a"))
            #expect(try clients[1].readFrames(2).map(\.text) == ["true", "false"])
            try clients[2].send(WebSocketFrame(.text, "!publish a five;!publish b six"))
            #expect(try clients[0].readFrame().text == "five")
            #expect(try clients[1].readFrame().text == "six")
            #expect(try clients[2].readFrame().text == "six")
        }
    }

    /// What is sent, published and subscribed to in one turn keeps its order for each receiver.
    @Test(arguments: Setup.all)
    func theOrderIsThatOfTheProgram(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let clients = try open(server, 2)
            try clients[1].send(WebSocketFrame(.text, "!subscribe a;!subscribe b;!say ready"))
            #expect(try clients[1].readFrame().text == "ready")
            // All in one message: one turn.
            try clients[0].send(
                WebSocketFrame(
                    .text,
                    "!publish a 1;!subscribe a;!say 2;!publish a 3;!publish b 4;!broadcast 5;!say 6;"
                        + "!publish a 7;!unsubscribe a;!publish a 8;!broadcast 9;!say 10;!publish b 11;"
                        + "!close 4000 x;!say late;!publish a late"
                ))
            #expect(
                try clients[0].readFrames(9).map(\.description) == [
                    "text 2", "text 3", "text 5", "text 6", "text 7", "text true", "text 9", "text 10", "close 4000 x",
                ])
            // Nothing follows a close frame.
            #expect(!clients[0].isReadable(within: 0.05))
            #expect(try clients[1].readFrames(8).map(\.text) == ["1", "3", "4", "5", "7", "8", "9", "11"])
        }
    }

    /// Members that come and go leave the others where they are.
    @Test(arguments: Setup.eachBackend)
    func membersComeAndGo(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            var clients = try open(server, 20)
            for client in clients {
                try client.send(WebSocketFrame(.text, "!subscribe a;!say in"))
                _ = try client.readFrame()
            }
            for round in 0..<10 {
                let leaving = clients.remove(at: round * 7 % clients.count)
                if round % 2 == 0 {
                    try leaving.send(WebSocketFrame(.text, "!unsubscribe a"))
                    _ = try leaving.readFrame()
                    leaving.close()
                } else {
                    leaving.reset()
                }
                try server.event("closed")
                try clients[0].send(WebSocketFrame(.text, "!topics a;!publish a \(round)"))
                #expect(try clients[0].readFrame().text == #"["a"] \#(clients.count)"#)
                for client in clients { #expect(try client.readFrame().text == "\(round)") }
            }
        }
    }

    /// A slow receiver gets what fits, or nothing for a while, or is sent away; the others get all.
    @Test(arguments: Setup.eachBackend, ["queue", "drop", "close"])
    func slowReceivers(_ setup: Setup, _ policy: String) async throws {
        try await withScenario("websocket", setup, ["--max-send", "100000", "--ws-close-timeout", "60"], on: .heavy) {
            server in
            let sender = try server.connect()
            try sender.openWebSocket()
            let (quick, slow) = (try server.connect(), try server.connect(receiveBuffer: 4096))
            try quick.openWebSocket()
            try slow.openWebSocket()
            try slow.send(WebSocketFrame(.text, "!overflow \(policy);!say ok"))
            #expect(try slow.readFrame().text == "ok")
            let count = 150
            for number in 0..<count {
                try sender.send(WebSocketFrame(.text, "!broadcast-large \(50_000 + number);!say \(number)"))
                #expect(try sender.readFrame().text == "\(number)")
                #expect(try quick.readFrame().payload.count == 50_000 + number)
            }
            var received: [Int] = []
            if policy != "close" {
                // What is said while much waits would be dropped.
                repeat {
                    received.append(try slow.readFrame().payload.count)
                    try slow.send(WebSocketFrame(.text, "!pending"))
                } while try server.event("pending") != "pending 0"
                try slow.send(WebSocketFrame(.text, "!say end"))
            }
            var last: WebSocketFrame
            repeat {
                last = try slow.readFrame()
                received.append(last.payload.count)
            } while last.kind == .binary
            // They are whole, in order, and some are missing.
            #expect(received.dropLast() == received.dropLast().sorted()[...] && received.count < count)
            #expect(last.description == (policy == "close" ? "close 1013 too slow" : "text end"))
            try server.finish()
            #expect((server.count("error 2") > 0) == (policy == "queue"))
        }
    }

    /// A callback that publishes to the one that cannot take it.
    @Test(arguments: Setup.eachBackend)
    func publishingFromErrorsEnds(_ setup: Setup) async throws {
        let options = ["--max-send", "20000", "--publish-on-error", "yes"]
        try await withScenario("websocket", setup, options) { server in
            let (other, slow) = (try server.connect(), try server.connect(receiveBuffer: 4096))
            try other.openWebSocket()
            try slow.openWebSocket()
            try slow.send(WebSocketFrame(.text, "!flood 3000"))
            try server.event("flooded")
            // It goes on turn by turn; the others have theirs.
            try other.send(WebSocketFrame(.text, "echo"))
            while try other.readFrame().text != "echo" {}
            slow.close()
        }
    }

    /// What is published is compressed once for all who can take it; others get it as it is.
    @Test(arguments: Setup.eachBackend, ["own", "shared", "small"])
    func publishedMessagesAreCompressed(_ setup: Setup, _ kind: String) async throws {
        try await withScenario("websocket", setup, ["--compress", kind]) { server in
            let packed = try open(server, 2, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
            let plain = try open(server, 1)[0]
            let text = String(repeating: "Hello, World! ", count: 20)
            let inflaters = [RawInflater(), RawInflater()]
            for round in 0..<3 {
                for client in packed {
                    // Between those that are published.
                    try client.send(WebSocketFrame(.text, "!say own-\(text.prefix(40 + round).filter { $0 != " " })"))
                }
                for (index, client) in packed.enumerated() {
                    let frame = try client.readFrame()
                    #expect(frame.isCompressed)
                    #expect(try inflaters[index].inflate(frame.payload).hasPrefix("own-Hello"))
                }
                try plain.send(WebSocketFrame(.text, "!publish none x;!broadcast \(text.filter { $0 != " " })"))
                #expect(try plain.readFrame().text == text.filter { $0 != " " })
                for (index, client) in packed.enumerated() {
                    let frame = try client.readFrame()
                    #expect(frame.isCompressed == (kind != "small"))
                    let seen = frame.isCompressed ? try inflaters[index].inflate(frame.payload) : frame.text
                    #expect(seen == text.filter { $0 != " " })
                }
            }
        }
    }

    /// A topic that was joined before compression was agreed on.
    @Test(arguments: Setup.eachBackend)
    func topicsOfTheHandshake(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--compress", "own"]) { server in
            let client = try server.connect()
            try client.openWebSocket("/early-topic", "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            let inflater = RawInflater()
            for _ in 0..<2 {
                let text = "!publish early one;!publish early two;!say three"
                try client.send(WebSocketFrame(.text, text))
                let frames = try client.readFrames(3)
                #expect(frames.allSatisfy { $0.isCompressed })
                let texts = try frames.map { try inflater.inflate($0.payload) }
                #expect(texts == ["one", "two", "three"])
            }
            try client.send(WebSocketFrame(.text, "!topics early"))
            #expect(try inflater.inflate(client.readFrame().payload) == #"["early"] 1"#)
        }
    }

    /// Spec 05 §14.3: compressed in both directions, with and without what came before.
    @Test(arguments: Setup.all)
    func compressedMessages(_ setup: Setup) async throws {
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let again: [UInt8] = [0xF2, 0x00, 0x11, 0x00, 0x00]
        for kind in ["own", "shared"] {
            try await withScenario("websocket", setup, ["--compress", kind]) { server in
                let client = try server.connect()
                let head = try client.openWebSocket("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")
                #expect(head.contains("no_context_takeover") == (kind == "shared"))
                #expect(try server.event("connected").hasSuffix("true"))
                for payload in [hello, kind == "own" ? again : hello] {
                    try client.send(WebSocketFrame(first: 0xC1, payload: payload))
                    let frame = try client.readFrame()
                    #expect(frame.first == 0xC1 && frame.payload == payload)
                }
            }
        }
    }

    /// A bomb ends at the limit (RFC 6455 §10.4), and costs no more memory than that.
    @Test(arguments: Setup.eachBackend)
    func bombsEndAtTheLimit(_ setup: Setup) async throws {
        // A megabyte of zeros in a kilobyte, again and again: 1 GB in all.
        let bomb = RawInflater.zeros(1 << 20)
        try await withScenario("websocket", setup, ["--compress", "own", "--max-package", "1000000"]) { server in
            let client = try server.connect()
            try client.openWebSocket("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            _ = try? client.send(WebSocketFrame(first: 0x42, payload: bomb))
            for _ in 0..<1000 {
                guard (try? client.send(WebSocketFrame(.continuation, bomb, isFinal: false))) != nil else { break }
            }
            #expect(try client.readFrame().description == "close 1009 ")
            #expect(try server.event("closed").hasPrefix("closed 1009 "))
            let other = try server.connect()
            try other.openWebSocket()
            try other.send(WebSocketFrame(.text, "still there"))
            #expect(try other.readFrame().text == "still there")
            #expect((server.process.facts?.peakBytes ?? .max) < 150 << 20)
        }
    }
}
