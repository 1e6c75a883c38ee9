/// Outgoing connections: the same `Connection` as an accepted one, made here instead of by a client.
///
///     let upstream = try Connection(.text, to: "127.0.0.1:5000")
///     upstream.onConnect = { $0.send("hello") }
///     upstream.onMessage = { upstream, line in print(line) }
///     upstream.onClose = { $0.reconnect(after: 1) }
///     upstream.connect()
///
/// Callbacks are kept when the connection is made again from `onClose` or `onError`. When it stays closed they are
/// dropped, so that closures which hold the connection do not keep it for ever: set them again before a later
/// `connect`.
extension Connection where P: OutgoingProtocol {
    /// A connection to `host:port`, `[v6]:port` or `unix:/path`, which `connect` begins. The scheme may stand in front;
    /// `ssl://` speaks TLS. A missing port is 443 with TLS and 80 without. Only in a running worker or `EventLoop.run`.
    public init(_ wireProtocol: P, to address: String, options: ConnectOptions = ConnectOptions()) throws(AddressError)
    {
        guard !wireProtocol.schemes.isEmpty else {
            throw AddressError(text: address, reason: "\(wireProtocol.name) is spoken by workers alone")
        }
        let target = try RemoteAddress(address, isSecured: options.tls != nil)
        if let scheme = target.scheme, !wireProtocol.schemes.contains(scheme) {
            throw AddressError(text: address, reason: "the connection speaks \(wireProtocol.name), not \(scheme)")
        }
        guard let loop = EventLoop.current else {
            preconditionFailure("a connection needs a running worker: make it in onWorkerStart or a later callback")
        }
        let transport = StreamConnection(to: target, options, loop: loop) {
            let driver = wireProtocol.makeDriver().driver
            driver.isOfOneConnection = true
            driver.limits = options.limits
            return driver
        }
        self.init(transport)
    }

    /// A connection that is established, over TLS also secured. Messages wait until `messages` is iterated or
    /// `onMessage` is set. Throws `AddressError` or `ConnectionError`; in a cancelled task the attempt is given up, and
    /// it throws `CancellationError`.
    public static func connect(
        _ wireProtocol: P, to address: String, options: ConnectOptions = ConnectOptions()
    ) async throws -> Connection<P> {
        let connection = try Connection(wireProtocol, to: address, options: options)
        connection.holdMessages()
        do {
            try await established(connection)
        } catch  where Task.isCancelled {
            throw CancellationError()
        }
        return connection
    }

    private static func established(_ connection: Connection<P>) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                connection.transport.extras?.outgoing?.completion = { error in
                    guard let error else { return continuation.resume() }
                    // Nobody has the connection.
                    connection.transport.giveUp()
                    continuation.resume(throwing: error)
                }
                connection.connect()
            }
        } onCancel: {
            EventLoop.soon { connection.destroy() }
        }
    }
}

extension Connection {
    /// Called when an outgoing connection is established, before a TLS handshake; what was sent before follows right
    /// after it returns.
    public var onConnect: (@MainActor (Connection<P>) throws -> Void)? {
        get { driver?.callbacks.onConnect }
        nonmutating set { own { $0.onConnect = newValue } }
    }

    /// Begins to connect and returns at once. Set the callbacks before, `onError` at least: it is called with
    /// `.connectFailed` when the attempt fails, and `onClose` follows. Does nothing for a connection that is open or
    /// was accepted.
    public func connect() { transport.connect() }

    /// Connects again after `seconds`; what is sent until then waits. For `onClose` and `onError`: always with a delay,
    /// or a server that is down is asked without pause. Does nothing for a connection that is open or was accepted.
    public func reconnect(after seconds: Double = 0) { transport.reconnect(after: seconds) }

    /// Gives up what `reconnect` announced.
    public func cancelReconnect() { transport.cancelReconnect() }

    /// Path and query of the address that an outgoing connection was made with.
    public var remoteURI: String { transport.extras?.outgoing?.target.uri ?? "" }

    /// The host that an outgoing connection was made to, by the name it was given; "" for accepted ones.
    public var remoteHost: String { transport.extras?.outgoing?.target.hostName ?? "" }
}

/// `Connection` under the name that Workerman gives to outgoing ones.
public typealias AsyncTCPConnection = Connection
