import CZlib

/// What can be read of gzip so far, and whether that is all there will be.
public func gunzip(_ bytes: [UInt8]) throws -> (bytes: [UInt8], isComplete: Bool) {
    var stream = z_stream()
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        throw Failure("zlib cannot begin")
    }
    defer { inflateEnd(&stream) }
    var input = bytes
    var output: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 64 * 1024)
    return try input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        while true {
            let (result, count) = block.withUnsafeMutableBufferPointer { block in
                stream.next_out = block.baseAddress
                stream.avail_out = UInt32(block.count)
                let result = inflate(&stream, Z_SYNC_FLUSH)
                return (result, block.count - Int(stream.avail_out))
            }
            output += block[..<count]
            switch result {
            case Z_STREAM_END:
                guard stream.avail_in == 0 else { throw Failure("\(stream.avail_in) bytes behind the end of gzip") }
                return (output, true)
            case Z_OK where count > 0: continue
            case Z_OK, Z_BUF_ERROR: return (output, false)
            default: throw Failure("no gzip: \(result)")
            }
        }
    }
}
