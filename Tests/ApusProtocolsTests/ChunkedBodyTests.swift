import ApusProtocols
import Testing

@Suite struct `Chunked bodies` {
    @Test func `are decoded with each byte looked at once`() {
        let body = String(repeating: "3\r\nabc\r\n", count: 500) + "0\r\n\r\n"
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: body.utf8.count)
        defer { memory.deallocate() }
        memory.initialize(from: Array(body.utf8), count: body.utf8.count)
        var decoder = HTTPChunkedDecoder(bodyStart: 0, maxMessageBytes: 1 << 20)
        for count in 1..<body.utf8.count {
            #expect(decoder.decode(memory, count: count) == .incomplete)
            #expect(decoder.readOffset == count)
        }
        #expect(decoder.decode(memory, count: body.utf8.count) == .complete)
        #expect(decoder.bodyCount == 1500)
    }
}
