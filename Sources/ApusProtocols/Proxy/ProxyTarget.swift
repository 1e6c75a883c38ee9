import CApus

/// The host and port that a client wants to reach through a proxy, known to be fit for the wire.
struct ProxyTarget: Sendable {
    enum Host {
        case ipv4([UInt8])
        case ipv6([UInt8])
        /// 1 to 255 bytes of letters, digits and `-._~`: nothing that means something else in a request line.
        case name
    }

    let text: String
    let host: Host
    let port: UInt16

    init(host text: String, port: Int) throws(ProxyHandshakeError) {
        guard let number = UInt16(exactly: port), number > 0 else { throw .invalidPort(port) }
        self.text = text
        self.port = number
        guard !text.utf8.contains(0) else { throw .invalidHost(text, reason: "it contains a NUL byte") }
        if let address = capus_address(numeric: text, port: number) {
            let bytes = withUnsafeBytes(of: address.ip) { [UInt8]($0) }
            host = address.family == 4 ? .ipv4([UInt8](bytes.prefix(4))) : .ipv6(bytes)
            return
        }
        guard (1...255).contains(text.utf8.count) else {
            throw .invalidHost(text, reason: "a name has 1 to 255 bytes, not \(text.utf8.count)")
        }
        guard text.utf8.allSatisfy(Self.isNameByte) else {
            throw .invalidHost(text, reason: "it is no address, and a name has letters, digits and -._~ only")
        }
        host = .name
    }

    /// `host:port` as RFC 3986 §3.2 writes it, an IPv6 address in brackets.
    var authority: String {
        if case .ipv6 = host { "[\(text)]:\(port)" } else { "\(text):\(port)" }
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
