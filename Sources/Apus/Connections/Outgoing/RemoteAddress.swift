import ApusProtocols
import CApus

/// Where an outgoing connection leads to: `host:port`, `[v6]:port`, `unix:/path` or `/path`, with or without a scheme
/// in front, and a path behind for protocols that ask for one.
nonisolated struct RemoteAddress: Sendable, Hashable, CustomStringConvertible {
    enum Place: Sendable, Hashable {
        /// A name or a numeric address.
        case host(String, port: Int)
        case unix(path: String)
    }

    let place: Place
    /// What stood before `://`.
    let scheme: String?
    /// Path and query as they were given, "" when there were none.
    let uri: String
    /// TLS is spoken there.
    let isSecured: Bool

    /// A missing port is 443 where TLS is spoken, else 80.
    init(_ text: String, isSecured: Bool) throws(AddressError) {
        var rest = Substring(text)
        var scheme: String?
        if let end = rest.firstRange(of: "://"), rest[..<end.lowerBound].utf8.allSatisfy(Self.isOfScheme) {
            scheme = rest[..<end.lowerBound].lowercased()
            rest = rest[end.upperBound...]
        }
        if scheme == "unix" || rest.hasPrefix("/") || rest.hasPrefix("unix:") {
            if rest.hasPrefix("unix:") { rest = rest.dropFirst(5) }
            let path = "/" + rest.drop { $0 == "/" }
            guard (2...107).contains(path.utf8.count), !path.utf8.contains(0) else {
                throw AddressError(text: text, reason: "the path of a Unix socket has 1 to 107 bytes and no NUL")
            }
            (place, self.scheme, uri, self.isSecured) = (.unix(path: path), scheme, "", isSecured)
            return
        }
        self.scheme = scheme
        let end = rest.utf8.firstIndex { "/?".utf8.contains($0) } ?? rest.endIndex
        uri = String(rest[end...])
        let isSecured = isSecured || ["ssl", "tls", "wss"].contains(scheme)
        self.isSecured = isSecured
        place = try Self.host(rest[..<end], defaultPort: isSecured ? 443 : 80, in: text)
    }

    /// RFC 3986 §3.1. A path may have `://` in it.
    private static func isOfScheme(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 <= 9 || "+-.".utf8.contains(byte)
    }

    private static func host(
        _ authority: Substring, defaultPort: Int, in text: String
    ) throws(AddressError) -> Place {
        var name = authority
        var port = defaultPort
        let end = authority.lastIndex(ofASCII: "]") ?? authority.startIndex
        if let colon = authority[end...].lastIndex(ofASCII: ":") {
            let digits = authority.behind(colon)
            guard let number = Int(digits), (1...65535).contains(number), digits.allSatisfy(\.isNumber) else {
                throw AddressError(text: text, reason: "expected a port of 1 to 65535")
            }
            port = number
            name = authority[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") {
            name = name.dropFirst().dropLast()
            guard capus_address(numeric: String(name))?.family == 6 else {
                throw AddressError(text: text, reason: "\(name) is no IPv6 address")
            }
            return .host(String(name), port: port)
        }
        guard name.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw AddressError(text: text, reason: "\(name) is no name of a host: give its ASCII form (xn--…)")
        }
        guard (1...253).contains(name.utf8.count),
            name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !#":@[]"#.utf8.contains($0) })
        else { throw AddressError(text: text, reason: "expected host:port") }
        return .host(String(name), port: port)
    }

    /// The host by name or number; "" for a Unix socket.
    var hostName: String {
        if case .host(let name, _) = place { name } else { "" }
    }

    /// `host:port` (IPv6 in brackets), or `unix:/path`.
    var description: String {
        switch place {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
