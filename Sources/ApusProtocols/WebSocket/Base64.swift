/// The common alphabet of RFC 4648 §4, padded.
package enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    private static let padding = UInt8(ascii: "=")

    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var bits = UInt32(0)
            for i in 0..<3 { bits = bits << 8 | (i < count ? UInt32(bytes[start + i]) : 0) }
            for i in 0..<4 {
                let digit = Int(bits >> (18 - 6 * UInt32(i)) & 63)
                text.append(i <= count ? alphabet.utf8Start[digit] : padding)
            }
        }
        return text
    }

    /// How many bytes `text` stands for; nil when it is no base64. Bits that the last digit has too many of may be
    /// anything: RFC 4648 §3.5 leaves it open, and there are clients that draw their digits at random.
    package static func decodedCount(of text: UnsafeRawBufferPointer) -> Int? {
        guard text.count % 4 == 0 else { return nil }
        var digits = text.count
        while digits > 0, text.count - digits < 2, text[digits - 1] == padding { digits -= 1 }
        guard text[..<digits].allSatisfy(isDigit) else { return nil }
        return text.count / 4 * 3 - (text.count - digits)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: "/")
    }
}
