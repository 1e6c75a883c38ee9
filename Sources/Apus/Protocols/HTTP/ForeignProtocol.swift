/// What some clients speak to a port of HTTP/1 instead, as their first bytes tell.
enum ForeignProtocol {
    case tls
    case http2
    /// The header of a load balancer that is not among the trusted ones.
    case proxyHeader

    private static let signatures: [(bytes: [UInt8], found: ForeignProtocol)] = [
        // A record that holds a handshake message, of SSL 3 or later (RFC 8446 §5.1).
        ([0x16, 0x03], .tls),
        // RFC 9113 §3.4.
        (Array("PRI * HTTP/2".utf8), .http2),
        (Array("PROXY TCP".utf8), .proxyHeader), (Array("PROXY UNKNOWN".utf8), .proxyHeader),
        ([0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A], .proxyHeader),
    ]

    /// Nil for bytes that are none of it.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let match = Self.signatures.first(where: { bytes.starts(with: $0.bytes) }) else { return nil }
        self = match.found
    }

    /// What the first bytes of a connection tell, which the log is told as well; nil when they tell nothing.
    static func found(
        in bytes: UnsafeRawBufferPointer, on connection: StreamConnection, of driver: ProtocolDriver
    ) -> ForeignProtocol? {
        guard let spoken = ForeignProtocol(bytes) else { return nil }
        if connection.loop.mayComplainOfClient() {
            let port = (connection.worker as? any AcceptingOwner)?.socketName ?? driver.name
            Log.write(spoken.hint(from: connection.peer.text, to: port), .warning)
        }
        return spoken
    }

    /// A TLS record that says `protocol_version`, which ends any handshake (RFC 8446 §6.2).
    static let alert: [UInt8] = [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]

    /// What the log says of it; `port` is where the worker listens.
    func hint(from peer: String, to port: String) -> String {
        switch self {
        case .tls: "client \(peer) speaks TLS on a plain port (\(port)): give the worker `tls:`, or use http:// there"
        case .http2:
            "client \(peer) speaks HTTP/2 without asking (\(port)), where HTTP/1.1 is spoken: let it use that"
        case .proxyHeader:
            "client \(peer) sends a header of the PROXY protocol (\(port)): if it is your load balancer, name its "
                + "address in the worker's `trustedProxies`"
        }
    }
}
