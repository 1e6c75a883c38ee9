import ApusProtocols
import CApus

/// Where a worker listens or a peer sits: an IP address with a port, or the path of a Unix socket.
public nonisolated enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// A numeric IPv4 or IPv6 address and a port.
    case ip(String, port: Int)
    /// The path of a Unix stream socket, at most 107 bytes.
    case unix(path: String)

    /// Reads `host:port`, `[v6]:port`, `unix:/path` or `/path`. Hosts are numeric or `localhost`; `*` is every IPv4
    /// interface.
    public init(_ text: String) throws(AddressError) {
        if text.hasPrefix("/") || text.hasPrefix("unix:") {
            let path = "/" + text.dropFirst(text.hasPrefix("/") ? 0 : 5).drop { $0 == "/" }
            // C would read no further than a NUL.
            guard !path.utf8.contains(0) else { throw AddressError(text: text, reason: "a path has no NUL in it") }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(ofASCII: ":"), let port = Int(text.behind(colon)),
            (0...65535).contains(port)
        else { throw AddressError(text: text, reason: "expected host:port with a port of 0 to 65535") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { host = "127.0.0.1" }
        if host == "*" || host.isEmpty { host = "0.0.0.0" }
        guard capus_address(numeric: host, port: UInt16(port)) != nil else {
            throw AddressError(text: text, reason: "\(host) is no IPv4 or IPv6 address")
        }
        self = .ip(host, port: port)
    }

    /// Reads an address of UDP: as above, behind `udp://` or the protocol's own scheme, or behind none.
    init(udp text: String, scheme: String) throws(AddressError) {
        var rest = text
        if let end = text.firstRange(of: "://") {
            let given = text[..<end.lowerBound]
            guard given == "udp" || given == scheme else {
                throw AddressError(text: text, reason: "expected \(scheme)://, not \(given)://")
            }
            rest = String(text[end.upperBound...])
        }
        try self.init(rest)
        if case .unix = self { throw AddressError(text: text, reason: "UDP is not spoken over Unix sockets") }
    }

    /// `host:port` (IPv6 in brackets), or `unix:/path`.
    public var description: String {
        switch self {
        case .ip(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Two workers cannot both have it; port 0 is another one each time.
    var isDefinite: Bool {
        if case .ip(_, port: 0) = self { false } else { true }
    }

    /// The address as the C core takes it; nil for a Unix socket.
    var native: capus_address? {
        guard case .ip(let host, let port) = self else { return nil }
        return capus_address(numeric: host, port: UInt16(port))
    }
}

/// An address that cannot be understood.
public nonisolated struct AddressError: Error, CustomStringConvertible, Sendable {
    /// What was given, without user and password: it may be logged.
    public let text: String
    /// What is wrong with it.
    public let reason: String
    /// One line for the user.
    public var description: String { "address \"\(text)\": \(reason)" }

    init(text: String, reason: String) {
        self.text = URLAuthority.withoutLogin(text)
        self.reason = reason
    }
}

nonisolated extension capus_address {
    @inline(__always)
    func isSame(as other: capus_address) -> Bool {
        ipWords == other.ipWords && port == other.port && family == other.family
    }

    /// The bytes of the address, to be compared and hashed.
    var ipWords: (UInt64, UInt64) { unsafeBitCast(ip, to: (UInt64, UInt64).self) }

    /// The numeric address without port; "" for a Unix socket.
    var ipText: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            var copy = self
            capus_address_format(&copy, text.baseAddress!, 64)
            return String(cString: text.baseAddress!)
        }
    }

    /// `ip:port`, IPv6 in brackets; "" for a Unix socket.
    var text: String {
        switch family {
        case 4: "\(ipText):\(port)"
        case 6: "[\(ipText)]:\(port)"
        default: ""
        }
    }
}
