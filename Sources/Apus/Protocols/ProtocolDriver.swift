import ApusProtocols
import CApus

/// What turns the bytes of connections into messages and calls their callbacks: one per worker, shared by its
/// connections, which keep their state themselves. This base ignores everything; closed connections have it.
class ProtocolDriver {
    final var limits = ConnectionLimits()
    /// The type of the protocol: comparing it is far cheaper than casting.
    final let protocolID: ObjectIdentifier
    /// How many bytes are read at once where a message may begin.
    @exclusivity(unchecked) final var readsAhead = EventLoop.receiveCapacity

    init(_ protocolID: ObjectIdentifier) { self.protocolID = protocolID }
    nonisolated deinit {}

    static let none = ProtocolDriver(ObjectIdentifier(ProtocolDriver.self))

    /// Handles as many complete messages as there are and returns how many bytes are done with. The byte after the
    /// last one is zero, and `CAPUS_SCAN_PADDING` bytes are readable from there.
    func receive(_ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int { count }

    /// What `status` calls the protocol.
    var name: String { "none" }

    /// What an operator is to know before the protocol is spoken.
    var startWarning: String? { nil }

    /// How many more bytes of an incomplete message to make room for.
    func receiveRoom(_ connection: StreamConnection) -> Int { 16 * 1024 }

    /// Above this many undelivered bytes reading stops.
    func maxHeldBytes(_ connection: StreamConnection) -> Int {
        // Only what is of the next message is worth more than one read.
        guard connection.wantsMessages else { return EventLoop.receiveCapacity }
        // A limit may be as large as any number.
        return min(connection.maxPackageSize, .max - EventLoop.receiveCapacity) + EventLoop.receiveCapacity
    }

    /// A message was delivered whose answer is not complete.
    func owesAnswer(_ connection: StreamConnection) -> Bool { connection.isHandling }

    /// Called about once a second for each connection with how long nothing of note has happened on it, in seconds.
    func timeOut(_ connection: StreamConnection, after idleSeconds: UInt32) {
        guard let timeout = connection.idleTimeout, !owesAnswer(connection) else { return }
        if Double(idleSeconds) >= timeout { close(connection) }
    }

    /// User code closes the connection: in the way of the protocol, if it has one.
    func close(_ connection: StreamConnection) { connection.close() }

    /// The same for `end`.
    func end(_ connection: StreamConnection) { connection.end() }

    /// Another protocol is spoken from now on.
    func leave(_ connection: StreamConnection) {}

    /// An outgoing connection can be used as soon as it is established, and secured.
    var isConnectedWhenSecured: Bool { true }

    /// The process is leaving: close the connection as soon as its messages allow it. Called again while it is open.
    func drain(_ connection: StreamConnection, _ mode: DrainMode) {
        if mode != .graceful, connection.partial.count == 0, !owesAnswer(connection) { connection.close() }
    }

    /// The process ends now: what is still open is cut off, where the protocol has words for it not without them.
    func giveUp(_ connection: StreamConnection) { connection.destroy() }

    /// The peer has sent its last byte. False leaves it to the connection, which answers what it owes and closes.
    func peerFinished(_ connection: StreamConnection) -> Bool { false }

    /// Whether `closed` calls user code.
    var observesClose: Bool { false }

    /// Nothing was sent or received yet on the connection, or since it has closed: what the protocol remembers of it
    /// begins anew. Called before `opened`, and before the callback that tells of an earlier end.
    func beginLife(_ connection: StreamConnection) {}
    func opened(_ connection: StreamConnection) {}
    func closed(_ connection: StreamConnection) {}
    func bufferFull(_ connection: StreamConnection) {}
    func bufferDrained(_ connection: StreamConnection) {}
    func failed(_ connection: StreamConnection, _ code: ConnectionErrorCode, _ message: String) {}
    /// A callback threw.
    func callbackFailed(_ connection: StreamConnection, _ error: any Error) { connection.destroy() }
}

/// A driver that knows its message types.
class TypedDriver<P: WireProtocol>: ProtocolDriver {
    @exclusivity(unchecked) final var callbacks = ConnectionCallbacks<P>()
    /// Made for one connection, whose callbacks differ from its worker's.
    final var isOfOneConnection = false
    /// What the connection spoke before it was upgraded.
    final var predecessor: ProtocolDriver?

