import CApus

/// One connection that speaks the protocol `P`: a typed handle on its transport.
///
/// Handles are values: copies are equal, stand for the same connection, and can be kept in variables and dictionaries.
/// Using one after the connection closed is safe: `send` fails, counters and addresses stay.
public struct Connection<P: WireProtocol>: Identifiable {
    let transport: StreamConnection

    init(_ transport: StreamConnection) { self.transport = transport }

    /// Nil when the connection speaks another protocol by now, or has closed.
    var driver: TypedDriver<P>? {
        let driver = transport.driver
        return driver.protocolID == ObjectIdentifier(P.self) ? unsafeDowncast(driver, to: TypedDriver<P>.self) : nil
    }

    /// 1, 2, 3… in the order of acceptance, unique within this process.
    public var id: Int { transport.id }
    /// Where the connection is in its life.
    public var state: ConnectionState { transport.state }
    /// Whether messages can be sent.
    public var isOpen: Bool { transport.state == .established }
    /// `ip:port` of the peer, IPv6 in brackets; "" for a Unix socket. Valid after the connection closed, too.
    public var remoteAddress: String { transport.peer.text }
    /// The peer's address without port.
    public var remoteIP: String { transport.peer.ipText }
    /// The peer's port, 0 if unknown.
    public var remotePort: Int { Int(transport.peer.port) }
    /// `ip:port` of this side.
    public var localAddress: String { transport.localAddress.text }
    /// This side's address without port.
    public var localIP: String { transport.localAddress.ipText }
    /// This side's port.
    public var localPort: Int { Int(transport.localAddress.port) }
    /// Whether the peer speaks IPv4 (also when it is mapped into IPv6).
    public var isIPv4: Bool { transport.peer.family == 4 }
    /// Whether the peer speaks IPv6.
    public var isIPv6: Bool { transport.peer.family == 6 }
    /// Bytes received from the socket.
    public var bytesRead: Int { transport.bytesRead }
    /// Bytes the kernel took.
    public var bytesWritten: Int { transport.bytesWritten }
    /// Bytes that wait to be sent.
    public var pendingSendBytes: Int { transport.pendingSendBytes }
    /// Bytes that were received and wait to be delivered.
    public var pendingReceiveBytes: Int { transport.partial.count }
    /// Whether a message would be taken, rather than fail for what waits already.
    package func findsRoom() -> Bool { transport.findsRoom() }
    /// Nothing waits to be sent.
    public var isSendBufferEmpty: Bool { pendingSendBytes == 0 }
    /// What was agreed on with a TLS peer; nil for a plain connection, before the handshake is over, and once closed.
    public var tls: TLSFacts? { transport.isSecuring ? nil : transport.tls.map { TLSFacts($0) } }
    /// The peer has said that nothing more comes, over TLS with a `close_notify`: its last bytes are not cut off. Until
    /// the connection is made again.
    package var peerHasFinished: Bool {
        transport.isPeerFinished && transport.extras?.outgoing?.isCutOff != true
    }
    /// The socket; −1 once closed. For options that Apus does not know.
    public var fileDescriptor: Int32 { transport.fd }

    // MARK: Limits

    /// Bytes that may wait to be sent before messages are dropped; 1 MiB unless set. One message may exceed it.
    public var maxSendBufferSize: Int {
        get { transport.maxSendBufferSize }
        nonmutating set { transport.moreExtras.maxSendBufferSize = newValue }
    }
    /// Bytes of one message, framing included; 10 MiB unless set.
    public var maxPackageSize: Int {
        get { transport.maxPackageSize }
        nonmutating set { transport.moreExtras.maxPackageSize = newValue }
    }
    /// Seconds without a message after which the connection is closed; nil, for never, unless set.
    public var idleTimeout: Double? {
        get { transport.idleTimeout }
        nonmutating set { transport.moreExtras.idleTimeout = .some(newValue) }
    }
    /// Seconds that `close` waits for a peer that does not read; 30 unless set.
    public var closeTimeout: Double {
        get { transport.closeTimeout }
        nonmutating set { transport.moreExtras.closeTimeout = newValue }
    }
    /// Seconds that `end` waits for the peer; 1 unless set.
    public var lingerTimeout: Double {
        get { transport.lingerTimeout }
        nonmutating set { transport.moreExtras.lingerTimeout = newValue }
    }

    // MARK: Callbacks of this connection alone

