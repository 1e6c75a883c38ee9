import CZlib

/// One zlib stream that inflates messages, in steps that the caller bounds.
package final class WebSocketInflater {
    // zlib remembers the address.
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether what was fed is nothing that a compressor makes.
    private(set) var isInvalid = false
    /// Whether all that was fed is used up, and no output is held back.
    private(set) var needsInput = true
    /// Whether a final block was the last thing that was fed.
    private(set) var hasEnded = false

    /// `windowBits`: 8…15, as agreed on.
    package init(windowBits: Int) {
        precondition((8...15).contains(windowBits), "a window has 8 to 15 bits")
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Compressors that are zlib make 9 of 8, which costs no more than 256 bytes here. Negative: no header.
        let result = inflateInit2_(
            stream, -Int32(max(windowBits, 9)), ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib cannot begin: \(result)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Forgets all messages before.
    func reset() {
        inflateReset(stream)
        isInvalid = false
        hasEnded = false
    }

    /// The next bytes, at most 4 GiB less one; they stay where they are until `needsInput`.
    func feed(_ input: UnsafePointer<UInt8>, _ count: Int) {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input)
        stream.pointee.avail_in = UInt32(count)
        needsInput = count == 0
    }

    /// Makes at most `room` bytes, and returns how many.
    func step(into output: UnsafeMutablePointer<UInt8>, _ room: Int) -> Int {
        if hasEnded {
            // RFC 7692 §7.2.3.4: blocks go on behind a final one, and may refer to what stands before it.
            inflateResetKeep(stream)
            hasEnded = false
        }
        let room = UInt32(clamping: room)
        stream.pointee.next_out = output
        stream.pointee.avail_out = room
        switch CZlib.inflate(stream, Z_SYNC_FLUSH) {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: hasEnded = true
        default: isInvalid = true
        }
        let left = stream.pointee.avail_out
        needsInput = stream.pointee.avail_in == 0 && (left > 0 || hasEnded)
        return Int(room - left)
    }

    /// Whether the last block has ended, with its last byte.
    var isBetweenBlocks: Bool { stream.pointee.data_type & 0xBF == 128 }
}
