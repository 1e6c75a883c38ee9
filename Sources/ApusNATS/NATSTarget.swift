import Apus
import ApusProtocols

/// What the address of a server says: `nats://[user:password@]host[:port]` or `nats://token@host[:port]`, `tls://` for
/// TLS whatever the server wants, or just `host:port`.
nonisolated struct NATSTarget: Sendable, Hashable {
    /// `host:port`, as connections take it.
    let address: String
    let isSecured: Bool
    var user: String?
    var password: String?
    var token: String?

    private static let defaultPort = 4222

    init(_ text: String) throws(NATSError) {
        var rest = Substring(text)
        var scheme = "nats"
        if let end = rest.firstRange(of: "://") {
            scheme = rest[..<end.lowerBound].lowercased()
            rest = rest[end.upperBound...]
        }
        guard scheme == "nats" || scheme == "tls" else {
            throw .invalidAddress(URLAuthority.withoutLogin(text), reason: "expected nats:// or tls://")
        }
        isSecured = scheme == "tls"
        if rest.last == "/" { rest = rest.dropLast() }
        if let at = rest.lastIndex(ofASCII: "@") {
            let words = rest[..<at].split(atASCII: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if words.count == 2 {
                user = PercentCoding.decoded(words[0])
                password = PercentCoding.decoded(words[1])
            } else {
                token = PercentCoding.decoded(rest[..<at])
            }
            rest = rest.behind(at)
        }
        guard !rest.isEmpty, !rest.contains("/") else {
            throw .invalidAddress(URLAuthority.withoutLogin(text), reason: "expected host:port")
        }
        // An IPv6 address is in brackets, and has colons of its own.
        let hasPort = rest[(rest.lastIndex(ofASCII: "]") ?? rest.startIndex)...].contains(":")
        address = hasPort ? String(rest) : "\(rest):\(Self.defaultPort)"
    }
}
