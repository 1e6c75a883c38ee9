import CZlib

/// The other side of permessage-deflate (RFC 7692): one stream of messages.
public final class RawInflater {
    private let stream: UnsafeMutablePointer<z_stream>

    public init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// The text of a message's payload.
    public func inflate(_ payload: [UInt8]) throws -> String {
        var input = payload + [0x00, 0x00, 0xFF, 0xFF]
        var output = [UInt8](repeating: 0, count: 1 << 16)
        let count = try input.withUnsafeMutableBufferPointer { input in
            try output.withUnsafeMutableBufferPointer { output in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                let result = CZlib.inflate(stream, Z_SYNC_FLUSH)
                guard result == Z_OK, stream.pointee.avail_in == 0 else { throw Failure("zlib says \(result)") }
                return output.count - Int(stream.pointee.avail_out)
            }
        }
        return String(decoding: output[..<count], as: UTF8.self)
    }

    /// `count` zeros, compressed so that the same bytes may follow again and again.
    public static func zeros(_ count: Int) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        var input = [UInt8](repeating: 0, count: count)
        var output = [UInt8](repeating: 0, count: count / 100 + 1000)
        let left = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                deflate(&stream, Z_FULL_FLUSH)
                return Int(stream.avail_out)
            }
        }
        return Array(output[..<(output.count - left)])
    }
}
