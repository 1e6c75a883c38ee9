/// A worker that speaks the protocol `P`: it listens on an address, runs in `count` processes and calls back with typed
/// connections and messages.
///
/// Configure workers at the top level of the program and call `Worker.runAll()` last. Code before it runs in the
/// master and again in each process; connections, timers and clients belong into `onWorkerStart`.
public final class Worker<P: WireProtocol>: WorkerBase {
    let wireProtocol: P
    var driver: TypedDriver<P>

    /// A worker on `host:port`, `[v6]:port` or `unix:/path`; port 0 lets the kernel choose. An address that cannot be
    /// used is reported by `runAll`.
    /// No address: a worker without a port.
    public init(_ wireProtocol: P, on address: String?, tls: TLSOptions? = nil) {
        self.wireProtocol = wireProtocol
        driver = wireProtocol.makeDriver().driver
        super.init(address: address) { (text) throws(AddressError) in
            guard wireProtocol.mayListen else {
                throw AddressError(text: text, reason: "\(wireProtocol.name) is spoken by outgoing connections alone")
            }
            return try SocketAddress(Self.withoutScheme(text, wireProtocol.name))
        }
        self.tls = tls
    }

    // MARK: Callbacks of the process

    /// Called once in each process, before it accepts its first connection.
    public var onWorkerStart: (@MainActor (Worker<P>) throws -> Void)?
    /// Called when the process stops, before its connections are closed; not after a crash.
    public var onWorkerStop: (@MainActor (Worker<P>) throws -> Void)?
    /// Called on `reload`; the process is replaced afterwards if the worker is reloadable.
    public var onWorkerReload: (@MainActor (Worker<P>) throws -> Void)?

    // MARK: Callbacks of connections, copied to each when it is accepted

    /// Called when a connection was accepted, before anything was read.
    public var onConnect: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver.callbacks.onConnect }
        set { change { $0.onConnect = newValue } }
    }
    /// Called with each message, in order. It must not block; see `onMessageAsync`. What it throws closes the
    /// connection (HTTP: answers 500 first).
    public var onMessage: (@MainActor (Connection<P>, P.Inbound) throws -> Void)? {
        get { driver.callbacks.onMessage }
        set { change { $0.onMessage = newValue } }
    }
    /// Called once for each connection, however it ended.
    public var onClose: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver.callbacks.onClose }
        set { change { $0.onClose = newValue } }
    }
    /// Called, within `send`, when a connection's `maxSendBufferSize` is reached.
    public var onBufferFull: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver.callbacks.onBufferFull }
        set { change { $0.onBufferFull = newValue } }
    }
    /// Called when all that waited was sent.
    public var onBufferDrain: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver.callbacks.onBufferDrain }
        set { change { $0.onBufferDrain = newValue } }
    }
    /// Called when a message could not be sent; see `ConnectionErrorCode`.
    public var onError: (@MainActor (Connection<P>, ConnectionErrorCode, String) throws -> Void)? {
        get { driver.callbacks.onError }
        set { change { $0.onError = newValue } }
    }
    /// Called with what a connection's callback threw, instead of closing the connection.
    public var errorHandler: (@MainActor (Connection<P>, any Error) -> Void)? {
        get { driver.callbacks.errorHandler }
        set { change { $0.errorHandler = newValue } }
    }

    /// Sets `onMessage` to an `async` handler. It runs on the event loop like the others, others run while it is
    /// suspended, and the next message of the same connection waits until it ends.
    public var onMessageAsync: (@MainActor (Connection<P>, P.Inbound) async throws -> Void)? {
        didSet {
            guard let handler = onMessageAsync else {
                onMessage = nil
                return
            }
            onMessage = { connection, message in
                connection.transport.run { try await handler(connection, message) }
            }
        }
    }

    /// Connections that exist keep the callbacks they were accepted with.
    private func change(_ body: (inout ConnectionCallbacks<P>) -> Void) {
        if !connectionsByID.isEmpty { driver = driver.copy() }
        body(&driver.callbacks)
    }

    /// The connections that this process accepted and that are open. Other processes have their own.
    public var connections: Connections<P> { Connections(byID: connectionsByID) }

    // MARK: WorkerBase

    override var untypedDriver: ProtocolDriver { driver }
    override var protocolName: String { wireProtocol.name }
    override var protocolSpeaksFirst: Bool { wireProtocol.clientSpeaksFirst }
    override var applicationProtocols: [String] {
        P.self == HTTP.self || P.self == WebSocket.self ? ["http/1.1"] : []
    }
    override func runStart() throws { try onWorkerStart?(self) }
    override func runStop() throws { try onWorkerStop?(self) }
    override func runReload() throws { try onWorkerReload?(self) }
    override func limitsChanged() { driver.limits = limits }
    override func giveToClients(_ kind: BusPacket.Kind, _ bytes: [UInt8]) { give(kind, bytes) }
}

/// Connections by id: a value, so that closing connections while going through them is safe.
public struct Connections<P: WireProtocol>: Sequence {
    let byID: [Int: StreamConnection]

    /// How many there are.
    public var count: Int { byID.count }
    /// Whether there are none.
    public var isEmpty: Bool { byID.isEmpty }
    /// The connection with an id; nil when it is not open.
    public subscript(id: Int) -> Connection<P>? { byID[id].map { Connection($0) } }
    /// The connections in no particular order.
    public var values: [Connection<P>] { byID.values.map { Connection($0) } }

    public nonisolated func makeIterator() -> AnyIterator<Connection<P>> {
        var rest = byID.values.makeIterator()
        return AnyIterator { rest.next().map { connection in MainActor.assumeIsolated { Connection(connection) } } }
    }
}
