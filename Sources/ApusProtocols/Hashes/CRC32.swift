import CZlib

/// The check sum of zlib and of Ethernet (RFC 1952 §8).
package enum CRC32 {
    /// The sum over the UTF-8 of a text.
    package static func sum(of text: String) -> UInt32 {
        var text = text
        return text.withUTF8 { sum(of: UnsafeRawBufferPointer($0)) }
    }

    /// The sum over bytes, of which there are fewer than 4 GiB.
    package static func sum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(
            truncatingIfNeeded: crc32(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(bytes.count)))
    }
}
