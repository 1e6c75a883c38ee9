import ApusProtocols

/// What the address of a broker says: `stomp://[user[:password]@]host[:port]`, `stomps://` for TLS, `unix:/path`, or
/// just `host:port`.
nonisolated struct STOMPTarget: Sendable, Hashable {
    /// As connections take it: `host:port` or `unix:/path`.
    let address: String
    let isSecured: Bool
    var login: String?
    var passcode: String?

    init(_ text: String) throws(STOMPError) {
        if text.hasPrefix("unix:") {
            address = "unix:/" + text.dropFirst(5).drop { $0 == "/" }
            isSecured = false
            return
        }
        var rest = Substring(text)
        var scheme = "stomp"
        if let end = rest.firstRange(of: "://") {
            scheme = rest[..<end.lowerBound].lowercased()
            rest = rest[end.upperBound...]
        }
        guard scheme == "stomp" || scheme == "stomps" else {
            throw .invalidAddress(URLAuthority.withoutLogin(text), reason: "expected stomp://, stomps:// or unix:")
        }
        isSecured = scheme == "stomps"
        if rest.last == "/" { rest = rest.dropLast() }
        if let at = rest.lastIndex(ofASCII: "@") {
            let words = rest[..<at].split(atASCII: ":", maxSplits: 1, omittingEmptySubsequences: false)
            login = words.first.map(PercentCoding.decoded)
            passcode = words.count > 1 ? PercentCoding.decoded(words[1]) : nil
            rest = rest.behind(at)
        }
        guard !rest.isEmpty, !rest.contains("/") else {
            throw .invalidAddress(URLAuthority.withoutLogin(text), reason: "expected host:port")
        }
        // An IPv6 address is in brackets, and has colons of its own.
        let hasPort = rest[(rest.lastIndex(ofASCII: "]") ?? rest.startIndex)...].contains(":")
        address = hasPort ? String(rest) : "\(rest):\(isSecured ? 61614 : 61613)"
    }
}
