/// An address of a WebSocket: `ws://host[:port][/path][?query]`, or `wss://` for TLS (RFC 6455 §3).
public struct WebSocketURL: Sendable, Hashable, CustomStringConvertible {
    /// `wss://`: the connection uses TLS.
    public let isSecured: Bool
    /// The host, an IPv6 address without its brackets.
    public let host: String
    /// The port; 80 or 443 unless the address names one.
    public let port: UInt16
    /// Path and query as they go into the request line: RFC 6455 calls it the resource name. Never empty.
    public let target: String

    /// Reads an address; throws what is wrong with it.
    public init(_ text: String) throws(WebSocketHandshakeError) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .invalidURL(text, reason: "it has a blank, a control or a non-ASCII character; percent-encode it")
        }
        // RFC 6455 §3: fragments mean nothing here, and `#` in a path is written %23.
        guard !text.contains("#") else { throw .invalidURL(text, reason: "it has a fragment") }
        let rest: Substring
        (isSecured, rest) = try Self.afterScheme(text)
        let authority = rest.prefix(beforeASCII: "/?")
        let path = rest.dropFirst(authority.count)
        target = path.hasPrefix("/") ? String(path) : "/\(path)"
        do throws(URLFault) {
            let parsed = try URLAuthority(authority)
            guard parsed.userInfo == nil else { throw URLFault(reason: "it has a user name") }
            host = parsed.host
            port = parsed.port ?? (isSecured ? 443 : 80)
        } catch {
            throw .invalidURL(text, reason: error.reason)
        }
    }

    /// Host and port as the `Host` field has them: the port only where it is not that of the scheme
    /// (RFC 9110 §7.2).
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecured ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The address, in its normal form.
    public var description: String { "\(isSecured ? "wss" : "ws")://\(authority)\(target)" }

    private static func afterScheme(
        _ text: String
    ) throws(WebSocketHandshakeError) -> (isSecured: Bool, rest: Substring) {
        let scheme = text.prefix(beforeASCII: ":")
        let rest = text.dropFirst(scheme.count)
        guard rest.hasPrefix("://"), ["ws", "wss"].contains(scheme.lowercased()) else {
            throw .invalidURL(text, reason: "it does not begin with ws:// or wss://")
        }
        return (scheme.count == 3, rest.dropFirst(3))
    }
}
