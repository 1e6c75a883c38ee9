import ApusProtocols
import TestSupport
import Testing

@Suite struct `WebSocket frames` {
    @Test(arguments: WebSocketCase.vectors)
    func `are read the same however they are split`(_ example: WebSocketCase) {
        #expect(example.read(from: []) == example.events)
        #expect(example.read(from: example.bytes.indices) == example.events)
        for start in example.bytes.indices {
            #expect(example.read(from: [start]) == example.events, "split at \(start)")
        }
    }

    @Test func `of 64 KiB have a long length`() {
        let payload = [UInt8](repeating: 0x61, count: 65536)
        var reader = WebSocketReader(.client)
        reader.feed(hex("82 7F 00 00 00 00 00 01 00 00"))
        reader.feed(payload)
        #expect(reader.events == [.binary(payload)])
    }

    @Test func `take little memory when none is under way`() {
        #expect(MemoryLayout<WebSocketDecoder>.size <= 64)
    }
}
