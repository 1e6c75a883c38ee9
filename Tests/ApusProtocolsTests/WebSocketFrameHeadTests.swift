import ApusProtocols
import Testing

@Suite struct `Heads of WebSocket frames` {
    private func rendered(_ head: WebSocketFrameHead) -> [UInt8] {
        var bytes: [UInt8] = []
        head.append(to: &bytes)
        return bytes
    }

    @Test func `are written with the shortest length`() {
        #expect(rendered(WebSocketFrameHead(.text, length: 5)) == hex("81 05"))
        #expect(rendered(WebSocketFrameHead(.pong, length: 2)) == hex("8A 02"))
        #expect(rendered(WebSocketFrameHead(.binary, length: 125)) == hex("82 7D"))
        #expect(rendered(WebSocketFrameHead(.binary, length: 126)) == hex("82 7E 00 7E"))
        #expect(rendered(WebSocketFrameHead(.binary, length: 256)) == hex("82 7E 01 00"))
        #expect(rendered(WebSocketFrameHead(.binary, length: 65535)) == hex("82 7E FF FF"))
        #expect(rendered(WebSocketFrameHead(.binary, length: 65536)) == hex("82 7F 00 00 00 00 00 01 00 00"))
        #expect(rendered(WebSocketFrameHead(.text, length: 1, isFinal: false, isCompressed: true)) == hex("41 01"))
        #expect(rendered(WebSocketFrameHead(.continuation, length: 0)) == hex("80 00"))
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65535, 65536, 1 << 40, .max])
    func `are read as they were written`(_ length: Int) {
        for role in [WebSocketRole.server, .client] {
            for opcode in [WebSocketOpcode.continuation, .text, .binary] {
                var head = WebSocketFrameHead(opcode, length: length, isFinal: length % 2 == 0)
                head.mask = role == .server ? 0x1234_5678 : nil
                head.isCompressed = opcode == .text
                let bytes = rendered(head)
                #expect(bytes.count == head.byteCount && bytes.count <= WebSocketFrameHead.maxByteCount)
                #expect(WebSocketFrameHead.parse(bytes, bytes.count, as: role, allowsCompression: true) == .head(head))
                for count in bytes.indices {
                    let parsing = WebSocketFrameHead.parse(bytes, count, as: role, allowsCompression: true)
                    #expect(parsing == .needMore, "\(count) of \(bytes.count) bytes")
                }
            }
        }
    }

    @Test func `stand before the payload, which clients mask`() {
        for length in [0, 5, 125, 126, 70_000] {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 3) }
            let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
            var head = WebSocketFrameHead(.binary, length: length)
            var plain: [UInt8] = [1]
            payload.withUnsafeBytes { head.append($0, to: &plain) }
            #expect(plain == [1] + webSocketFrame(2, payload, mask: nil))
            head.mask = mask.withUnsafeBytes { $0.load(as: UInt32.self) }
            var masked: [UInt8] = [1]
            payload.withUnsafeBytes { head.append($0, to: &masked) }
            #expect(masked == [1] + webSocketFrame(2, payload, mask: mask))
        }
    }

    @Test func `of compressed messages begin them, where that was agreed on`() {
        for (first, expected) in [(0xC1, true), (0xC2, true), (0xC0, false), (0xC9, false), (0xE1, false)] {
            let bytes = [UInt8(first), 0]
            let isHead =
                if case .head = WebSocketFrameHead.parse(bytes, 2, as: .client, allowsCompression: true) {
                    true
                } else {
                    false
                }
            #expect(isHead == expected, "\(first)")
            let refused = WebSocketFrameHead.parse(bytes, 2, as: .client, allowsCompression: false)
            #expect(refused == .failed(.reservedBits))
        }
    }
}

@Suite struct `WebSocket close codes` {
    @Test func `are those that may be sent, or are refused`() {
        let allowed = [1000...1003, 1007...1014, 3000...4999] as [ClosedRange<UInt16>]
        for code in Array(0...1100) + [1999, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65535] as [UInt16] {
            let mayBeSent = allowed.contains { $0.contains(code) }
            #expect(WebSocketCloseCode(rawValue: code).mayBeSent == mayBeSent, "\(code)")
            var reader = WebSocketReader()
            reader.feed(webSocketFrame(8, [UInt8(code >> 8), UInt8(code & 0xFF), 0xC3, 0xA9]))
            #expect(reader.events == [mayBeSent ? .close(code, [0xC3, 0xA9]) : .failed(.invalidCloseCode)])
        }
    }

    @Test func `of failures may be sent`() {
        #expect(WebSocketFailure.tooLarge.closeCode.rawValue == 1009)
        #expect(WebSocketFailure.invalidText.closeCode.rawValue == 1007)
        #expect(WebSocketFailure.invalidReason.closeCode.rawValue == 1007)
        #expect(WebSocketFailure.invalidCompression.closeCode.rawValue == 1007)
        #expect(WebSocketFailure.notMasked.closeCode.rawValue == 1002)
    }
}
