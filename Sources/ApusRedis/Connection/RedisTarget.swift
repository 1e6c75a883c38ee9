import ApusProtocols

/// What the address of a Redis server says: `redis://[[user]:password@]host[:port][/database]`, `rediss://` for TLS,
/// `unix:/path`, or just `host:port`.
nonisolated struct RedisTarget: Sendable, Hashable {
    /// As connections take it: `host:port` or `unix:/path`.
    var address: String
    var isSecured = false
    var username: String?
    var password: String?
    var database: Int?

    private static let defaultPort = 6379

    init(_ text: String) throws(RedisError) {
        var rest = Substring(text)
        if text.hasPrefix("unix:") {
            address = "unix:/" + rest.dropFirst(5).drop { $0 == "/" }
            return
        }
        if let end = rest.firstRange(of: "://") {
            switch rest[..<end.lowerBound].lowercased() {
            case "redis": break
            case "rediss": isSecured = true
            default:
                throw .invalidAddress(URLAuthority.withoutLogin(text), reason: "expected redis://, rediss:// or unix:")
            }
            rest = rest[end.upperBound...]
        }
        address = ""
        if let at = rest.lastIndex(ofASCII: "@") {
            setLogin(rest[..<at])
            rest = rest.behind(at)
        }
        if let slash = rest.firstIndex(ofASCII: "/") {
            let digits = rest.behind(slash)
            rest = rest[..<slash]
            if !digits.isEmpty {
                guard let number = Int(digits), number >= 0 else {
                    throw .invalidAddress(URLAuthority.withoutLogin(text), reason: "the database is a number")
                }
                database = number
            }
        }
        guard !rest.isEmpty else { throw .invalidAddress(URLAuthority.withoutLogin(text), reason: "expected a host") }
        // An IPv6 address is in brackets, and has colons of its own.
        let hasPort = rest[(rest.lastIndex(ofASCII: "]") ?? rest.startIndex)...].contains(":")
        address = hasPort ? String(rest) : "\(rest):\(Self.defaultPort)"
    }

    private mutating func setLogin(_ text: Substring) {
        guard let colon = text.firstIndex(ofASCII: ":") else {
            username = PercentCoding.decoded(text)
            return
        }
        let user = text[..<colon]
        username = user.isEmpty ? nil : PercentCoding.decoded(user)
        password = PercentCoding.decoded(text.behind(colon))
    }

    /// What a new connection says before anything else. A server that answers each of them is ready.
    func greeting(speaksRESP3: Bool) -> [[String]] {
        var commands: [[String]] = []
        let login = password.map { speaksRESP3 ? [username ?? "default", $0] : (username.map { [$0] } ?? []) + [$0] }
        if speaksRESP3 {
            commands.append(["HELLO", "3"] + (login.map { ["AUTH"] + $0 } ?? []))
        } else if let login {
            commands.append(["AUTH"] + login)
        }
        if let database, database != 0 { commands.append(["SELECT", "\(database)"]) }
        return commands.isEmpty ? [["PING"]] : commands
    }
}
