/// What an outgoing connection has beside what every connection has.
final class Outgoing {
    let target: RemoteAddress
    let options: ConnectOptions
    /// The TLS that is spoken with the server; nil for a plain connection.
    let tls: TLSClientOptions?
    /// Makes a driver without callbacks.
    let makeDriver: @MainActor () -> ProtocolDriver
    /// The connection attempt that is under way.
    var dialer: Dialer?
    var reconnectTimer: WorkerTimer?
    /// Monotonic nanoseconds at which this life could be used; nil before.
    var establishedAt: Int64?
    /// Attempts in a row that have come to nothing.
    var attempts = 0
    /// This side has closed the connection: it is not made again by itself.
    var isGivenUp = false
    /// The server's end came without the close_notify of TLS: somebody on the way may have made it.
    var isCutOff = false
    /// Monotonic nanoseconds.
    var startedAt: Int64 = 0
    /// Called once, when the connection can be used or has failed.
    var completion: (@MainActor (ConnectionError?) -> Void)?

    /// Whether the connection is made again when it ends.
    var comesAgain: Bool {
        guard let policy = options.reconnect, !isGivenUp, !OutgoingConnections.shared.isClosing else { return false }
        return attempts < policy.maxAttempts ?? .max
    }

    init(_ target: RemoteAddress, _ options: ConnectOptions, makeDriver: @escaping @MainActor () -> ProtocolDriver) {
        self.makeDriver = makeDriver
        self.target = target
        self.options = options
        tls = options.tls ?? (target.isSecured ? TLSClientOptions() : nil)
    }

    func complete(_ error: ConnectionError?) {
        if error == nil { establishedAt = EventLoop.current.now }
        guard let completion else { return }
        self.completion = nil
        completion(error)
    }
}
