import ApusProtocols

/// The fields behind a chunked body (RFC 9112 §7.1.2), in the order they were sent.
///
/// They come from the client as the header does, but when the body has been read: nothing in them changes how the
/// message is framed or routed. Fields that would have to stand in the header, those of framing, routing, conditions,
/// authentication and of the content's type and coding, are not among them whatever was sent (RFC 9110 §6.5.1).
public nonisolated struct HTTPTrailers: Sequence {
    let owner: HTTPRequest

    /// The value of the field, without blanks before it; values of a repeated field are joined by ", ". Names are
    /// case-insensitive.
    public subscript(name: String) -> String? {
        let name = name.lowercased()
        let values = filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    public func makeIterator() -> Iterator { Iterator(owner: owner, position: owner.trailerRange.lowerBound) }

    /// Goes through the fields, in the order they were sent; names in lower case.
    public struct Iterator: IteratorProtocol {
        fileprivate let owner: HTTPRequest
        fileprivate var position: Int

        public mutating func next() -> (name: String, value: String)? {
            while let field = nextSent() {
                if TrailerField.isAllowed(field.name) { return field }
            }
            return nil
        }

        private mutating func nextSent() -> (name: String, value: String)? {
            let end = owner.trailerRange.upperBound
            guard position < end else { return nil }
            // The decoder has checked that each line is a name, a colon, a value and CRLF.
            let line = owner.slice(position..<end)
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let lineEnd = line.firstIndex(of: 0x0D) else {
                return nil
            }
            let value = line[(colon + 1)..<lineEnd].drop { $0 == 0x20 || $0 == 0x09 }
            position += lineEnd + 2
            return (
                String(decoding: line[..<colon], as: UTF8.self).lowercased(), String(decoding: value, as: UTF8.self)
            )
        }
    }
}