    /// Called with each message of this connection.
    public var onMessage: (@MainActor (Connection<P>, P.Inbound) throws -> Void)? {
        get { driver?.callbacks.onMessage }
        nonmutating set {
            own { $0.onMessage = newValue }
            transport.stopHolding()
        }
    }
    /// Called once, however the connection ends.
    public var onClose: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver?.callbacks.onClose }
        nonmutating set { own { $0.onClose = newValue } }
    }
    /// Called, within `send`, when `maxSendBufferSize` is reached.
    public var onBufferFull: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver?.callbacks.onBufferFull }
        nonmutating set { own { $0.onBufferFull = newValue } }
    }
    /// Called when all that waited was sent.
    public var onBufferDrain: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver?.callbacks.onBufferDrain }
        nonmutating set { own { $0.onBufferDrain = newValue } }
    }
    /// Called when a message could not be sent; see `ConnectionErrorCode`.
    public var onError: (@MainActor (Connection<P>, ConnectionErrorCode, String) throws -> Void)? {
        get { driver?.callbacks.onError }
        nonmutating set { own { $0.onError = newValue } }
    }
    /// Called with what a callback of this connection threw, instead of closing the connection.
    public var errorHandler: (@MainActor (Connection<P>, any Error) -> Void)? {
        get { driver?.callbacks.errorHandler }
        nonmutating set { own { $0.errorHandler = newValue } }
    }

    /// Gives the connection a driver of its own and changes its callbacks.
    func own(_ change: (inout ConnectionCallbacks<P>) -> Void) {
        guard let driver else { return }
        let own = driver.isOfOneConnection ? driver : driver.copy()
        own.isOfOneConnection = true
        change(&own.callbacks)
        transport.driver = own
    }

    // MARK: Closing and pausing

    /// Sends what waits, then closes. `onClose` runs before this returns when nothing waits.
    public func close() {
        transport.giveUp()
        transport.driver.close(transport)
    }

    /// Sends what waits and half-closes; drops what the peer still sends until it closes or `lingerTimeout` passes.
    public func end() {
        transport.giveUp()
        transport.driver.end(transport)
    }

    /// Closes now. What waits is lost.
    public func destroy() {
        transport.giveUp()
        transport.destroy()
    }

    /// Stops reading and delivering; the peer is slowed down by TCP itself.
    public func pauseReading() { transport.pause(.user) }

    /// Delivers what arrived meanwhile, before it returns, and goes on reading.
    public func resumeReading() { transport.resume() }

    /// Sends bytes as they are, past the protocol.
    @discardableResult
    public func sendRaw(_ bytes: [UInt8]) -> SendResult {
        guard transport.canSend() else { return .failed }
        return bytes.withUnsafeBytes { transport.sendRaw($0, owner: bytes.count > 4096 ? ByteBox(bytes) : nil) }
    }

    /// The same, of bytes that are copied as far as they cannot be sent at once.
    package func sendRaw(_ bytes: UnsafeRawBufferPointer) -> SendResult {
        transport.canSend() ? transport.sendRaw(bytes) : .failed
    }

    // MARK: Storage

    /// Values of your own that live as long as the connection.
    public subscript<Key: StorageKey>(_ key: Key.Type) -> Key.Value? {
        get { transport.extras?.userStorage[ObjectIdentifier(key)] as? Key.Value }
        nonmutating set { transport.moreExtras.userStorage[ObjectIdentifier(key)] = newValue }
    }

    // MARK: Timers

    /// Calls `body` every `seconds` until the timer is cancelled or the connection has closed.
    @discardableResult
    public func timer(
        every seconds: Double, _ body: @escaping @MainActor (WorkerTimer) throws -> Void
    ) -> WorkerTimer {
        transport.keep(WorkerTimer.every(seconds, body))
    }

    /// Calls `body` once, after `seconds`, unless the connection has closed by then.
    @discardableResult
    public func timer(
        after seconds: Double, _ body: @escaping @MainActor (WorkerTimer) throws -> Void
    ) -> WorkerTimer {
        transport.keep(WorkerTimer.after(seconds, body))
    }

    // MARK: Tasks

    /// Runs an `async` operation on the event loop, without blocking it. The next message of this connection waits
    /// until the operation ends, so that order is kept; the operation is cancelled when the connection closes, and what
    /// it throws is treated as if the handler had thrown it.
    public func run(_ operation: @escaping @MainActor () async throws -> Void) { transport.run(operation) }
}

extension Connection: Hashable {
    public nonisolated static func == (a: Connection, b: Connection) -> Bool { a.transport === b.transport }
    public nonisolated func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(transport)) }
}

extension Connection where P: PacketProtocol {
    /// Sends one message.
    @discardableResult
    public func send(_ message: P.Outbound) -> SendResult {
        driver?.send(transport, message) ?? .failed
    }

    /// Sends a last message, then closes.
    public func close(_ message: P.Outbound) {
        send(message)
        close()
    }

    /// Sends a last message, then ends.
    public func end(_ message: P.Outbound) {
        send(message)
        end()
    }
}
