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
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        target = path.hasPrefix("/") ? String(path) : "/\(path)"
        guard !authority.contains("@") else { throw .invalidURL(text, reason: "it has a user name") }
        let digits: Substring
        (host, digits) = try Self.split(authority, of: text)
        guard !digits.isEmpty else {
            port = isSecured ? 443 : 80
            return
        }
        guard digits.utf8.allSatisfy({ $0 &- 0x30 <= 9 }), let number = UInt16(digits), number > 0 else {
            throw .invalidURL(text, reason: "the port is a number from 1 to 65535")
        }
        port = number
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
        let scheme = text.prefix { $0 != ":" }
        let rest = text.dropFirst(scheme.count)
        guard rest.hasPrefix("://"), ["ws", "wss"].contains(scheme.lowercased()) else {
            throw .invalidURL(text, reason: "it does not begin with ws:// or wss://")
        }
        return (scheme.count == 3, rest.dropFirst(3))
    }

    /// Host and digits of the port, which may be missing behind its colon (RFC 3986 §3.2.3).
    private static func split(
        _ authority: Substring, of text: String
    ) throws(WebSocketHandshakeError) -> (host: String, digits: Substring) {
        var host = authority
        var port: Substring = ""
        if authority.hasPrefix("[") {
            host = authority.dropFirst().prefix { $0 != "]" }
            port = authority.dropFirst(host.count + 2)
            guard authority.count >= host.count + 2, host.utf8.allSatisfy(isAddressByte),
                host.count(where: { $0 == ":" }) >= 2
            else { throw .invalidURL(text, reason: "between the brackets is no IPv6 address") }
        } else {
            host = authority.prefix { $0 != ":" }
            port = authority.dropFirst(host.count)
            guard !port.dropFirst().contains(":") else {
                throw .invalidURL(text, reason: "an IPv6 address goes in brackets, ws://[::1]:8080/")
            }
            guard (1...255).contains(host.utf8.count), host.utf8.allSatisfy(isNameByte) else {
                throw .invalidURL(text, reason: "a host has 1 to 255 letters, digits and -._~")
            }
        }
        guard port.isEmpty || port.hasPrefix(":") else { throw .invalidURL(text, reason: "what follows ] is no port") }
        return (String(host), port.dropFirst())
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        isHexDigit(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    /// RFC 3986 §2.3, unreserved.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
