import Apus
import ApusProtocols

/// The life of the connection and of the sessions over it.
extension STOMPClient {
    /// Seconds after which a session counts as one that works.
    private static let longLife = 5.0

    // MARK: Connecting

    /// Begins to connect, and returns at once. Does nothing when that was begun before. `onConnect` or `onError`
    /// follows; failed attempts are repeated.
    public func connect() { begin(nil) }

    /// Returns when the broker has opened a session, at once when there is one. Throws `STOMPError` when the attempt
    /// that is under way, or the next one, fails; the client goes on to try until `close`.
    public func connect() async throws { try await PendingResult.wait { begin($0) } }

    /// Begins to connect; `done` is called when the broker has opened a session, or with an error when the attempt has
    /// failed.
    public func connect(_ done: @escaping @MainActor (STOMPError?) -> Void) { begin(done) }

    private func begin(_ done: STOMPReceipts.Completion?) {
        switch state {
        case .established:
            done?(nil)
            return
        case .disconnecting:
            done?(.notConnected)
            return
        case .initial, .disconnected, .connecting, .waitingForConnected: break
        }
        if let done { connecting.append(done) }
        if state == .initial || state == .disconnected {
            failures = 0
            attemptToConnect()
        }
    }

    private func attemptToConnect() {
        reconnectTimer = nil
        state = .connecting
        attempt += 1
        endError = nil
        endReason = nil
        link.failure = nil
        let attempt = attempt
        do throws(AddressError) {
            let connection = try makeConnection(attempt)
            self.connection = connection
            attemptTimer = WorkerTimer.after(options.connectTimeout) { [weak self] _ in self?.attemptTimedOut() }
            connection.connect()
        } catch {
            state = .disconnected
            finishConnecting(.invalidAddress(error.text, reason: error.reason))
        }
    }

    private func makeConnection(_ attempt: Int) throws(AddressError) -> Connection<STOMPWire> {
        var connect = options.connect
        if target.isSecured, connect.tls == nil { connect.tls = TLSClientOptions() }
        connect.timeout = options.connectTimeout
        connect.reconnect = nil
        // Both are bounded here, where errors have a type.
        connect.limits.maxPackageSize = min(options.maxFrameBytes, 1 << 40) + 64 * 1024
        connect.limits.maxSendBufferSize = .max
        let limits = STOMPLimits(headers: options.maxHeaderCount, frameBytes: options.maxFrameBytes)
        let connection = try Connection(STOMPWire(link, limits: limits), to: target.address, options: connect)
        connection.onConnect = { [weak self] _ in self?.ifCurrent(attempt) { $0.greet() } }
        connection.onMessage = { [weak self] _, frame in self?.ifCurrent(attempt) { $0.received(frame) } }
        connection.onError = { [weak self] _, _, reason in self?.ifCurrent(attempt) { $0.endReason = reason } }
        connection.onClose = { [weak self] _ in self?.ifCurrent(attempt) { $0.ended() } }
        return connection
    }

    private func ifCurrent(_ attempt: Int, _ body: (STOMPClient) -> Void) {
        if attempt == self.attempt { body(self) }
    }

    private func attemptTimedOut() {
        endReason = "no session within \(options.connectTimeout) seconds"
        connection?.destroy()
    }

    private func greet() {
        state = .waitingForConnected
        var headers: STOMPHeaders = [:]
        let versions = options.versions.sorted().map(\.rawValue)
        headers["accept-version"] = versions.joined(separator: ",")
        headers["host"] = options.virtualHost
        if let login = target.login, !login.isEmpty {
            headers["login"] = login
            headers["passcode"] = target.passcode ?? ""
        }
        headers["heart-beat"] =
            "\(Self.milliseconds(options.heartBeat.sends))"
            + ",\(Self.milliseconds(options.heartBeat.expects))"
        let frame = STOMPFrame("CONNECT", headers)
        var bytes: [UInt8] = []
        do throws(STOMPSyntaxError) {
            try STOMPEncoder.append(frame, version: nil, to: &bytes)
        } catch {
            endError = .invalidFrame("login, password or host: \(error.description)")
            connection?.destroy()
            return
        }
        trace("→", frame)
        connection?.sendRaw(bytes)
    }

