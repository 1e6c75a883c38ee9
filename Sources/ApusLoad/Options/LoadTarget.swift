import ApusProtocols

/// The parts of a URL that a load needs.
public nonisolated struct LoadTarget: Sendable, Hashable, CustomStringConvertible {
    /// What is spoken.
    public let spoken: LoadProtocol
    /// Over TLS.
    public let isSecure: Bool
    /// The host without brackets.
    public let host: String
    /// The port; of HTTP and WebSocket 80, over TLS 443, unless the URL names one.
    public let port: UInt16
    /// Path and query as they go into the request line; never empty.
    public let path: String

    /// Reads `http://host[:port][/path][?query]`, or the same with `https://`, `ws://` or `wss://`; without a scheme it
    /// is `http://`. Or `text://host:port`, `frame://`, `tcp://` or `udp://host:port`. A fragment is dropped, as it
    /// never reaches a server.
    public init(_ url: String) throws(LoadOptionsError) {
        let (rest, spoken, isSecure) = try Self.afterScheme(url)
        self.spoken = spoken
        self.isSecure = isSecure
        let authority = rest.prefix(beforeASCII: "/?#")
        var path = rest[authority.endIndex...].prefix(beforeASCII: "#")
        if !path.hasPrefix("/") { path = "/" + path }
        guard path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw LoadOptionsError("URL", "\(url) has a blank, control or non-ASCII character; percent-encode it")
        }
        let hasPath = spoken == .http || spoken == .webSocket
        guard hasPath || path == "/" else {
            throw LoadOptionsError("URL", "\(url): \(spoken.rawValue):// has no path")
        }
        (host, port) = try Self.hostAndPort(
            authority, of: url, defaultPort: hasPath ? (isSecure ? 443 : 80) : nil)
        self.path = String(path)
    }

    /// The value of the `Host` field (RFC 9110 §7.2): the port only where it is not the default.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The URL, in its normal form.
    public var description: String {
        switch spoken {
        case .http, .webSocket: "\(spoken.rawValue)\(isSecure ? "s" : "")://\(authority)\(path)"
        case .text, .frame, .tcp, .udp: "\(spoken.rawValue)://\(authority)"
        }
    }

    private static func afterScheme(
        _ url: String
    ) throws(LoadOptionsError) -> (rest: Substring, spoken: LoadProtocol, isSecure: Bool) {
        guard let mark = url.firstIndex(ofASCII: ":"), url[mark...].hasPrefix("://") else {
            return (url[...], .http, false)
        }
        let rest = url[url.index(mark, offsetBy: 3)...]
        let scheme = url[..<mark].lowercased()
        if let spoken = LoadProtocol(rawValue: scheme) { return (rest, spoken, false) }
        switch scheme {
        case "https": return (rest, .http, true)
        case "wss": return (rest, .webSocket, true)
        default:
            throw LoadOptionsError("URL", "\(url) is none of http(s)://, ws(s)://, text://, frame://, tcp://, udp://")
        }
    }

    private static func hostAndPort(
        _ authority: Substring, of url: String, defaultPort: UInt16?
    ) throws(LoadOptionsError) -> (String, UInt16) {
        if authority.contains("@") {
            throw LoadOptionsError("URL", "credentials do not go into the URL; use -H 'Authorization: …'")
        }
        var host = authority
        var portText: Substring?
        if authority.hasPrefix("["), let end = authority.firstIndex(ofASCII: "]") {
            host = authority[authority.index(after: authority.startIndex)..<end]
            let behind = authority.behind(end)
            guard behind.isEmpty || behind.hasPrefix(":") else { throw invalid(url) }
            if !behind.isEmpty { portText = behind.dropFirst() }
        } else if let colon = authority.firstIndex(ofASCII: ":") {
            host = authority[..<colon]
            portText = authority.behind(colon)
            if portText?.contains(":") == true {
                throw LoadOptionsError("URL", "\(url): an IPv6 address goes in brackets, http://[::1]:8080/")
            }
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw invalid(url) }
        guard let portText else {
            guard let defaultPort else { throw LoadOptionsError("URL", "\(url) needs a port") }
            return (String(host), defaultPort)
        }
        guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(portText), port > 0 else {
            throw LoadOptionsError("URL", "\(url): the port is a number from 1 to 65535")
        }
        return (String(host), port)
    }

    private static func invalid(_ url: String) -> LoadOptionsError {
        LoadOptionsError("URL", "\(url) is no URL like http://127.0.0.1:8080/path")
    }
}
