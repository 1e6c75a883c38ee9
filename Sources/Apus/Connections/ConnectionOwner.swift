import CApus

/// What connections need of what they belong to.
protocol ConnectionOwner: AnyObject {
    /// What a callback throws ends the process, not its connection alone.
    var errorPolicy: ErrorPolicy { get }

    func connectionClosed(_ connection: StreamConnection)
}

/// What listeners need of the worker that they accept for.
protocol AcceptingOwner: ConnectionOwner {
    /// What its user calls it.
    var name: String { get }
    /// What the log calls it.
    var socketName: String { get }
    /// A connection is left with the kernel until its client has spoken.
    var clientSpeaksFirst: Bool { get }
    /// What connections are secured with; nil for plain ones.
    var tlsContext: OpaquePointer? { get }
    /// Neither is accepting paused or over, nor are there as many connections as there may be.
    var mayAccept: Bool { get }
    /// The process is leaving.
    var isStopping: Bool { get }
    /// The driver that new connections start with.
    var untypedDriver: ProtocolDriver { get }

    /// Seconds until a client must have said what comes before its first message.
    var handshakeTimeout: Double { get }

    /// The peer is a load balancer that tells whose connection it is.
    func expectsProxyHeader(from peer: capus_address) -> Bool
    /// Whether the peer may have another connection.
    func admits(_ peer: capus_address) -> Bool
    func nextConnectionID() -> Int
    func connectionOpened(_ connection: StreamConnection)
    /// Accepts or not, as `mayAccept` says by now.
    func updateAccepting()
}
