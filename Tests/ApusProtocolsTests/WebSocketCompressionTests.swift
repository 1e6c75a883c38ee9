import ApusProtocols
import TestSupport
import Testing

@Suite struct `Compressed WebSocket messages` {
    private func reader(
        takesOver: Bool = true, maxMessageBytes: Int = 1 << 20, windowBits: Int = 15
    ) -> WebSocketReader {
        let inflation =
            takesOver
            ? WebSocketInflation(windowBits: windowBits) : WebSocketInflation(pool: WebSocketInflaterPool())
        return WebSocketReader(.client, maxMessageBytes: maxMessageBytes, inflation: inflation)
    }

    private func frame(
        _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = true
    ) -> [UInt8] {
        webSocketFrame(opcode, payload, isFinal: isFinal, reserved: isCompressed ? 4 : 0, mask: nil)
    }

    private func deflated(_ deflater: WebSocketDeflater, _ message: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        message.withUnsafeBytes { deflater.append($0, to: &bytes) }
        return bytes
    }

    /// The same whole, byte by byte, and in two pieces.
    private func expect(
        _ bytes: [UInt8], _ events: [WebSocketEvent], takesOver: Bool = true, maxMessageBytes: Int = 1 << 20
    ) {
        var example = WebSocketCase("", bytes, events, role: .client)
        example.deflates = true
        example.takesOver = takesOver
        example.maxMessageBytes = maxMessageBytes
        #expect(example.read(from: []) == events)
        #expect(example.read(from: bytes.indices) == events)
        for start in bytes.indices { #expect(example.read(from: [start]) == events, "split at \(start)") }
    }

    private let hello = hex("F2 48 CD C9 C9 07 00")

    @Test func `are those of the specification`() {
        // RFC 7692 §7.2.3.1, §7.2.3.2: one message, the same in fragments, and again with what came before.
        expect(frame(1, hello), [.text("Hello")])
        let fragments = frame(1, Array(hello[..<3]), isFinal: false) + frame(0, Array(hello[3...]), isCompressed: false)
        expect(fragments, [.text("Hello")])
        expect(frame(1, hello) + frame(1, hex("F2 00 11 00 00")), [.text("Hello"), .text("Hello")])
        // §7.2.3.3: a block that is not compressed. §7.2.3.4: a final block. §7.2.3.5: two blocks.
        expect(frame(1, hex("00 05 00 FA FF 48 65 6C 6C 6F 00")), [.text("Hello")])
        expect(frame(1, hex("F3 48 CD C9 C9 07 00 00")), [.text("Hello")])
        expect(frame(1, hex("F2 48 05 00 00 00 FF FF CA C9 C9 07 00")), [.text("Hello")])
        // §7.2.3.6: the empty message, and what some senders make of it.
        expect(frame(1, [0]) + frame(2, []) + frame(1, hello), [.text(""), .binary([]), .text("Hello")])
    }

    @Test func `may be mixed with others, and with control frames`() {
        let ping = webSocketFrame(9, [7], mask: nil)
        let bytes =
            frame(1, Array(hello[..<2]), isFinal: false) + ping + frame(0, Array(hello[2...]), isCompressed: false)
            + frame(1, Array("plain".utf8), isCompressed: false) + frame(1, hex("F2 00 11 00 00"))
        expect(bytes, [.ping([7]), .text("Hello"), .text("plain"), .text("Hello")])
    }

    @Test func `go on behind a final block, with what stands before it`() {
        expect(
            frame(1, hex("F3 48 CD C9 C9 07 00 00")) + frame(1, hex("F2 00 11 00 00")),
            [.text("Hello"), .text("Hello")])
        // Without the empty block behind it.
        let final = frame(1, hex("F3 48 CD C9 C9 07 00"))
        expect(final + frame(1, hex("F2 00 11 00 00")), [.text("Hello"), .text("Hello")])
        expect(final + final, [.text("Hello"), .text("Hello")], takesOver: false)
    }

    @Test func `are refused when no compressor made them`() {
        expect(frame(1, hex("FF FF FF")), [.failed(.invalidCompression)])
        // A message that ends within a block, and one that refers to what was not there.
        expect(frame(1, Array(hello[..<5])), [.failed(.invalidCompression)])
        expect(frame(1, hex("F2 00 11 00 00")), [.failed(.invalidCompression)])
        expect(
            frame(1, hello) + frame(1, hex("F2 00 11 00 00")), [.text("Hello"), .failed(.invalidCompression)],
            takesOver: false)
        // The limit comes first where the stream goes beyond it first.
        expect(frame(1, hex("F2 00 00 00 FF F6 00 FF F6 20")), [.failed(.tooLarge)], maxMessageBytes: 0)
        // What was inflated is checked as text, as soon as it is there.
        let wrong = deflated(WebSocketDeflater(windowBits: 15, takesOver: false), [0x61, 0xFF, 0x62])
        expect(frame(1, wrong), [.failed(.invalidText)])
        expect(frame(2, wrong), [.binary([0x61, 0xFF, 0x62])])
    }

    @Test(arguments: [true, false])
    func `that explode are refused in time`(_ takesOver: Bool) throws {
        let deflater = WebSocketDeflater(windowBits: 15, takesOver: false, level: 9)
        let bomb = deflated(deflater, [UInt8](repeating: 0, count: 1_000_000))
        #expect(bomb.count < 1100)
        expect(frame(2, Array(bomb.prefix(100))), [.failed(.tooLarge)], takesOver: takesOver, maxMessageBytes: 5000)
        var exact = reader(takesOver: takesOver, maxMessageBytes: 1_000_000)
        exact.feed(frame(2, bomb))
        #expect(exact.events.count == 1 && exact.events.first?.isLast == false)
        var beyond = reader(takesOver: takesOver, maxMessageBytes: 999_999)
        beyond.feed(frame(2, bomb))
        #expect(beyond.events == [.failed(.tooLarge)])
        // Compressed bytes count as well, and the head says how many come.
        var announced = reader(takesOver: takesOver, maxMessageBytes: 1000)
        announced.feed(hex("C2 7E 10 00"))
        #expect(announced.events == [.failed(.tooLarge)])
    }

    @Test func `that cannot be compressed may be as large as others`() {
        var generator = SeededGenerator(seed: 1)
        for count in [1, 100, 70_000] {
            let message = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let deflater = WebSocketDeflater(windowBits: 9, takesOver: false)
            var reader = reader(maxMessageBytes: count)
            reader.feed(frame(2, deflated(deflater, message)))
            #expect(reader.events == [.binary(message)])
        }
    }

    @Test func `come back as they were, whatever was agreed on`() {
        var generator = SeededGenerator(seed: 7)
        for windowBits in 9...15 {
            for takesOver in [true, false] {
                let deflater = WebSocketDeflater(windowBits: windowBits, takesOver: takesOver, level: windowBits % 4)
                var reader = reader(takesOver: takesOver, windowBits: windowBits)
                var bytes: [UInt8] = []
                var events: [WebSocketEvent] = []
                for i in 0..<6 {
                    let count = i % 3 == 1 ? 0 : Int.random(in: 0...3000, using: &generator)
                    let message = (0..<count).map { _ in UInt8.random(in: 0x61...0x64, using: &generator) }
                    bytes += frame(1, deflated(deflater, message))
                    events.append(.text(message))
                }
                for start in stride(from: 0, to: bytes.count, by: 500) {
                    reader.feed(bytes[start..<min(start + 500, bytes.count)])
                }
                #expect(reader.events == events)
            }
        }
    }

    @Test func `are made as the specification has them`() {
        let message = Array("Hello".utf8)
        let deflater = WebSocketDeflater(windowBits: 15, takesOver: true)
        #expect(deflated(deflater, message) == hello)
        #expect(deflated(deflater, message) == hex("F2 00 11 00 00"))
        for _ in 0..<2 { #expect(deflated(deflater, []) == [0]) }
        let forgetful = WebSocketDeflater(windowBits: 15, takesOver: false)
        for _ in 0..<2 { #expect(deflated(forgetful, message) == hello) }
    }

    @Test func `borrow a stream while they arrive`() {
        let pool = WebSocketInflaterPool(maxIdle: 1)
        let inflation = WebSocketInflation(pool: pool)
        var first = WebSocketReader(.client, inflation: inflation)
        var second = WebSocketReader(.client, inflation: inflation)
        let bytes = frame(1, hello)
        first.feed(bytes.prefix(5))
        #expect(pool.idleCount == 0)
        second.feed(bytes.prefix(6))
        first.feed(bytes.dropFirst(5))
        #expect(pool.idleCount == 1)
        second.feed(bytes.dropFirst(6) + bytes)
        #expect(pool.idleCount == 1)
        #expect(first.events == [.text("Hello")])
        #expect(second.events == [.text("Hello"), .text("Hello")])
    }

    /// What zlib does with a window of 8 bits is made with 9, by zlib itself.
    @Test func `of compressors with the smallest window are read`() {
        let message = (0..<2000).map { (i: Int) -> UInt8 in 0x61 + UInt8(i / 250 % 2 + i % 7) }
        let deflater = WebSocketDeflater(windowBits: 9, takesOver: true)
        var reader = reader(windowBits: 8)
        reader.feed(frame(1, deflated(deflater, message)) + frame(1, deflated(deflater, message)))
        #expect(reader.events == [.text(message), .text(message)])
    }
}
