/// Names of fields and files as they stand in `Content-Disposition`.
package enum FormName {
    /// Decodes the value of `name` or `filename`.
    ///
    /// Between quotation marks browsers write `"`, CR and LF as `%22`, `%0D` and `%0A` and nothing else so (WHATWG
    /// HTML §4.10.22.8); other clients put a backslash before `"` and `\`.
    package static func decode(_ bytes: UnsafeRawBufferPointer, _ isQuoted: Bool) -> String {
        guard isQuoted, bytes.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "%") }) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            if let byte = percentDecoded(bytes, position) {
                decoded.append(byte)
                position += 3
                continue
            }
            if FieldParameters.isEscape(bytes, position, bytes.count) { position += 1 }
            decoded.append(bytes[position])
            position += 1
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func percentDecoded(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> UInt8? {
        guard bytes[position] == UInt8(ascii: "%"), bytes.count - position >= 3, isHexDigit(bytes[position + 1]),
            isHexDigit(bytes[position + 2])
        else { return nil }
        let byte = hexValue(bytes[position + 1]) << 4 | hexValue(bytes[position + 2])
        return byte == 0x22 || byte == 0x0D || byte == 0x0A ? byte : nil
    }

    /// Decodes `UTF-8'en'%e2%82%ac%20rates` (RFC 8187 §3.2.1); nil for another charset or what is not of that form.
    package static func decodeExtended(_ bytes: UnsafeRawBufferPointer) -> String? {
        let pieces = bytes.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard pieces.count == 3 else { return nil }
        var decoded: [UInt8] = []
        var coded = PercentDecodedBytes(UnsafeRawBufferPointer(rebasing: pieces[2]), plusIsBlank: false)
        while let byte = coded.next() { decoded.append(byte) }
        switch String(decoding: pieces[0], as: UTF8.self).lowercased() {
        case "utf-8": return String(validating: decoded, as: UTF8.self)
        case "iso-8859-1": return String(String.UnicodeScalarView(decoded.map { Unicode.Scalar($0) }))
        default: return nil
        }
    }

    /// The last component of a file's name that a client sent, as it can stand in a folder: without `/` and `\` and
    /// what is before them, without characters that do not show or turn the direction of text, without blanks at its
    /// ends and dots at its beginning, and at most 200 bytes long, which leaves room for more. "" when nothing is left.
    package static func base(_ name: String) -> String {
        let last = name.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).last ?? []
        let base = last.split(separator: "\\", omittingEmptySubsequences: false).last ?? []
        var kept = base.filter(isVisible)[...]
        while let first = kept.first, first == "." || first.properties.isWhitespace { kept.removeFirst() }
        while let end = kept.last, end.properties.isWhitespace { kept.removeLast() }
        var count = 0
        let fitting = kept.prefix { scalar in
            count += UTF8.width(scalar)
            return count <= 200
        }
        return String(String.UnicodeScalarView(fitting))
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        // Joiners are parts of words and of emoji.
        case .format: scalar.value == 0x200C || scalar.value == 0x200D
        default: true
        }
    }
}
