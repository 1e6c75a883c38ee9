import Apus
import ApusProtocols

/// What the address of a server says: `mysql://[user[:password]@]host[:port][/database]`, `mysqls://` for TLS, or
/// `unix:/path`.
nonisolated struct MySQLTarget: Sendable, Hashable {
    enum Place: Sendable, Hashable {
        case host(String, port: UInt16)
        case unix(path: String)
    }

    var place = Place.unix(path: "")
    var isSecured = false
    var user: String?
    var password: String?
    var database: String?
    /// Options behind `?`.
    var charset: String?

    init(_ text: String) throws(MySQLError) {
        if text.hasPrefix("unix:") || text.hasPrefix("/") {
            let path = "/" + text.dropFirst(text.hasPrefix("/") ? 0 : 5).drop { $0 == "/" }
            guard (2...107).contains(path.utf8.count) else {
                throw .invalidAddress(Self.shown(text), reason: "the path of a Unix socket has 1 to 107 bytes")
            }
            place = .unix(path: path)
            return
        }
        var rest = Substring(text)
        if let end = rest.firstRange(of: "://") {
            switch rest[..<end.lowerBound].lowercased() {
            case "mysql", "mariadb": break
            case "mysqls", "mariadbs": isSecured = true
            default: throw .invalidAddress(Self.shown(text), reason: "expected mysql://, mysqls:// or unix:")
            }
            rest = rest[end.upperBound...]
        }
        if let at = rest.lastIndex(ofASCII: "@") {
            setLogin(rest[..<at])
            rest = rest.behind(at)
        }
        if let mark = rest.firstIndex(ofASCII: "?") {
            try setOptions(rest.behind(mark), in: text)
            rest = rest[..<mark]
        }
        if let slash = rest.firstIndex(ofASCII: "/") {
            let name = rest.behind(slash)
            if !name.isEmpty { database = Self.decoded(name) }
            rest = rest[..<slash]
        }
        place = try Self.host(rest, in: text)
    }

    private static func host(_ authority: Substring, in text: String) throws(MySQLError) -> Place {
        var name = authority
        var port: UInt16 = 3306
        let end = authority.lastIndex(ofASCII: "]") ?? authority.startIndex
        if let colon = authority[end...].lastIndex(ofASCII: ":") {
            guard let number = UInt16(authority.behind(colon)), number > 0 else {
                throw .invalidAddress(shown(text), reason: "expected a port of 1 to 65535")
            }
            port = number
            name = authority[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        // A comma would be a list of servers to libmariadb.
        guard (1...253).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2C }) else {
            throw .invalidAddress(shown(text), reason: "expected a host")
        }
        return .host(String(name), port: port)
    }

    private mutating func setLogin(_ text: Substring) {
        guard let colon = text.firstIndex(ofASCII: ":") else {
            user = Self.decoded(text)
            return
        }
        user = Self.decoded(text[..<colon])
        password = Self.decoded(text.behind(colon))
    }

    private mutating func setOptions(_ text: Substring, in address: String) throws(MySQLError) {
        for option in text.split(atASCII: "&") {
            let parts = option.split(atASCII: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch (parts[0], parts.count > 1 ? String(parts[1]) : "") {
            case ("charset", let name) where !name.isEmpty: charset = name
            case ("tls", "required"): isSecured = true
            case ("tls", "none"): isSecured = false
            default:
                let place = Self.shown(address)
                throw .invalidAddress(
                    "\(place.prefix(beforeASCII: "?"))?\(parts[0])=…",
                    reason: "expected charset=… or tls=required behind ?, not \(parts[0])")
            }
        }
    }

    private static func decoded(_ text: Substring) -> String {
        Array(text.utf8).withUnsafeBytes { PercentCoding.decode($0, plusIsBlank: false) }
    }

    /// Passwords stay out of logs.
    private static func shown(_ text: String) -> String {
        guard let at = text.lastIndex(ofASCII: "@") else { return text }
        let start = text.firstRange(of: "://")?.upperBound ?? text.startIndex
        guard start < at, let colon = text[start..<at].firstIndex(ofASCII: ":") else { return text }
        return text[...colon] + "…" + text[at...]
    }
}
