/// Bounds and time-outs of connections, copied to each when it is accepted.
public nonisolated struct ConnectionLimits: Sendable {
    /// Bytes that may wait to be sent before further messages are dropped. One message may exceed it.
    public var maxSendBufferSize = 1024 * 1024
    /// Bytes of one message, framing included.
    public var maxPackageSize = 10 * 1024 * 1024
    /// Seconds that `end` waits for the peer.
    public var lingerTimeout = 1.0
    /// Seconds that `close` waits for a peer that does not read.
    public var closeTimeout = 30.0

    /// The defaults of each property.
    public init() {}
}
