/// Finds the members of JSON objects (RFC 8259) in place: what a value says is left to whoever wants it, so that values
/// are passed on as they came.
package struct JSONScanner {
    /// The bytes are no JSON.
    package struct Failure: Error, Equatable {
        /// Where.
        package let offset: Int
    }

    /// Values nest no deeper.
    package static let maxDepth = 256

    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private let end: Int

    private init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// Calls `body` with the name of each member of an object, and where its value stands. All of the bytes have to be
    /// that object.
    package static func members(
        of bytes: UnsafeRawBufferPointer, _ body: (String, Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        var scanner = JSONScanner(bytes, 0..<bytes.count)
        scanner.skipBlanks()
        try scanner.expect(UInt8(ascii: "{"))
        scanner.skipBlanks()
        if scanner.next != UInt8(ascii: "}") {
            while true {
                scanner.skipBlanks()
                let name = try scanner.string()
                scanner.skipBlanks()
                try scanner.expect(UInt8(ascii: ":"))
                try body(name, try scanner.value())
                scanner.skipBlanks()
                guard scanner.next == UInt8(ascii: ",") else { break }
                scanner.position += 1
            }
        }
        try scanner.expect(UInt8(ascii: "}"))
        try scanner.finish()
    }

    /// The strings of an array of strings.
    package static func strings(in bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(Failure) -> [String] {
        var scanner = JSONScanner(bytes, range)
        try scanner.expect(UInt8(ascii: "["))
        scanner.skipBlanks()
        var strings: [String] = []
        if scanner.next != UInt8(ascii: "]") {
            while true {
                scanner.skipBlanks()
                strings.append(try scanner.string())
                scanner.skipBlanks()
                guard scanner.next == UInt8(ascii: ",") else { break }
                scanner.position += 1
            }
        }
        try scanner.expect(UInt8(ascii: "]"))
        try scanner.finish()
        return strings
    }

    /// A string.
    package static func string(in bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(Failure) -> String {
        var scanner = JSONScanner(bytes, range)
        let string = try scanner.string()
        try scanner.finish()
        return string
    }

    /// Whether all of the bytes are one value.
    package static func check(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var scanner = JSONScanner(bytes, 0..<bytes.count)
        _ = try scanner.value()
        try scanner.finish()
    }

    // MARK: Parts

    private var next: UInt8? { position < end ? bytes[position] : nil }

    private var failure: Failure { Failure(offset: position) }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(Failure) {
        guard next == byte else { throw failure }
        position += 1
    }

    private mutating func finish() throws(Failure) {
        skipBlanks()
        guard position == end else { throw failure }
    }

    /// Goes over a value, and tells where it stood.
    private mutating func value() throws(Failure) -> Range<Int> {
        skipBlanks()
        let start = position
        // What is open, from the outermost: true for objects.
        var open: [Bool] = []
        while true {
            skipBlanks()
            switch next {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open.count < Self.maxDepth else { throw failure }
                open.append(next == UInt8(ascii: "{"))
                position += 1
                skipBlanks()
                let closing = open.last! ? UInt8(ascii: "}") : UInt8(ascii: "]")
                if next != closing {
                    if open.last! { try name() }
                    continue
                }
            case UInt8(ascii: "\""): try skipString()
            default: try scalar()
            }
            // A value has ended, and with it perhaps what it stands in.
            while let isObject = open.last {
                skipBlanks()
                if next == UInt8(ascii: ",") {
                    position += 1
                    if isObject { try name() }
                    break
                }
                // An empty one is closed here, too.
                try expect(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
                open.removeLast()
            }
            if open.isEmpty { return start..<position }
        }
    }

    private mutating func name() throws(Failure) {
        skipBlanks()
        try skipString()
        skipBlanks()
        try expect(UInt8(ascii: ":"))
    }

    private mutating func scalar() throws(Failure) {
        for (text, count) in [("true", 4), ("false", 5), ("null", 4)] as [(StaticString, Int)]
        where end - position >= count && next == text.utf8Start[0] {
            for index in 0..<count where bytes[position + index] != text.utf8Start[index] { throw failure }
            position += count
            return
        }
        try number()
    }

    /// RFC 8259 §6.
    private mutating func number() throws(Failure) {
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(Failure) {
        let start = position
        while let byte = next, byte &- 0x30 <= 9 { position += 1 }
        guard position > start else { throw failure }
    }

    /// Goes over a string, and tells whether it has escapes.
    @discardableResult
    private mutating func skipString() throws(Failure) -> Bool {
        try expect(UInt8(ascii: "\""))
        var hasEscapes = false
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: "\"") { return hasEscapes }
            guard byte >= 0x20 else { throw failure }
            guard byte == UInt8(ascii: "\\") else { continue }
            hasEscapes = true
            guard let escaped = next else { throw failure }
            position += 1
            if escaped == UInt8(ascii: "u") {
                for _ in 0..<4 {
                    guard let digit = next, isHexDigit(digit) else { throw failure }
                    position += 1
                }
            } else if !#""\/bfnrt"#.utf8.contains(escaped) {
                throw failure
            }
        }
        throw failure
    }

    private mutating func string() throws(Failure) -> String {
        let start = position
        let hasEscapes = try skipString()
        let content = UnsafeRawBufferPointer(rebasing: bytes[start + 1..<position - 1])
        return hasEscapes ? Self.unescaped(content) : String(decoding: content, as: UTF8.self)
    }

    /// Halves of surrogate pairs without the other half are replaced.
    private static func unescaped(_ content: UnsafeRawBufferPointer) -> String {
        var units: [UInt16] = []
        var text = ""
        var plain: [UInt8] = []
        func flush() {
            if !units.isEmpty { text += String(decoding: units, as: UTF16.self) }
            if !plain.isEmpty { text += String(decoding: plain, as: UTF8.self) }
            units = []
            plain = []
        }
        var index = 0
        while index < content.count {
            let byte = content[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                if !units.isEmpty { flush() }
                plain.append(byte)
                continue
            }
            let escaped = content[index]
            index += 1
            guard escaped == UInt8(ascii: "u") else {
                if !units.isEmpty { flush() }
                plain.append(control(escaped))
                continue
            }
            if !plain.isEmpty { flush() }
            units.append((0..<4).reduce(0) { $0 << 4 | UInt16(hexValue(content[index + $1])) })
            index += 4
        }
        flush()
        return text
    }

    private static func control(_ escaped: UInt8) -> UInt8 {
        switch escaped {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: escaped
        }
    }
}

/// Strings as JSON has them.
package enum JSONText {
    /// Appends a string with its quotes.
    package static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0..<0x20: bytes += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends an array of strings.
    package static func append(_ texts: [String], to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        for (index, text) in texts.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(text, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}