    init() { super.init(ObjectIdentifier(P.self)) }

    /// Encodes and sends a message.
    func send(_ connection: StreamConnection, _ message: P.Outbound) -> SendResult { .failed }

    /// The bytes of a message.
    func encode(_ message: P.Outbound) throws -> [UInt8] { throw ConnectionError.closed }

    /// A driver with the same options and callbacks, of which the latter can then be changed.
    func copy() -> TypedDriver<P> { fatalError("each driver copies itself") }

    override var observesClose: Bool { callbacks.onClose != nil || predecessor?.observesClose ?? false }

    override func opened(_ connection: StreamConnection) {
        guard let onConnect = callbacks.onConnect else { return }
        run(connection, CAPUS_DOING_CONNECT) { try onConnect(Connection(connection)) }
    }

    override func closed(_ connection: StreamConnection) {
        guard let onClose = callbacks.onClose else {
            predecessor?.closed(connection)
            return
        }
        run(connection, CAPUS_DOING_CLOSE) { try onClose(Connection(connection)) }
    }

    override func bufferFull(_ connection: StreamConnection) {
        guard let onBufferFull = callbacks.onBufferFull else { return }
        run(connection, CAPUS_DOING_BUFFER) { try onBufferFull(Connection(connection)) }
    }

    override func bufferDrained(_ connection: StreamConnection) {
        guard let onBufferDrain = callbacks.onBufferDrain else { return }
        run(connection, CAPUS_DOING_BUFFER) { try onBufferDrain(Connection(connection)) }
    }

    override func failed(_ connection: StreamConnection, _ code: ConnectionErrorCode, _ message: String) {
        guard let onError = callbacks.onError else { return }
        run(connection, CAPUS_DOING_ERROR) { try onError(Connection(connection), code, message) }
    }

    /// The default policy closes the connection; the process and its other connections go on.
    override func callbackFailed(_ connection: StreamConnection, _ error: any Error) {
        connection.loop.status.pointee.callback_errors &+= 1
        if let handler = callbacks.errorHandler { return handler(Connection(connection), error) }
        Log.write("callback of connection \(connection.id) (\(connection.peer.text)) failed: \(error)", .error)
        let policy = connection.worker?.errorPolicy
        answerFailure(connection, error)
        if policy == .terminateWorker { connection.loop.errorHandler(error, "a callback") }
    }

    /// What a peer gets whose message could not be handled.
    func answerFailure(_ connection: StreamConnection, _ error: any Error) { connection.destroy() }

    final func run(_ connection: StreamConnection, _ doing: Int, _ body: () throws -> Void) {
        connection.noteActivity(doing)
        do {
            try body()
        } catch {
            callbackFailed(connection, error)
        }
    }
}

/// The callbacks of a connection; a worker's are copied to each connection it accepts.
struct ConnectionCallbacks<P: WireProtocol> {
    var onConnect: (@MainActor (Connection<P>) throws -> Void)?
    var onMessage: (@MainActor (Connection<P>, P.Inbound) throws -> Void)?
    var onClose: (@MainActor (Connection<P>) throws -> Void)?
    var onBufferFull: (@MainActor (Connection<P>) throws -> Void)?
    var onBufferDrain: (@MainActor (Connection<P>) throws -> Void)?
    var onError: (@MainActor (Connection<P>, ConnectionErrorCode, String) throws -> Void)?
    var errorHandler: (@MainActor (Connection<P>, any Error) -> Void)?
}
