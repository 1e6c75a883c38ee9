import CZlib

/// The check sum of zlib and of Ethernet (RFC 1952 §8).
package enum CRC32 {
    /// The sum over the UTF-8 of a text.
    package static func sum(of text: String) -> UInt32 {
        var text = text
        return text.withUTF8 { UInt32(truncatingIfNeeded: crc32(0, $0.baseAddress, UInt32($0.count))) }
    }
}
