/// What connections need of what they belong to.
protocol ConnectionOwner: AnyObject {
    /// What a callback throws ends the process, not its connection alone.
    var errorPolicy: ErrorPolicy { get }

    func connectionClosed(_ connection: StreamConnection)
}

/// What listeners need of the worker that they accept for.
protocol AcceptingOwner: ConnectionOwner {
    /// What the log calls it.
    var socketName: String { get }
    /// A connection is left with the kernel until its client has spoken.
    var clientSpeaksFirst: Bool { get }
    /// What connections are secured with; nil for plain ones.
    var tlsContext: OpaquePointer? { get }
    /// Accepting was paused, or is over.
    var refusesConnections: Bool { get }
    /// The driver that new connections start with.
    var untypedDriver: ProtocolDriver { get }

    func nextConnectionID() -> Int
    func connectionOpened(_ connection: StreamConnection)
}
