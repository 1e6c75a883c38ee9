/// What a `ConnectionPool` bounds and how it looks after connections that nobody uses.
public nonisolated struct ConnectionPoolOptions: Sendable, Hashable {
    /// Connections that stay open however long nobody uses them. None are made ahead of time.
    public var minConnections = 1
    /// Seconds after which a connection beyond `minConnections` that nobody uses is closed.
    public var idleTimeout = 60.0
    /// Seconds after which a connection that nobody uses is tried with the pool's heartbeat, again and again.
    public var heartbeatInterval = 50.0
    /// Seconds that a task waits for a connection before it fails with `ConnectionPoolError.timedOut`.
    public var waitTimeout = 10.0
    /// Tasks that may wait for a connection; further ones fail at once.
    public var maxWaiting = 10_000

    /// The defaults of each property.
    public init() {}
}
