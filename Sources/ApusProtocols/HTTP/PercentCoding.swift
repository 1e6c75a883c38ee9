/// Percent-encoded text (RFC 3986 §2.1), also as forms have it, where `+` is a blank (WHATWG URL §5.1).
///
/// Nothing is refused: a `%` without two hexadecimal digits behind it stands for itself, and what is no UTF-8 is
/// replaced (overlong forms are none).
package enum PercentCoding {
    /// The text that a part of an address stands for.
    package static func decoded(_ text: Substring) -> String {
        Array(text.utf8).withUnsafeBytes { decode($0, plusIsBlank: false) }
    }

    /// The text that the bytes stand for.
    package static func decode(_ bytes: UnsafeRawBufferPointer, plusIsBlank: Bool) -> String {
        let isPlain = !bytes.contains { $0 == UInt8(ascii: "%") || ($0 == UInt8(ascii: "+") && plusIsBlank) }
        if isPlain { return String(decoding: bytes, as: UTF8.self) }
        return String(unsafeUninitializedCapacity: bytes.count) { target in
            var decoded = PercentDecodedBytes(bytes, plusIsBlank: plusIsBlank)
            var count = 0
            while let byte = decoded.next() {
                target.initializeElement(at: count, to: byte)
                count &+= 1
            }
            return count
        }
    }

    /// The text with all bytes encoded but those that `isPlain` lets stand for themselves.
    package static func encode(_ text: String, but isPlain: (UInt8) -> Bool) -> String {
        encode(text.utf8, but: isPlain)
    }

    /// Bytes that need not be UTF-8, encoded in the same way.
    package static func encode(_ bytes: some Sequence<UInt8>, but isPlain: (UInt8) -> Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        let bytes = bytes.flatMap { byte in
            isPlain(byte) ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the bytes stand for exactly `text`, without making a `String` of them.
    package static func matches(_ bytes: UnsafeRawBufferPointer, _ text: String, plusIsBlank: Bool) -> Bool {
        var decoded = PercentDecodedBytes(bytes, plusIsBlank: plusIsBlank)
        for byte in text.utf8 where decoded.next() != byte { return false }
        return decoded.next() == nil
    }
}

/// The decoded bytes, one by one.
package struct PercentDecodedBytes: IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    private let plusIsBlank: Bool
    private var position = 0

    package init(_ bytes: UnsafeRawBufferPointer, plusIsBlank: Bool) {
        self.bytes = bytes
        self.plusIsBlank = plusIsBlank
    }

    package mutating func next() -> UInt8? {
        guard position < bytes.count else { return nil }
        let byte = bytes[position]
        position &+= 1
        if byte == UInt8(ascii: "+") { return plusIsBlank ? 0x20 : byte }
        guard byte == UInt8(ascii: "%"), bytes.count - position >= 2, isHexDigit(bytes[position]),
            isHexDigit(bytes[position &+ 1])
        else { return byte }
        let value = hexValue(bytes[position]) << 4 | hexValue(bytes[position &+ 1])
        position &+= 2
        return value
    }
}

/// The value of a hexadecimal digit.
@inline(__always)
func hexValue(_ digit: UInt8) -> UInt8 {
    digit <= 0x39 ? digit &- 0x30 : (digit | 0x20) &- 0x61 &+ 10
}
