import CZlib

/// Compresses messages (RFC 7692 §7.2.1).
package final class WebSocketDeflater {
    // zlib remembers the address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let takesOver: Bool
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)

    /// `windowBits`: 9…15, as agreed on; zlib makes no raw stream of 8. `takesOver`: each message may refer to those
    /// before it, which means a deflater for each connection, of 256 KB with 15 bits. Otherwise (RFC 7692 §7.1.1)
    /// one serves all connections. `level`: 0…9, or -1 for what zlib thinks best.
    package init(windowBits: Int, takesOver: Bool, level: Int = -1) {
        precondition((9...15).contains(windowBits), "zlib compresses with windows of 9 to 15 bits")
        self.takesOver = takesOver
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Negative: no header.
        let result = deflateInit2_(
            stream, Int32(level), Z_DEFLATED, -Int32(windowBits), 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib cannot begin: \(result)")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        piece.deallocate()
    }

    /// Appends the payload of a compressed message.
    package func append(_ message: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        // RFC 7692 §7.2.3.6; zlib does not flush twice when nothing has come between.
        guard !message.isEmpty else { return bytes.append(0) }
        var rest = message[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = rest.dropFirst(part.count)
            run(part, rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH, &bytes)
        }
        // RFC 7692 §7.2.1: a flush ends with 00 00 FF FF, which the receiver knows.
        bytes.removeLast(4)
        if !takesOver { deflateReset(stream) }
    }

    /// Forgets what was compressed: what follows does not refer to it.
    package func reset() { deflateReset(stream) }

    private func run(_ input: UnsafeRawBufferPointer, _ flush: Int32, _ bytes: inout [UInt8]) {
        let start = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
        stream.pointee.avail_in = UInt32(input.count)
        repeat {
            stream.pointee.next_out = piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(piece.count)
            deflate(stream, flush)
            bytes.append(contentsOf: piece.prefix(piece.count - Int(stream.pointee.avail_out)))
        } while stream.pointee.avail_out == 0
    }
}
