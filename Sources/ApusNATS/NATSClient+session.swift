import Apus
import ApusProtocols

/// The life of the connection.
extension NATSClient {
    /// Seconds between two attempts to connect.
    private static let shortestPause = 0.05
    private static let longestPause = 2.0
    /// Seconds after which a connection counts as one that works.
    private static let longLife = 5.0

    func connect() {
        retryTimer = nil
        phase = .connecting
        attempt += 1
        endReason = nil
        let attempt = attempt
        let target = targets[current]
        var connect = options.connect
        // TLS begins when the server has said who it is.
        connect.tls = nil
        connect.reconnect = nil
        // Both are bounded here, where errors have a type.
        connect.limits.maxPackageSize = min(options.maxMessageBytes, 1 << 40) + NATSDecoder.maxLineBytes
        connect.limits.maxSendBufferSize = .max
        do throws(AddressError) {
            let wire = NATSWire(maxMessageBytes: options.maxMessageBytes)
            self.wire = wire
            let connection = try Connection(wire, to: target.address, options: connect)
            connection.onMessage = { [weak self] _, operation in self?.ifCurrent(attempt) { $0.received(operation) } }
            connection.onError = { [weak self] _, _, reason in self?.ifCurrent(attempt) { $0.endReason = reason } }
            connection.onClose = { [weak self] _ in self?.ifCurrent(attempt) { $0.ended() } }
            self.connection = connection
            greetingTimer = WorkerTimer.after(connect.timeout + 1) { [weak self] _ in
                self?.drop("the server did not greet in time")
            }
            connection.connect()
        } catch {
            endReason = "\(error)"
            ended()
        }
    }

    private func ifCurrent(_ attempt: Int, _ body: (NATSClient) -> Void) {
        if attempt == self.attempt { body(self) }
    }

    private func drop(_ reason: String) {
        endReason = reason
        connection?.destroy()
    }

    // MARK: What the server says

    private func received(_ operation: NATSOperation) {
        isAnswered = true
        switch (operation, phase) {
        case (.info(let json), .connecting): greet(json)
        case (.info(let json), .greeting), (.info(let json), .ready): takeLimits(NATSServerInfo(json))
        case (.message(let delivery), .ready): deliver(delivery)
        case (.ping, .greeting), (.ping, .ready): sendNow(NATSEncoder.pong)
        case (.pong, .greeting): ready()
        case (.pong, .ready):
            guard let ids = pongs.popFirst() else { return drop("the server answers what was not asked") }
            for id in ids { waiters.finish(id, .success(nil)) }
        case (.ok, _): break
        case (.error(let reason), _): refused(reason)
        default: drop("the server does not say who it is")
        }
    }

    private func refused(_ reason: String) {
        // It goes on after these, and closes the connection after the others.
        if phase != .ready || !reason.lowercased().hasPrefix("permissions violation") { endReason = reason }
        report(NATSError.refused(reason))
    }

    private func takeLimits(_ info: NATSServerInfo?) {
        guard let info else { return drop("what the server says of itself is no JSON") }
        maxPayload = min(info.maxPayload, options.maxMessageBytes)
    }

    private func greet(_ json: [UInt8]) {
        guard let info = NATSServerInfo(json) else { return drop("what the server says of itself is no JSON") }
        takeLimits(info)
        let target = targets[current]
        let wantsTLS = target.isSecured || options.connect.tls != nil
        guard !wantsTLS || info.offersTLS else { return drop("the server speaks no TLS") }
        if wantsTLS || info.requiresTLS {
            do throws(TLSError) {
                try connection?.startTLS(options.connect.tls ?? TLSClientOptions())
            } catch {
                return drop(error.description)
            }
        }
        phase = .greeting
        let login = NATSLogin(target, name: options.name, isSecured: wantsTLS || info.requiresTLS)
        connection?.sendRaw(NATSEncoder.connect(login.json) + NATSEncoder.ping)
    }

    private func ready() {
        greetingTimer?.cancel()
        greetingTimer = nil
        phase = .ready
        readySince = EventLoop.current.now
        pingTimer = WorkerTimer.every(max(0.01, options.pingInterval)) { [weak self] _ in self?.look() }
        becameReady()
    }

    /// A server that has not answered since the last look is gone.
    private func look() {
        guard phase == .ready else { return }
        guard isAnswered else { return drop("the server did not answer in \(options.pingInterval) seconds") }
        isAnswered = false
        // First: what fails at once empties it.
        pongs.append([])
        sendNow(NATSEncoder.ping)
    }

    // MARK: The end

    private func ended() {
        let wasReady = phase == .ready
        endConnection()
        failure = endReason ?? wire?.failure ?? "the server closed the connection"
        phase = .idle
        let lived = Double(EventLoop.current.now - readySince) / 1e9
        failures = wasReady && lived > Self.longLife ? 0 : failures + 1
        current = (current + 1) % targets.count
        connectLater()
        becameUnready(.connectionLost(failure))
        onDisconnect?(failure)
    }

    /// The next server at once, and a pause when all were tried.
    private func connectLater() {
        let rounds = failures / targets.count
        var pause = 0.0
        if failures % targets.count == 0 {
            let longest = min(Self.longestPause, Self.shortestPause * Double(1 << min(rounds, 10)))
            pause = longest * .random(in: 0.5...1)
        }
        retryTimer = WorkerTimer.after(pause) { [weak self] _ in self?.connect() }
    }

    func endConnection() {
        attempt += 1
        for timer in [retryTimer, greetingTimer, pingTimer] { timer?.cancel() }
        retryTimer = nil
        greetingTimer = nil
        pingTimer = nil
        let old = connection
        connection = nil
        if phase == .closed { old?.close() } else { old?.destroy() }
    }
}
