/// The field lines of a message head that was read, found by name without making a `String`.
///
/// It is a view: the bytes and the positions outlive it.
package struct HTTPFieldLines {
    private let bytes: UnsafePointer<UInt8>
    private let fields: UnsafeBufferPointer<HTTPFieldRange>

    /// `fields` are positions in the bytes that start at `bytes`.
    package init(bytes: UnsafePointer<UInt8>, fields: UnsafeBufferPointer<HTTPFieldRange>) {
        self.bytes = bytes
        self.fields = fields
    }

    /// The values of the lines whose name is `name`, which is in lower case, in the order they were sent.
    package func values(_ name: StaticString) -> Values { Values(lines: self, name: name) }

    /// Whether a line of this name has `member`, which is in lower case, in its list (RFC 9110 §5.6.1), in any case.
    package func list(_ name: StaticString, contains member: StaticString) -> Bool {
        for value in values(name) {
            for found in HTTPListMembers(value) where found.matches(member) { return true }
        }
        return false
    }

    /// Values of lines with the same name.
    package struct Values: Sequence, IteratorProtocol {
        fileprivate let lines: HTTPFieldLines
        fileprivate let name: StaticString
        private var index = 0

        fileprivate init(lines: HTTPFieldLines, name: StaticString) {
            self.lines = lines
            self.name = name
        }

        package mutating func next() -> UnsafeRawBufferPointer? {
            while index < lines.fields.count {
                let field = lines.fields[index]
                index &+= 1
                let start = lines.bytes + Int(field.nameStart)
                guard matchesIgnoringCase(start, count: Int(field.nameCount), name) else { continue }
                return UnsafeRawBufferPointer(start: lines.bytes + Int(field.valueStart), count: Int(field.valueCount))
            }
            return nil
        }
    }
}

/// The members of a list whose members hold no comma, without blanks around them. Empty ones are left out
/// (RFC 9110 §5.6.1.2).
package struct HTTPListMembers: Sequence, IteratorProtocol {
    private let value: UnsafeRawBufferPointer
    private var position = 0

    package init(_ value: UnsafeRawBufferPointer) { self.value = value }

    package mutating func next() -> UnsafeRawBufferPointer? {
        while position < value.count {
            let start = position
            while position < value.count, value[position] != UInt8(ascii: ",") { position &+= 1 }
            let member = trimmed(start..<position, in: value)
            position &+= 1
            if !member.isEmpty { return UnsafeRawBufferPointer(rebasing: value[member]) }
        }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes are `text`, which is in lower case, in any case.
    func matches(_ text: StaticString) -> Bool {
        guard let baseAddress else { return text.utf8CodeUnitCount == 0 }
        return matchesIgnoringCase(baseAddress.assumingMemoryBound(to: UInt8.self), count: count, text)
    }
}