    private static func milliseconds(_ seconds: Double) -> Int { Int(max(0, min(seconds, 1e6)) * 1000) }

    // MARK: Frames of the broker

    private func received(_ frame: STOMPFrame) {
        trace("←", frame)
        switch (frame.command, state) {
        case ("CONNECTED", .waitingForConnected): opened(frame)
        case ("MESSAGE", .established), ("MESSAGE", .disconnecting): deliver(frame)
        case ("RECEIPT", .established), ("RECEIPT", .disconnecting):
            guard let id = frame.headers["receipt-id"] else { return violated("a receipt has no id") }
            receipts.finish(id, nil)
        case ("ERROR", _):
            let error = STOMPError(frame)
            if isAboutEnded(frame) { return }
            endError = error
            if let id = frame.headers["receipt-id"] { receipts.finish(id, error) } else { blame(error) }
            connection?.destroy()
        default: violated("\(frame.command) came where it is not expected")
        }
    }

    /// RabbitMQ says so of messages that were on their way when their subscription ended, and goes on.
    private func isAboutEnded(_ frame: STOMPFrame) -> Bool {
        hasUnsubscribed && state == .established && frame.headers["message"] == "Subscription not found"
    }

    /// Brokers need not say what they refuse: RabbitMQ does not. A subscription that they had to confirm next, twice in
    /// a row, is what it was; renewing it again would end each further session.
    private func blame(_ error: STOMPError) {
        guard let oldest = receipts.oldestID,
            let subscription = subscriptions.values.first(where: { $0.receipt == oldest })
        else { return }
        subscription.refusals += 1
        if subscription.refusals > 1 { end(subscription, error) }
    }

    private func violated(_ reason: String) {
        endError = .protocolViolation(reason)
        connection?.destroy()
    }

    private func opened(_ frame: STOMPFrame) {
        guard let version = STOMPVersion(rawValue: frame.headers["version"] ?? "1.0"),
            options.versions.contains(version)
        else {
            return violated("the broker speaks version \(frame.headers["version"] ?? "1.0"), which was not offered")
        }
        guard let beats = Self.heartBeats(frame.headers["heart-beat"] ?? "0,0") else {
            return violated("the broker's heart-beats are no numbers")
        }
        attemptTimer?.cancel()
        attemptTimer = nil
        link.version = version
        sessionHeaders = frame.headers
        state = .established
        session += 1
        hasUnsubscribed = false
        establishedAt = EventLoop.current.now
        startHeartBeats(beats)
        let session = session
        let renewed = subscriptions.values.sorted { Int($0.id.dropFirst(7))! < Int($1.id.dropFirst(7))! }
        for subscription in renewed where state == .established { request(subscription) }
        finishConnecting(nil)
        // What was called may have closed the client.
        guard state == .established, session == self.session else { return }
        if session == 1 { onConnect?(self) } else { onReconnect?(self) }
    }

    private func finishConnecting(_ error: STOMPError?) {
        let all = connecting
        connecting = []
        for done in all { done(error) }
    }

    // MARK: Heart-beats

    /// Seconds that the broker promises and wishes; nil for what is no heart-beat header.
    private static func heartBeats(_ text: String) -> (sends: Double, wishes: Double)? {
        let parts = text.split(atASCII: ",", omittingEmptySubsequences: false)
        guard parts.count == 2, let sends = UInt32(parts[0]), let wishes = UInt32(parts[1]) else { return nil }
        return (Double(sends) / 1000, Double(wishes) / 1000)
    }

    private func startHeartBeats(_ broker: (sends: Double, wishes: Double)) {
        let own = options.heartBeat
        if own.sends > 0, broker.wishes > 0 {
            // A look twice in the time: the gap between two signs of life is never longer than agreed on.
            sendTimer = WorkerTimer.every(max(own.sends, broker.wishes) / 2) { [weak self] _ in self?.beat() }
        }
        if own.expects > 0, broker.sends > 0 {
            var heard = connection?.bytesRead ?? 0
            var isSilent = false
            receiveTimer = WorkerTimer.every(max(own.expects, broker.sends)) { [weak self] _ in
                guard let self, let connection else { return }
                let now = connection.bytesRead
                // What waits in the kernel was not heard either.
                if now != heard || isReadingPaused {
                    isSilent = false
                } else if isSilent {
                    endError = .heartBeatMissed
                    connection.destroy()
                } else {
                    isSilent = true
                }
                heard = now
            }
        }
    }

