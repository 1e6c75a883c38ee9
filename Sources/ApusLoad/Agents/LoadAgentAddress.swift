import ApusProtocols

/// Where an agent listens: `host`, `host:port` or `[v6]:port`.
public nonisolated struct LoadAgentAddress: Sendable, Hashable, CustomStringConvertible {
    /// The port of agents that name none.
    public static let defaultPort: UInt16 = 7788

    /// A name or a numeric address, without brackets.
    public let host: String
    /// The port; 0 lets the system choose one to listen on.
    public let port: UInt16

    /// An address by its parts.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads an address; `option` is what the user gave it with.
    public init(_ text: String, option: String) throws(LoadOptionsError) {
        let invalid = LoadOptionsError(option, "\"\(text)\" is no address like host:7788, 192.0.2.1:7788 or [::1]:7788")
        var host = text[...]
        var portText: Substring?
        if text.hasPrefix("["), let end = text.firstIndex(ofASCII: "]") {
            host = text[..<end].dropFirst()
            let behind = text[end...].dropFirst()
            guard behind.isEmpty || behind.hasPrefix(":") else { throw invalid }
            if !behind.isEmpty { portText = behind.dropFirst() }
        } else if let colon = text.firstIndex(ofASCII: ":") {
            host = text[..<colon]
            portText = text[colon...].dropFirst()
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x2F }) else { throw invalid }
        self.host = String(host)
        guard let portText else {
            port = Self.defaultPort
            return
        }
        guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(portText) else {
            throw invalid
        }
        self.port = port
    }

    /// `host:port`, with brackets around IPv6.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
