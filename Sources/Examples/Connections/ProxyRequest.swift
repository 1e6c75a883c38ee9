import Apus

/// The head of a request to an HTTP proxy (RFC 9112 §3): what the proxy has to know, and what the server gets of it.
nonisolated struct ProxyRequest: Sendable {
    /// A tunnel is asked for.
    let isConnect: Bool
    /// `host:port` of the server; nil when the request names none.
    let server: String?
    /// The head as the server gets it; that of CONNECT is for the proxy alone.
    let forwardedHead: [UInt8]

    /// Fields about the connection to the proxy, not the message (RFC 9110 §7.6.1), beside those that `Connection`
    /// names. Not those about the body, which is handed on as it comes.
    private static let hopByHop: Set = [
        "connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "upgrade", "host",
    ]

    /// Nil for what is no head.
    init?(_ head: some Collection<UInt8>) {
        var lines = head.split(separator: 0x0A).map { line in line.last == 0x0D ? line.dropLast() : line }
        guard lines.allSatisfy({ !$0.contains(0x0D) && !$0.contains(0) }), !lines.isEmpty else { return nil }
        let words = lines.removeFirst().split(separator: 0x20, omittingEmptySubsequences: false).map(Self.text)
        guard words.count == 3, !words[0].isEmpty, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else { return nil }
        isConnect = words[0] == "CONNECT"
        guard let uri = isConnect ? (authority: words[1], path: "") : Self.parts(ofURI: words[1]) else {
            (server, forwardedHead) = (nil, [])
            return
        }
        server = isConnect || uri.authority.hasPort ? uri.authority : uri.authority + ":80"
        var dropped = Self.hopByHop
        var fields: [(name: String, line: [UInt8])] = []
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex else { return nil }
            let name = Self.text(line[..<colon]).lowercased()
            // A blank in front would go on with the line before, which nobody may do any more (RFC 9112 §5.2).
            guard !name.contains(where: \.isWhitespace) else { return nil }
            fields.append((name, Array(line)))
            guard name == "connection" else { continue }
            let options = Self.text(line[line.index(after: colon)...]).lowercased().split(separator: ",")
            dropped.formUnion(options.map { String($0.filter { $0 != " " && $0 != "\t" }) })
        }
        // Nobody may have the length of a body dropped.
        dropped.subtract(["content-length", "transfer-encoding"])
        // One request for each connection, so that what follows its head can be handed on without being understood.
        let lineEnd: [UInt8] = [0x0D, 0x0A]
        let start =
            "\(words[0]) \(uri.path) \(words[2])\r\nHost: \(uri.authority)\r\nVia: 1.1 apus\r\nConnection: close\r\n"
        let kept = fields.filter { !dropped.contains($0.name) }.map(\.line)
        forwardedHead = Array(start.utf8) + kept.flatMap { $0 + lineEnd } + lineEnd
    }

    /// Authority and path of `http://host:port/path?query`; nil for other targets.
    private static func parts(ofURI target: String) -> (authority: String, path: String)? {
        guard target.prefix(7).lowercased() == "http://" else { return nil }
        let rest = target.dropFirst(7)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let path = rest[end...]
        return (String(rest[..<end]), path.hasPrefix("/") ? String(path) : "/" + path)
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

nonisolated extension String {
    /// A number follows the last colon: an IPv6 address ends with a bracket.
    fileprivate var hasPort: Bool { lastIndex(of: ":").map { UInt16(self[index(after: $0)...]) != nil } ?? false }
}
