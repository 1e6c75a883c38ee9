import ApusProtocols

/// Frames, and what is to be read of them.
struct WebSocketCase: Sendable, CustomStringConvertible {
    let description: String
    let bytes: [UInt8]
    let events: [WebSocketEvent]
    var role = WebSocketRole.server
    var maxMessageBytes = 1000
    /// With permessage-deflate, and whether the peer compresses each message by itself.
    var deflates = false
    var takesOver = true

    init(_ name: String, _ bytes: [UInt8], _ events: [WebSocketEvent], role: WebSocketRole = .server) {
        description = name
        self.bytes = bytes
        self.events = events
        self.role = role
    }

    func reader() -> WebSocketReader {
        let inflation = takesOver ? WebSocketInflation(windowBits: 15) : WebSocketInflation(pool: .init())
        return WebSocketReader(role, maxMessageBytes: maxMessageBytes, inflation: deflates ? inflation : nil)
    }

    /// The bytes in pieces, each of which begins at one of `starts`.
    func read(from starts: some Sequence<Int>) -> [WebSocketEvent] {
        var reader = reader()
        var last = 0
        for start in starts {
            reader.feed(bytes[last..<start])
            last = start
        }
        reader.feed(bytes[last...])
        return reader.events
    }
}

extension WebSocketCase {
    /// The vectors of the specifications.
    static let vectors = [
        WebSocketCase("masked text", hex("81 85 37 FA 21 3D 7F 9F 4D 51 58"), [.text("Hello")]),
        WebSocketCase("text of a server", hex("81 05 48 65 6C 6C 6F"), [.text("Hello")], role: .client),
        WebSocketCase(
            "fragments with a ping between them",
            hex("01 83 37 FA 21 3D 7F 9F 4D 89 82 37 FA 21 3D 7F 93 80 82 37 FA 21 3D 5B 95"),
            [.ping(Array("Hi".utf8)), .text("Hello")]),
        WebSocketCase(
            "fragments of a server", hex("01 03 48 65 6C 80 02 6C 6F"), [.text("Hello")], role: .client),
        WebSocketCase(
            "256 bytes", hex("82 7E 01 00") + [UInt8](repeating: 7, count: 256),
            [.binary([UInt8](repeating: 7, count: 256))], role: .client),
        WebSocketCase("close with 1000", hex("88 02 03 E8"), [.close(1000, [])], role: .client),
        WebSocketCase(
            "close with a reason", hex("88 05 03 E9 62 79 65"), [.close(1001, Array("bye".utf8))], role: .client),
        WebSocketCase("close without a code", hex("88 80 1 2 3 4"), [.close(nil, [])]),
        WebSocketCase("empty text", hex("81 80 1 2 3 4"), [.text([])]),
        WebSocketCase("empty fragments", hex("02 00 00 00 80 00"), [.binary([])], role: .client),
        WebSocketCase("an unmasked frame of a client", hex("81 04 31 32 33 34"), [.failed(.notMasked)]),
        WebSocketCase("a masked frame of a server", hex("81 81 0 0 0 0 31"), [.failed(.masked)], role: .client),
        WebSocketCase("7 bytes short", Array(webSocketFrame(2, [UInt8](1...50)).dropLast(7)), []),
    ]

    /// Everything that RFC 6455 forbids.
    static let rejections: [WebSocketCase] = {
        let some = [UInt8]("some".utf8)
        let long = [UInt8](repeating: 0x61, count: 126)
        func masked(_ text: String) -> [UInt8] { hex(text) + [0, 0, 0, 0] }
        var cases = [1, 2, 3, 4, 5, 6, 7].map { (reserved: UInt8) in
            WebSocketCase("RSV \(reserved)", webSocketFrame(1, some, reserved: reserved), [.failed(.reservedBits)])
        }
        cases += [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map { (opcode: UInt8) in
            WebSocketCase("opcode \(opcode)", webSocketFrame(opcode, some), [.failed(.reservedOpcode)])
        }
        cases += [8, 9, 10].flatMap { (opcode: UInt8) in
            [
                WebSocketCase(
                    "a fragment of \(opcode)", webSocketFrame(opcode, isFinal: false), [.failed(.fragmentedControl)]),
                WebSocketCase("126 bytes of \(opcode)", webSocketFrame(opcode, long), [.failed(.longControl)]),
            ]
        }
        cases += [
            WebSocketCase("nothing to continue", webSocketFrame(0, some), [.failed(.nothingToContinue)]),
            WebSocketCase(
                "nothing to continue any more",
                webSocketFrame(1, some, isFinal: false) + webSocketFrame(0, some) + webSocketFrame(0, some),
                [.text("somesome"), .failed(.nothingToContinue)]),
            WebSocketCase(
                "a message within a message",
                webSocketFrame(1, some, isFinal: false) + webSocketFrame(9) + webSocketFrame(1, some),
                [.ping([]), .failed(.messageNotEnded)]),
            WebSocketCase(
                "a fragment within a message",
                webSocketFrame(2, isFinal: false) + webSocketFrame(2, some, isFinal: false), [.failed(.messageNotEnded)]
            ),
            WebSocketCase("125 with 16 bits", masked("82 FE 00 7D") + some, [.failed(.paddedLength)]),
            WebSocketCase("65535 with 64 bits", masked("82 FF 0 0 0 0 0 0 FF FF"), [.failed(.paddedLength)]),
            WebSocketCase("2⁶³ bytes", masked("82 FF 80 0 0 0 0 0 0 0"), [.failed(.hugeLength)]),
            WebSocketCase("2⁶³ - 1 bytes", masked("82 FF 7F FF FF FF FF FF FF FF"), [.failed(.tooLarge)]),
            WebSocketCase("a head of 1001 bytes", masked("82 FE 03 E9"), [.failed(.tooLarge)]),
            WebSocketCase(
                "a head beyond what is left",
                webSocketFrame(2, long, isFinal: false) + masked("80 FE 03 6B"), [.failed(.tooLarge)]),
            WebSocketCase("half a close code", webSocketFrame(8, [3]), [.failed(.shortClose)]),
            WebSocketCase(
                "a reason that is no text", webSocketFrame(8, [3, 0xE8, 0x61, 0xC3]), [.failed(.invalidReason)]),
            WebSocketCase("no text", webSocketFrame(1, [0x61, 0xC3]), [.failed(.invalidText)]),
        ]
        return cases
    }()
}
