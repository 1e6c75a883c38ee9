import Apus

/// How much a `GlobalDataServer` keeps, and for whom.
public nonisolated struct GlobalDataServerOptions: Sendable, Hashable {
    /// What clients have to know; nil lets everybody in who reaches the port.
    public var secret: String? {
        get { hidden.text }
        set { hidden.text = newValue }
    }
    /// Bytes that all keys and values may have together; what would take more is refused.
    public var maxBytes = 1024 * 1024 * 1024
    /// Bytes of one request.
    public var maxMessageBytes = 10 * 1024 * 1024
    private var hidden = Secret()

    /// The defaults of each property.
    public init() {}
}

/// Keeps values for processes, on one host or several: the server of `GlobalDataClient`.
///
///     let data = GlobalDataServer()   // 127.0.0.1:2207
///     Worker.runAll()
///
/// It is a worker of one process that is not reloaded: values are in its memory, and are gone when it ends.
public final class GlobalDataServer {
    /// The worker that serves: name, user and limits can be set before `Worker.runAll()`.
    public let worker: Worker<Frame>
    private let gate: ClusterGate
    private var values: GlobalDataValues

    /// A server on `host:port` or `unix:/path`. The port is open to all who reach it, unless there is a secret: bind it
    /// to an address that only the cluster reaches.
    public init(_ address: String = "127.0.0.1:2207", options: GlobalDataServerOptions = GlobalDataServerOptions()) {
        gate = ClusterGate(ClusterSecret(options.secret))
        values = GlobalDataValues(maxBytes: options.maxBytes)
        worker = Worker(.frame, on: address)
        worker.name = "globalDataServer"
        worker.isReloadable = false
        worker.limits.maxPackageSize = options.maxMessageBytes
        worker.limits.maxSendBufferSize = .max
        worker.onWorkerStart = { [self] _ in
            WorkerTimer.every(1) { [unowned self] _ in
                values.removeExpired(EventLoop.current.now)
            }
        }
        worker.onConnect = { [self] in gate.greet($0) }
        worker.onMessage = { [self] in try received($1, $0) }
        worker.errorHandler = { connection, error in
            let reason = (error as? ClusterMessage.Failure)?.reason ?? "\(error)"
            Worker.log("GlobalDataServer: client \(connection.remoteAddress): \(reason)")
            connection.close(Array("error: \(reason)".utf8))
        }
    }

    nonisolated deinit {}

    private func received(_ bytes: [UInt8], _ connection: Connection<Frame>) throws {
        guard try gate.admits(bytes, connection), !bytes.isEmpty, bytes != Array("ping".utf8) else { return }
        connection.send(try values.answer(to: ClusterMessage(bytes), EventLoop.current.now))
        // One who asks and does not read is read from no more.
        guard connection.pendingSendBytes > 1 << 20 else { return }
        connection.pauseReading()
        connection.onBufferDrain = { $0.resumeReading() }
    }
}
