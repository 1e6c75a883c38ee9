import CZlib

/// Undoes `Content-Encoding: gzip` and `deflate` (RFC 9110 §8.4.1), piece by piece.
package final class HTTPInflater {
    /// What was fed is not what the coding makes, or ends too early.
    package struct Failure: Error {}

    // zlib remembers the address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let isGzip: Bool
    private var isAtStart = true
    /// A member is complete, and nothing of another one was seen.
    private var hasEnded = false
    /// There may be more of what was fed than has been taken.
    package private(set) var hasMore = false

    /// Nil for a coding that is neither, in any case.
    package init?(coding: String) {
        switch coding.lowercased() {
        case "gzip", "x-gzip": isGzip = true
        case "deflate": isGzip = false
        default: return nil
        }
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        Self.begin(stream, windowBits: isGzip ? 15 + 16 : 15)
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    private static func begin(_ stream: UnsafeMutablePointer<z_stream>, windowBits: Int32) {
        let result = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib cannot begin: \(result)")
    }

    /// Inflates the next piece and hands what becomes of it to `take`, 64 KiB at a time, for as long as that says that
    /// it wants more. Returns how many bytes are done with: the others are to be given again, before any that follow.
    /// `hasMore` tells whether there is something to take even without any.
    package func inflate(
        _ bytes: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Int {
        guard bytes.count > 0 || hasMore else { return 0 }
        if isAtStart {
            isAtStart = false
            // RFC 9110 §8.4.1.2: it means a zlib stream, and some servers send a bare one all the same.
            if !isGzip, !Self.isZlibHeader(bytes) {
                inflateEnd(stream)
                Self.begin(stream, windowBits: -15)
            }
        }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        return try withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { output in
            var wantsMore: Bool
            repeat {
                if hasEnded {
                    // RFC 1952 §2.2: a file may have several members.
                    guard isGzip else { throw Failure() }
                    inflateReset(stream)
                    hasEnded = false
                }
                stream.pointee.next_out = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(output.count)
                let result = CZlib.inflate(stream, Z_NO_FLUSH)
                guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw Failure() }
                hasEnded = result == Z_STREAM_END
                let count = output.count - Int(stream.pointee.avail_out)
                hasMore = stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0 && !hasEnded
                wantsMore = try count == 0 || take(UnsafeRawBufferPointer(rebasing: output[..<count]))
            } while hasMore && wantsMore
            return bytes.count - Int(stream.pointee.avail_in)
        }
    }

    /// Nothing more comes: throws when something is missing. A body of no bytes is complete.
    package func finish() throws {
        guard hasEnded || isAtStart else { throw Failure() }
    }

    /// RFC 1950 §2.2. A first byte alone may be either; that it is more likely a header has to do.
    private static func isZlibHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes[0] & 0x0F == 8, bytes[0] >> 4 <= 7 else { return false }
        return bytes.count == 1 || (UInt(bytes[0]) << 8 | UInt(bytes[1])) % 31 == 0
    }
}
