import ApusProtocols

/// The cookies of a request (RFC 6265 §5.4), in the order they were sent.
///
/// Values are as they came, quotation marks and percent signs included; what is no cookie is passed over. They are what
/// the client says, and nothing more: sign those that must not be forged.
public nonisolated struct RequestCookies: Sequence {
    let owner: HTTPRequest

    /// The value of the cookie; nil when there is none. Names are case-sensitive. Of several the first counts: clients
    /// send the one with the longest path first.
    public subscript(name: String) -> String? {
        var cookies = Iterator(owner: owner)
        while let cookie = cookies.nextRange() {
            let bytes = owner.slice(cookie.name)
            if bytes.elementsEqual(name.utf8) { return owner.string(cookie.value) }
        }
        return nil
    }

    public func makeIterator() -> Iterator { Iterator(owner: owner) }

    /// Goes through the cookies, in the order they were sent.
    public struct Iterator: IteratorProtocol {
        fileprivate let owner: HTTPRequest
        private var field = 0
        private var position = 0

        fileprivate init(owner: HTTPRequest) { self.owner = owner }

        public mutating func next() -> (name: String, value: String)? {
            nextRange().map { (owner.string($0.name), owner.string($0.value)) }
        }

        fileprivate mutating func nextRange() -> CookieRange? {
            while field < owner.parser.head.fieldCount {
                let range = owner.parser.fields[field]
                let start = Int(range.valueStart)
                if owner.isField(field, "cookie") {
                    var scanner = CookieScanner(owner.slice(start..<(start + Int(range.valueCount))), from: position)
                    if let cookie = scanner.next() {
                        position = scanner.position
                        return CookieRange(name: cookie.name.moved(by: start), value: cookie.value.moved(by: start))
                    }
                }
                field += 1
                position = 0
            }
            return nil
        }
    }
}
