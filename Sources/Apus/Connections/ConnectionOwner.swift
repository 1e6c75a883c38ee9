/// What connections and listeners need of the worker that they belong to.
protocol ConnectionOwner: AnyObject {
    /// What the log calls it.
    var socketName: String { get }
    /// A connection is left with the kernel until its client has spoken.
    var clientSpeaksFirst: Bool { get }
    /// What connections are secured with; nil for plain ones.
    var tlsContext: OpaquePointer? { get }
    /// Accepting was paused, or is over.
    var refusesConnections: Bool { get }
    /// What a callback throws ends the process, not its connection alone.
    var errorPolicy: ErrorPolicy { get }
    /// The driver that new connections start with.
    var untypedDriver: ProtocolDriver { get }

    func nextConnectionID() -> Int
    func connectionOpened(_ connection: StreamConnection)
    func connectionClosed(_ connection: StreamConnection)
}
