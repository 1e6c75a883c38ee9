import CApus

/// The life of an outgoing connection before it is established, and after it was closed.
extension StreamConnection {
    private static var lastOutgoingID = 0
    /// Nanoseconds after which a connection counts as one that has worked.
    private static let longEnough: Int64 = 5_000_000_000

    /// A connection that is not connected yet.
    convenience init(
        to target: RemoteAddress, _ options: ConnectOptions, loop: EventLoop,
        makeDriver: @escaping @MainActor () -> ProtocolDriver
    ) {
        Self.lastOutgoingID += 1
        self.init(
            fd: -1, id: Self.lastOutgoingID, peer: capus_address(), loop: loop, worker: nil, driver: makeDriver())
        state = .initial
        moreExtras.outgoing = Outgoing(target, options, makeDriver: makeDriver)
        self.driver.beginLife(self)
    }

    /// Nothing is there of a connection: it can be begun.
    private var isIdle: Bool { fd < 0 && state != .connecting && !OutgoingConnections.shared.isClosing }

    /// Begins to connect; callbacks are called later.
    func connect() {
        guard let outgoing = extras?.outgoing, isIdle else { return }
        outgoing.reconnectTimer?.cancel()
        outgoing.reconnectTimer = nil
        outgoing.startedAt = loop.now
        outgoing.isGivenUp = false
        outgoing.isCutOff = false
        forgetEarlierLife()
        state = .connecting
        stamp = shared.pointee.second
        if worker == nil {
            worker = OutgoingConnections.shared
            OutgoingConnections.shared.add(self)
        }
        outgoing.dialer = Dialer(
            outgoing.target, outgoing.options, loop: loop,
            speaksFirst: { [unowned self] in
                outbound != nil || outgoing.tls != nil
            }
        ) { [unowned self] in dialed($0) }
    }

    /// Connects again after a while. Until then what is sent waits.
    func reconnect(after seconds: Double) {
        guard let outgoing = extras?.outgoing, isIdle else { return }
        outgoing.reconnectTimer?.cancel()
        state = .initial
        outgoing.reconnectTimer = WorkerTimer.after(max(0, seconds)) { [self] _ in connect() }
    }

    /// The user closes the connection.
    func giveUp() { extras?.outgoing?.isGivenUp = true }

    /// The connection has ended, and nobody has begun it again: does so if that is wanted.
    func reconnectByItself() {
        guard let outgoing = extras?.outgoing, let policy = outgoing.options.reconnect, state == .closed,
            outgoing.comesAgain
        else { return }
        // One that ended at once counts as a failed attempt: a server that sends its clients away is not to be asked
        // without pause.
        if let since = outgoing.establishedAt, loop.now - since >= Self.longEnough { outgoing.attempts = 0 }
        outgoing.establishedAt = nil
        let delay = policy.delay(after: outgoing.attempts)
        outgoing.attempts += 1
        reconnect(after: delay)
    }

    func cancelReconnect() {
        extras?.outgoing?.isGivenUp = true
        guard let outgoing = extras?.outgoing, let timer = outgoing.reconnectTimer else { return }
        timer.cancel()
        outgoing.reconnectTimer = nil
        guard state == .initial else { return }
        // One that failed before is still to be ended.
        if worker != nil { return destroy() }
        state = .closed
        _ = extras?.endLife()
        driver = outgoing.makeDriver()
        driver.beginLife(self)
    }

    private func forgetEarlierLife() {
        if !isDelivering { partial.free() }
        http = HTTPConnectionState()
        pauses = []
        isPeerFinished = false
        isWatchingInput = false
        if closeKind != .halfClose { closeKind = .open }
        isSecuring = false
        handshakeWrites = false
    }

    private func dialed(_ result: Result<DialedSocket, ConnectionError>) {
        guard let outgoing = extras?.outgoing else { return }
        outgoing.dialer = nil
        switch result {
        case .failure(let error): connectFailed(error.description)
        case .success(let socket):
            fd = socket.fd
            peer = socket.peer
            if let failure = beginSession(outgoing, socket) { return connectFailed(failure) }
            established(outgoing, received: socket.received)
        }
    }

    /// Returns why there can be no TLS session.
    private func beginSession(_ outgoing: Outgoing, _ socket: DialedSocket) -> String? {
        guard let options = outgoing.tls else { return nil }
        guard socket.received.isEmpty else { return Self.spokeTooEarly }
        return beginSession(outgoing, options)
    }

    static let spokeTooEarly = "the server spoke before the TLS handshake"

    /// Returns why there can be no TLS session.
    func beginSession(_ outgoing: Outgoing, _ options: TLSClientOptions) -> String? {
        let name = options.serverName ?? outgoing.target.hostName
        guard !name.isEmpty else { return "no TLS without a name: set TLSClientOptions.serverName" }
        do throws(TLSError) {
            let context = try TLSClientContext.of(options)
            tls = capus_tls_connect(context.context, fd, name)
        } catch {
            return error.description
        }
        isSecuring = tls != nil
        return isSecuring ? nil : "no memory for a TLS session"
    }

    private func established(_ outgoing: Outgoing, received: [UInt8]) {
        state = .established
        stamp = shared.pointee.second
        register()
        if let waiting = outbound {
            outbound = loop.makeOutbound(self, tls: tls, waits: !isSecuring)
            guard let outbound else { return destroy() }
            if capus_outbound_take_over(outbound, waiting) != 0 { return destroy() }
        }
        driver.opened(self)
        guard fd >= 0 else { return }
        if isSecuring {
            receive()
        } else {
            if outbound != nil { outputProgressed() } else if closeKind == .halfClose { shutDownOutput() }
            if driver.isConnectedWhenSecured { outgoing.complete(nil) }
        }
        guard state == .established, !received.isEmpty else { return }
        bytesRead += received.count
        received.withUnsafeBufferPointer { partial.append($0.baseAddress!, $0.count) }
        deliverPartial()
    }

    /// The attempt has failed: the user is told, and may connect again from there.
    private func connectFailed(_ reason: String) {
        guard let outgoing = extras?.outgoing else { return }
        let seconds = Double(capus_monotonic_ns() - outgoing.startedAt) / 1e9
        let text = "connect \(outgoing.target) fail after \(Self.describe(seconds)) seconds: \(reason)"
        attemptFailed(outgoing, text)
    }

    /// Ends an attempt: the user may begin the next one in the callbacks.
    func attemptFailed(_ outgoing: Outgoing, _ text: String) {
        closeSocket()
        state = .closing
        driver.failed(self, .connectFailed, text)
        outgoing.complete(ConnectionError(description: text))
        if state == .closing { destroy() }
    }

    /// Four decimals.
    private static func describe(_ seconds: Double) -> String {
        let parts = max(1, Int(seconds * 10_000))
        return "\(parts / 10_000)." + String("\(10_000 + parts % 10_000)".dropFirst())
    }

    /// The TLS handshake with the server has failed; the connection closes.
    func handshakeFailed(_ reason: String) {
        guard let outgoing = extras?.outgoing else { return }
        let text = "TLS handshake with \(outgoing.target) failed: \(reason)"
        driver.failed(self, .connectFailed, text)
        outgoing.complete(ConnectionError(description: text))
    }

    /// Called by `destroy`.
    func abandonConnecting() {
        guard let outgoing = extras?.outgoing else { return }
        outgoing.dialer?.cancel()
        outgoing.dialer = nil
        outgoing.reconnectTimer?.cancel()
        outgoing.reconnectTimer = nil
    }
}
