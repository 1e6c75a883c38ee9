import Apus
import CZlib

/// Makes gzip of bytes (RFC 1952).
@MainActor final class GzipEncoder {
    // zlib remembers the address.
    private let stream: UnsafeMutablePointer<z_stream>

    /// `windowBits` and `memoryLevel` as zlib has them: 256 KB with 15 and 8, 64 KB with 13 and 6.
    init(level: Int, windowBits: Int32, memoryLevel: Int32) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = deflateInit2_(
            stream, Int32(level), Z_DEFLATED, windowBits + 16, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib cannot begin: \(result)")
    }

    isolated deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// All of `bytes`, at most 2 GiB. Nothing of what came before is remembered.
    func encode(_ bytes: [UInt8]) -> [UInt8] {
        deflateReset(stream)
        return run(bytes, Z_FINISH)
    }

    private func run(_ bytes: [UInt8], _ flush: Int32) -> [UInt8] {
        var output: [UInt8] = []
        bytes.withUnsafeBufferPointer { input in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                // A flush takes a few bytes more than zlib says.
                let room = Int(deflateBound(stream, UInt(stream.pointee.avail_in))) + 16
                let piece = [UInt8](unsafeUninitializedCapacity: room) { memory, count in
                    stream.pointee.next_out = memory.baseAddress
                    stream.pointee.avail_out = UInt32(room)
                    deflate(stream, flush)
                    count = room - Int(stream.pointee.avail_out)
                }
                if output.isEmpty { output = piece } else { output += piece }
            } while stream.pointee.avail_out == 0
        }
        return output
    }
}

/// Each piece can be read as soon as it is there.
extension GzipEncoder: HTTPBodyFilter {
    func filter(_ bytes: [UInt8], isLast: Bool) -> [UInt8] {
        bytes.isEmpty && !isLast ? [] : run(bytes, isLast ? Z_FINISH : Z_SYNC_FLUSH)
    }
}
