/// Where a server listens.
public enum Endpoint: Sendable, Hashable {
    case ipv4(port: UInt16)
    case ipv6(port: UInt16)
    case unix(path: String)

    /// Reads the address in a banner: `http://127.0.0.1:8080`, `text://[::1]:90`, `tcp://unix:/path`.
    public init?(banner text: Substring) {
        guard let mark = text.range(of: "://") else { return nil }
        let address = text[mark.upperBound...]
        if address.hasPrefix("unix:") {
            self = .unix(path: String(address.dropFirst(5)))
            return
        }
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            return nil
        }
        self = address.hasPrefix("[") ? .ipv6(port: port) : .ipv4(port: port)
    }
}

extension Substring {
    /// Where `part` stands first.
    fileprivate func range(of part: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}
