import CApus

/// Where name and value of a form's field stand, in bytes from the start of the form; not decoded.
package struct URLEncodedField: Equatable {
    package let name: Range<Int>
    /// Empty at the name's end for a field without `=`.
    package let value: Range<Int>
}

/// Cuts `application/x-www-form-urlencoded` into its fields (WHATWG URL §5.1): a query, or the body of a form.
package struct URLEncodedScanner: IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    /// Where the next field is looked for.
    package private(set) var position: Int

    package init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// The next field; empty ones, between `&` and `&`, are none.
    package mutating func next() -> URLEncodedField? {
        while position < bytes.count {
            let start = position
            let end = find(UInt8(ascii: "&"), start, bytes.count)
            position = end &+ 1
            guard end > start else { continue }
            let mark = find(UInt8(ascii: "="), start, end)
            return URLEncodedField(name: start..<mark, value: min(mark &+ 1, end)..<end)
        }
        return nil
    }

    /// How many fields there are; counting stops behind `most`.
    package static func count(_ bytes: UnsafeRawBufferPointer, upTo most: Int) -> Int {
        var scanner = URLEncodedScanner(bytes)
        var count = 0
        while count <= most, scanner.next() != nil { count &+= 1 }
        return count
    }

    private func find(_ byte: UInt8, _ start: Int, _ end: Int) -> Int {
        let first = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        return capus_find(first + start, first + end, byte).map { $0 - first } ?? end
    }
}
