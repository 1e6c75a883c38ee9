/// A header value with parameters, such as `form-data; name="a"; filename="b"` (RFC 9110 §5.6.6), cut into its parts.
///
/// Parameters may come in any order. An unquoted value reaches up to the next `;`, since senders leave the quotation
/// marks out where they should not.
package struct FieldParameters {
    /// One parameter, as positions in the value.
    package struct Parameter {
        package let name: Range<Int>
        /// Without its quotation marks.
        package let value: Range<Int>
        /// The value was between quotation marks: it may hold escapes.
        package let isQuoted: Bool
    }

    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    /// What stands before the first `;`.
    package let value: Range<Int>
    /// What follows cannot be read: a parameter without a name or `=`, or quotation marks that do not end, or stand
    /// within a value.
    package private(set) var isMalformed = false

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        position = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
        value = trimmed(0..<position, in: bytes)
    }

    /// The next parameter; nil at the end, and from the first one on that is malformed.
    package mutating func next() -> Parameter? {
        while position < bytes.count, !isMalformed {
            // At a `;`: empty parameters are allowed.
            position &+= 1
            skipBlanks()
            guard position < bytes.count, bytes[position] != UInt8(ascii: ";") else { continue }
            guard let name = readName() else { break }
            if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                guard let value = readQuoted() else { break }
                return Parameter(name: name, value: value, isQuoted: true)
            }
            guard let value = readUnquoted() else { break }
            return Parameter(name: name, value: value, isQuoted: false)
        }
        return nil
    }

    /// Whether the name of the parameter is `text`, which is in lower case, in any case.
    package func isNamed(_ parameter: Parameter, _ text: StaticString) -> Bool {
        let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self) + parameter.name.lowerBound
        return matchesIgnoringCase(start, count: parameter.name.count, text)
    }

    private mutating func skipBlanks() {
        while position < bytes.count, isBlank(bytes[position]) { position &+= 1 }
    }

    private mutating func readName() -> Range<Int>? {
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "="), bytes[position] != UInt8(ascii: ";") {
            position &+= 1
        }
        let name = trimmed(start..<position, in: bytes)
        guard position < bytes.count, bytes[position] == UInt8(ascii: "="), !name.isEmpty else { return fail() }
        position &+= 1
        skipBlanks()
        return name
    }

    /// Quotation marks within would let readers end it in different places.
    private mutating func readUnquoted() -> Range<Int>? {
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: ";") {
            guard bytes[position] != UInt8(ascii: "\"") else { return fail() }
            position &+= 1
        }
        return trimmed(start..<position, in: bytes)
    }

    private mutating func readQuoted() -> Range<Int>? {
        let start = position &+ 1
        position = start
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position &+= Self.isEscape(bytes, position, bytes.count) ? 2 : 1
        }
        guard position < bytes.count else { return fail() }
        let value = start..<position
        position &+= 1
        skipBlanks()
        guard position == bytes.count || bytes[position] == UInt8(ascii: ";") else { return fail() }
        return value
    }

    private mutating func fail() -> Range<Int>? {
        isMalformed = true
        return nil
    }

    /// A backslash before a quotation mark or a backslash. Before anything else it is itself: some browsers sent whole
    /// paths, `C:\photos\cat.jpg`.
    static func isEscape(_ bytes: UnsafeRawBufferPointer, _ position: Int, _ end: Int) -> Bool {
        guard bytes[position] == UInt8(ascii: "\\"), position &+ 1 < end else { return false }
        return bytes[position &+ 1] == UInt8(ascii: "\"") || bytes[position &+ 1] == UInt8(ascii: "\\")
    }
}
