/// Names of what messages are about: words with dots between them.
package enum NATSSubject {
    /// Whether messages can be published there: no blanks, no empty words, no wildcards.
    package static func isValid(_ subject: String) -> Bool { isValid(subject, wildcards: false) }

    /// Whether it can be subscribed to: `*` stands for any word, `>` for all that follow.
    package static func isValidPattern(_ subject: String) -> Bool { isValid(subject, wildcards: true) }

    private static func isValid(_ subject: String, wildcards: Bool) -> Bool {
        // A loop over the bytes: each message passes here.
        let dot = UInt8(ascii: ".")
        var before = dot
        var isStar = false
        var isRest = false
        var length = 0
        for byte in subject.utf8 {
            if isRest { return false }
            switch byte {
            case dot:
                if before == dot { return false }
                isStar = false
                length = 0
            case 0...0x20, 0x7F: return false
            case UInt8(ascii: "*"), UInt8(ascii: ">"):
                guard wildcards, before == dot else { return false }
                isStar = true
                isRest = byte == UInt8(ascii: ">")
                length = 1
            default:
                if isStar { return false }
                length += 1
            }
            before = byte
        }
        return length > 0
    }

    /// Any text as words of a subject, and different ones for different texts: letters, digits, `-`, `_`, `/` and dots
    /// between words stay, other bytes become `=` and two digits.
    package static func encoded(_ text: String) -> String {
        let bytes = Array(text.utf8)
        if bytes.isEmpty { return "=" }
        var encoded: [UInt8] = []
        let dot = UInt8(ascii: ".")
        for (index, byte) in bytes.enumerated() {
            let isBetween = byte == dot && index > 0 && index < bytes.count - 1 && bytes[index - 1] != dot
            if isPlain(byte) || isBetween {
                encoded.append(byte)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                encoded += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