    private func beat() {
        defer { hasSent = false }
        if !hasSent { connection?.sendRaw([0x0A]) }
    }

    // MARK: The end

    /// Tells the broker that the session ends, and returns when it has confirmed all that was sent, or the connection
    /// has ended, or `STOMPOptions.receiptTimeout` has passed. The client does not connect again by itself.
    public func disconnect() async {
        let waiter = PendingResult<Void>()
        disconnect { waiter.finish(.success(())) }
        try? await waiter.wait()
    }

    /// Tells the broker that the session ends, and closes the connection when it has confirmed all that was sent; then
    /// `done` is called.
    public func disconnect(_ done: @escaping @MainActor () -> Void = {}) {
        do throws(STOMPError) {
            try sendFrame(STOMPFrame("DISCONNECT")) { [weak self] _ in
                if let self, state == .disconnecting { close() }
                done()
            }
            state = .disconnecting
            readingIsOpen()
        } catch {
            close()
            done()
        }
    }

    /// Closes the connection now. What waits to be sent or confirmed fails with `STOMPError.closed`, sequences of
    /// messages end. Whether the broker gets what was sent just before, say an ACK, is not known; `disconnect` waits
    /// for that. The client does not connect again by itself.
    public func close() {
        guard state != .disconnected else { return }
        let hadConnection = state != .initial
        state = .disconnected
        attempt += 1
        cancelTimers()
        dropConnection()
        let all = subscriptions.values
        subscriptions = [:]
        receipts.failAll(.closed)
        finishConnecting(.closed)
        for subscription in all { subscription.end(nil) }
        if hadConnection { onClose?(self) }
    }

    func cancelTimers() {
        for timer in [attemptTimer, reconnectTimer, sendTimer, receiveTimer] { timer?.cancel() }
        attemptTimer = nil
        reconnectTimer = nil
        sendTimer = nil
        receiveTimer = nil
    }

    private func dropConnection() {
        let old = connection
        connection = nil
        link.version = nil
        forgetPause()
        old?.destroy()
    }

    /// The connection has closed, or could not be made.
    private func ended() {
        let before = state
        let violation = link.failure.map { STOMPError.protocolViolation($0) }
        cancelTimers()
        attempt += 1
        dropConnection()
        let reason = endReason ?? "the broker closed the connection"
        if before == .disconnecting {
            // Whether that was the broker's answer or not.
            state = .connecting
            close()
            return
        }
        let wasEstablished = before == .established
        let error =
            endError ?? violation ?? (wasEstablished ? .connectionLost(reason) : .connectFailed(reason))
        let lived = Double(EventLoop.current.now - establishedAt) / 1e9
        failures = wasEstablished && lived > Self.longLife ? 0 : failures + 1
        state = options.reconnectPeriod > 0 ? .connecting : .disconnected
        for subscription in subscriptions.values { subscription.sessionEnded() }
        receipts.failAll(Self.lost(error))
        finishConnecting(error)
        if state == .disconnected { endSubscriptions(error) }
        // What was called may have closed the client, or connected it again.
        let current = attempt
        report(error)
        if current == attempt { onClose?(self) }
        if current == attempt, state == .connecting, reconnectTimer == nil { connectLater() }
    }

    private func endSubscriptions(_ error: STOMPError) {
        let all = subscriptions.values
        subscriptions = [:]
        for subscription in all { subscription.end(error) }
    }

    /// Of what waits for confirmation nobody knows whether it has arrived.
    private static func lost(_ error: STOMPError) -> STOMPError {
        if case .refused = error { return .connectionLost(error.description) }
        return error
    }

    private func connectLater() {
        let period = options.reconnectPeriod
        let longest = max(period, options.longestReconnectPause)
        let pause = min(longest, period * Double(1 << min(max(0, failures - 1), 20)))
        reconnectTimer = WorkerTimer.after(pause * .random(in: 0.5...1)) { [weak self] _ in self?.attemptToConnect() }
    }
}
