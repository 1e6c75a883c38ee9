/// Bounds and time-outs of connections, copied to each when it is accepted. Time-outs are looked at once a second.
public nonisolated struct ConnectionLimits: Sendable, Hashable {
    /// Bytes that may wait to be sent before further messages are dropped. One message may exceed it.
    public var maxSendBufferSize = 1024 * 1024
    /// Bytes of one message, framing included.
    public var maxPackageSize = 10 * 1024 * 1024
    /// Seconds that `end` waits for the peer.
    public var lingerTimeout = 1.0
    /// Seconds that `close` waits for a peer that does not read.
    public var closeTimeout = 30.0
    /// Seconds without a message after which a connection is closed; nil for never. HTTP has time-outs of its own.
    public var idleTimeout: Double?
    /// Seconds that a TLS handshake may take.
    public var handshakeTimeout = 10.0

    /// The defaults of each property.
    public init() {}
}
