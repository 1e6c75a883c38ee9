import CApus

/// Where name and value of a cookie stand, in bytes from the start of the field.
package struct CookieRange: Equatable {
    package let name: Range<Int>
    package let value: Range<Int>

    package init(name: Range<Int>, value: Range<Int>) {
        self.name = name
        self.value = value
    }
}

/// Cuts a `Cookie` field into its cookies (RFC 6265 §4.2.1), leniently: what has no `=` or no name is passed over.
///
/// Every `;` ends a cookie, also between quotation marks (RFC 6265 §4.1.1 has none in values): one server that reads
/// on there is what lets a value smuggle a second cookie in. Quotation marks belong to the value.
package struct CookieScanner: IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    /// Where the next cookie is looked for.
    package private(set) var position: Int

    package init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    package mutating func next() -> CookieRange? {
        while position < bytes.count {
            let start = position
            let first = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
            let end = capus_find(first + start, first + bytes.count, UInt8(ascii: ";")).map { $0 - first }
            let cookieEnd = end ?? bytes.count
            position = cookieEnd &+ 1
            guard let mark = capus_find(first + start, first + cookieEnd, UInt8(ascii: "=")) else { continue }
            let name = trimmed(start..<(mark - first), in: bytes)
            guard !name.isEmpty else { continue }
            return CookieRange(name: name, value: trimmed((mark - first + 1)..<cookieEnd, in: bytes))
        }
        return nil
    }
}

/// The range without blanks and tabs at its ends.
func trimmed(_ range: Range<Int>, in bytes: UnsafeRawBufferPointer) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isBlank(bytes[start]) { start &+= 1 }
    while end > start, isBlank(bytes[end &- 1]) { end &-= 1 }
    return start..<end
}

/// A blank or a tab.
@inline(__always)
func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
