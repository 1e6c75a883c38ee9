import ApusProtocols
import TestSupport
import Testing

@Suite struct `WebSocket frames` {
    @Test(arguments: WebSocketCase.vectors)
    func `are read the same however they are split`(_ example: WebSocketCase) {
        expectTheSameInPieces(example)
    }

    @Test(arguments: WebSocketCase.rejections)
    func `that break the protocol are refused`(_ example: WebSocketCase) {
        expectTheSameInPieces(example)
        guard case .failed(let failure)? = example.events.last else {
            Issue.record("no failure")
            return
        }
        #expect(failure.description.contains("RFC 6455 §"))
        // Whatever follows, or stands before it.
        guard example.role == .server else { return }
        let glued = WebSocketCase(
            example.description, webSocketFrame(2, [1, 2, 3]) + example.bytes + webSocketFrame(2, [4]),
            [.binary([1, 2, 3])] + example.events)
        #expect(glued.read(from: []) == glued.events)
    }

    private func expectTheSameInPieces(_ example: WebSocketCase) {
        #expect(example.read(from: []) == example.events)
        #expect(example.read(from: example.bytes.indices) == example.events)
        for start in example.bytes.indices {
            #expect(example.read(from: [start]) == example.events, "split at \(start)")
        }
    }

    @Test func `stand one behind another`() {
        let examples = WebSocketCase.vectors.filter { example in
            example.role == .server && !example.events.isEmpty && !example.events.contains(where: \.isLast)
        }
        let all = examples + examples.reversed()
        let glued = WebSocketCase("all", all.flatMap(\.bytes), all.flatMap(\.events))
        #expect(glued.events.count >= 6)
        expectTheSameInPieces(glued)
    }

    @Test(arguments: [WebSocketRole.server, .client])
    func `of every length are read`(_ role: WebSocketRole) {
        let mask: [UInt8]? = role == .server ? [0xC1, 0x02, 0xB3, 0x84] : nil
        for length in Array(0...300) + [65535, 65536, 65537] {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let text = (0..<length).map { UInt8($0 % 100 + 20) }
            let bytes = webSocketFrame(2, payload, mask: mask) + webSocketFrame(1, text, mask: mask)
            var whole = WebSocketReader(role)
            whole.feed(bytes)
            #expect(whole.events == [.binary(payload), .text(text)], "\(length) bytes")
            var halves = WebSocketReader(role)
            halves.feed(bytes.prefix(length / 2 + 7))
            halves.feed(bytes.dropFirst(length / 2 + 7))
            #expect(halves.events == whole.events, "\(length) bytes in halves")
        }
    }

    @Test func `leave their bytes where they are when they are whole`() {
        var bytes = webSocketFrame(1, Array("Hello".utf8)) + webSocketFrame(2, [UInt8](repeating: 1, count: 500))
        var decoder = WebSocketDecoder(role: .server, maxMessageBytes: 1000)
        bytes.withUnsafeMutableBufferPointer { memory in
            guard let start = memory.baseAddress else { return }
            var offset = 0
            for expected in [6, 11 + 8] {
                guard case .message(_, let payload) = decoder.next(start, memory.count, at: &offset) else {
                    Issue.record("no message")
                    return
                }
                #expect(payload.baseAddress == UnsafeMutableRawPointer(start + expected))
            }
            #expect(offset == memory.count)
        }
    }

    @Test func `take little memory when none is under way`() {
        #expect(MemoryLayout<WebSocketDecoder>.size <= 64)
    }

    @Test func `are read but for a head or a control frame that is not whole`() {
        var reader = WebSocketReader()
        reader.feed(webSocketFrame(2, [UInt8](repeating: 9, count: 800)).prefix(300))
        #expect(reader.left.isEmpty)
        #expect(reader.decoder.isWithinMessage)
        var control = WebSocketReader()
        let ping = webSocketFrame(9, [UInt8](repeating: 9, count: 125))
        control.feed(ping.dropLast())
        #expect(control.left == ping.dropLast())
        #expect(!control.decoder.isWithinMessage)
    }

    @Test func `count against a limit that may change`() {
        let fragment = webSocketFrame(2, [UInt8](repeating: 1, count: 60), isFinal: false)
        let last = webSocketFrame(0, [UInt8](repeating: 1, count: 40))
        var exact = WebSocketReader(maxMessageBytes: 100)
        exact.feed(fragment + last + fragment + last)
        #expect(exact.events.count == 2 && !exact.events.contains(where: \.isLast))
        var raised = WebSocketReader(maxMessageBytes: 50)
        raised.decoder.maxMessageBytes = 100
        raised.feed(fragment + last)
        #expect(raised.events.count == 1)
        // Known from the head alone, of a small frame as well.
        var lowered = WebSocketReader(maxMessageBytes: 100)
        lowered.decoder.maxMessageBytes = 59
        lowered.feed(fragment.prefix(6))
        #expect(lowered.events == [.failed(.tooLarge)])
        var small = WebSocketReader(maxMessageBytes: 4)
        small.feed(webSocketFrame(2, [1, 2, 3, 4]) + webSocketFrame(2, [1, 2, 3, 4, 5]))
        #expect(small.events == [.binary([1, 2, 3, 4]), .failed(.tooLarge)])
    }

    @Test func `that failed once fail for ever`() {
        var decoder = WebSocketDecoder(role: .server, maxMessageBytes: 10)
        var bytes = webSocketFrame(1, [0xFF]) + webSocketFrame(1, [0x61])
        bytes.withUnsafeMutableBufferPointer { memory in
            guard let start = memory.baseAddress else { return }
            var offset = 0
            for _ in 0..<2 {
                guard case .failed(.invalidText) = decoder.next(start, memory.count, at: &offset) else {
                    Issue.record("it goes on")
                    return
                }
            }
        }
    }

    @Test(arguments: 0..<40)
    func `make the messages that were cut at random`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let mask = (0..<4).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let isServer = seed % 2 == 0
        var bytes: [UInt8] = []
        var events: [WebSocketEvent] = []
        func frame(_ opcode: UInt8, _ payload: some Sequence<UInt8>, _ isFinal: Bool = true) {
            bytes += webSocketFrame(opcode, Array(payload), isFinal: isFinal, mask: isServer ? mask : nil)
        }
        for _ in 0..<6 {
            let isText = Bool.random(using: &generator)
            let length = Int.random(in: 0...400, using: &generator)
            let text = String(
                (0..<length / 3).map { _ in ["a", "é", "€", "𝄞"].randomElement(using: &generator) ?? "a" })
            let message =
                isText ? Array(text.utf8) : (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var position = 0
            var opcode: UInt8 = isText ? 1 : 2
            while Int.random(in: 0..<4, using: &generator) > 0 {
                let end = Int.random(in: position...message.count, using: &generator)
                frame(opcode, message[position..<end], false)
                position = end
                opcode = 0
                if Bool.random(using: &generator) {
                    let payload = message.prefix(Int.random(in: 0...125, using: &generator))
                    frame(9, payload)
                    events.append(.ping(Array(payload)))
                }
            }
            frame(opcode, message[position...])
            events.append(isText ? .text(message) : .binary(message))
        }
        let example = WebSocketCase("random", bytes, events, role: isServer ? .server : .client)
        #expect(example.read(from: []) == events)
        #expect(example.read(from: bytes.indices) == events)
        let starts = bytes.indices.filter { _ in Int.random(in: 0..<30, using: &generator) == 0 }
        #expect(example.read(from: starts) == events)
    }
}
