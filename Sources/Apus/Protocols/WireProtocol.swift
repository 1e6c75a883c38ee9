import ApusProtocols

/// A protocol: how the bytes of a connection become messages, and messages bytes.
///
/// Its values carry the options, its types say what `onMessage` gets and `send` takes. To write one, conform to
/// `PacketProtocol`.
public protocol WireProtocol: Sendable {
    /// What `onMessage` gets.
    associatedtype Inbound
    /// What `send` takes.
    associatedtype Outbound

    /// The client speaks first, so that a connection can be left with the kernel until it has.
    nonisolated var clientSpeaksFirst: Bool { get }
    /// What `status` calls it.
    nonisolated var name: String { get }

    /// Workers can speak it; true unless implemented.
    nonisolated var mayListen: Bool { get }

    /// Makes what binds the protocol to connections. Apus calls it; conform to `PacketProtocol` to get it.
    func makeDriver() -> ConnectionDriver<Self>
}

/// What binds a protocol to connections. Opaque: `PacketProtocol` makes one for each conforming type.
public struct ConnectionDriver<P: WireProtocol> {
    let driver: TypedDriver<P>
    init(_ driver: TypedDriver<P>) { self.driver = driver }
}

extension WireProtocol {
    /// Most are spoken by workers.
    public nonisolated var mayListen: Bool { true }
}

/// A protocol that outgoing connections can speak.
public protocol OutgoingProtocol: WireProtocol {
    /// What may stand before the `://` of an address.
    nonisolated var schemes: [String] { get }
}

extension OutgoingProtocol {
    /// Its name, and what names a transport.
    public nonisolated var schemes: [String] { [name, "tcp", "unix", "ssl", "tls"] }
}

/// What `PacketProtocol.frame` found at the front of the bytes that are there.
public nonisolated enum FrameLength: Sendable, Hashable {
    /// The end of the first packet cannot be told yet.
    case needMore
    /// The first packet has this many bytes, framing included. They need not be there yet.
    case length(Int)
    /// The first bytes, all of which are there, are no message but something that the protocol answers itself, such as
    /// a heartbeat: they are dropped, the reply is sent, and what follows is looked at.
    case control(length: Int, reply: [UInt8] = [])
    /// This is not the protocol: the reason is logged, and the connection closed, after the peer was told so if there
    /// is a reply.
    case invalid(String, reply: [UInt8] = [])
}

/// A protocol whose messages are packets of a length that can be told from their first bytes.
public protocol PacketProtocol: OutgoingProtocol {
    // Again, so that a conforming type need not name them: they follow from `decode` and `encode`.
    associatedtype Inbound
    associatedtype Outbound

    /// Finds the end of the first packet. Called whenever bytes arrive while that packet is incomplete, also when an
    /// earlier call has told its length.
    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength
    /// The same, for protocols whose packets end at a mark: it said `.needMore` to the first `searched` bytes already,
    /// so the search can go on behind them. Calls `frame(_:)` unless implemented.
    nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength
    /// Makes a message of exactly one packet. The bytes are valid during the call only. What it throws closes the
    /// connection, as an invalid frame does.
    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> Inbound
    /// Appends the packet that carries a message.
    nonisolated func encode(_ message: Outbound, into packet: inout [UInt8]) throws
    /// The protocol as one connection speaks it; nil, unless implemented, when all may share this value. For protocols
    /// with a state: keys, sequence numbers, a dictionary. Asked for at the beginning of each life of a connection, and
    /// used by that connection's loop alone, so that the state may be `nonisolated(unsafe)`. Not for datagrams.
    nonisolated func forConnection() -> Self?
    /// Writes the packet that carries a message to where it is sent from, and returns its length; nil leaves it to
    /// `encode(_:into:)`, as does not implementing it. For protocols of which many small messages are sent.
    nonisolated func encode(_ message: Outbound, to buffer: UnsafeMutableRawBufferPointer) -> Int?
}

extension PacketProtocol {
    /// Most protocols begin with the client.
    public nonisolated var clientSpeaksFirst: Bool { false }
    /// Looks at all bytes again: right for packets whose length stands in front.
    public nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength { frame(bytes) }
    /// All connections share one value.
    public nonisolated func forConnection() -> Self? { nil }
    /// Makes a packet first.
    public nonisolated func encode(_ message: Outbound, to buffer: UnsafeMutableRawBufferPointer) -> Int? { nil }
    /// The type's name in lower case.
    public nonisolated var name: String { String(describing: Self.self).lowercased() }
    /// Binds the packets to connections.
    public func makeDriver() -> ConnectionDriver<Self> { ConnectionDriver(PacketDriver(self)) }
}
