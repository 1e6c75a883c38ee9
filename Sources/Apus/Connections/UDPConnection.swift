import CApus

/// The peer that a UDP worker got a datagram from. There is no connection behind it: nothing tells whether the peer is
/// still there, or got what was sent.
///
/// Handles are values: those of one peer and one socket are equal. They may be kept in variables and dictionaries to
/// push messages later; once the worker's socket closed, `send` fails.
public struct UDPConnection<P: PacketProtocol> {
    private let socket: TypedUDPSocket<P>
    private let peer: capus_address

    @inline(__always)
    init(_ socket: TypedUDPSocket<P>, _ peer: capus_address) {
        self.socket = socket
        self.peer = peer
    }

    /// `ip:port` of the peer, IPv6 in brackets.
    public var remoteAddress: String { peer.text }
    /// The peer's address without port.
    public var remoteIP: String { peer.ipText }
    /// The peer's port.
    public var remotePort: Int { Int(peer.port) }
    /// `ip:port` that the worker listens on.
    public var localAddress: String { socket.localAddress.text }
    /// The address that the worker listens on, without port.
    public var localIP: String { socket.localAddress.ipText }
    /// The port that the worker listens on.
    public var localPort: Int { Int(socket.localAddress.port) }
    /// Whether the peer speaks IPv4 (also when it is mapped into IPv6).
    public var isIPv4: Bool { peer.family == 4 }
    /// Whether the peer speaks IPv6.
    public var isIPv6: Bool { peer.family == 6 }

    /// Sends one message in a datagram of its own. Within `onMessage` it is `.queued`, to leave with the other answers
    /// when the datagrams that were received together have been handled; otherwise it leaves at once. It fails when it
    /// takes more than 65,507 bytes, when the kernel has no room for it, and when the worker's socket is closed.
    @discardableResult
    public func send(_ message: P.Outbound) -> SendResult { socket.send(message, to: peer) }

    /// Sends a datagram as it is, past the protocol.
    @discardableResult
    public func sendRaw(_ bytes: [UInt8]) -> SendResult { bytes.withUnsafeBytes { socket.send($0, to: peer) } }

    /// Sends a last message. There is nothing to close: the worker's socket goes on serving this peer and all others.
    public func close(_ message: P.Outbound) { send(message) }
}

extension UDPConnection: Hashable {
    public nonisolated static func == (a: UDPConnection, b: UDPConnection) -> Bool {
        a.socket === b.socket && a.peer.isSame(as: b.peer)
    }
    public nonisolated func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(socket))
        hasher.combine(peer.ipWords.0)
        hasher.combine(peer.ipWords.1)
        hasher.combine(peer.port)
    }
}
