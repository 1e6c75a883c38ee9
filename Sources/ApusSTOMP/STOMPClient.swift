import Apus
public import ApusProtocols

/// A client of one STOMP broker (versions 1.0 to 1.2), with one connection on the event loop of this process.
///
///     let broker = try STOMPClient("stomp://guest:guest@10.0.0.5")
///     try await broker.connect()
///     try await broker.sendConfirmed("hello", to: "/queue/greetings")
///     for try await message in broker.messages(from: "/queue/greetings", ackMode: .clientIndividual) {
///         handle(message.text)
///         message.ack()
///     }
///
/// It is made in a worker: in `onWorkerStart` or later. When the connection breaks it is made again, with all
/// subscriptions, after pauses that grow. Nothing is sent meanwhile: sending fails with `STOMPError.notConnected`.
@MainActor public final class STOMPClient {
    /// Called when the broker has opened the first session.
    public var onConnect: (@MainActor (STOMPClient) -> Void)?
    /// Called when the broker has opened a further session. The subscriptions were renewed by then.
    public var onReconnect: (@MainActor (STOMPClient) -> Void)?
    /// Called with what went wrong and was nobody's to catch: `STOMPError`, or what a subscription's `onMessage` threw.
    public var onError: (@MainActor (STOMPClient, any Error) -> Void)?
    /// Called when a session has ended, or a connection could not be made.
    public var onClose: (@MainActor (STOMPClient) -> Void)?
    /// Called with a line for each frame that is sent or received, for debugging. Passwords are left out.
    public var onDebug: (@MainActor (String) -> Void)?

    /// Where the client is.
    public internal(set) var state = STOMPState.initial
    /// The version that is spoken; nil without a session.
    public var version: STOMPVersion? { state == .established || state == .disconnecting ? link.version : nil }
    /// What the broker says of the session: its `server`, `session`, `heart-beat`.
    public internal(set) var sessionHeaders: STOMPHeaders = [:]

    let target: STOMPTarget
    let options: STOMPOptions
    let link = STOMPLink()
    let receipts: STOMPReceipts
    var connection: Connection<STOMPWire>?
    /// The attempt or session that callbacks of the connection belong to.
    var attempt = 0
    /// Counts the sessions that were opened.
    var session = 0
    var attemptTimer: WorkerTimer?
    var reconnectTimer: WorkerTimer?
    var sendTimer: WorkerTimer?
    var receiveTimer: WorkerTimer?
    /// Failed attempts since the last session that lasted.
    var failures = 0
    /// Monotonic nanoseconds.
    var establishedAt: Int64 = 0
    /// Why the connection ends, as far as that is known.
    var endError: STOMPError?
    var endReason: String?
    /// Something was sent since the last look.
    var hasSent = false
    /// A subscription was ended in this session.
    var hasUnsubscribed = false
    /// Callers of `connect`.
    var connecting: [STOMPReceipts.Completion] = []
    var subscriptions: [String: STOMPSubscription] = [:]
    /// How many were made.
    var lastSubscription = 0
    private var lastTransaction = 0
    /// Buffers that hold as many messages as they may.
    private var fullBuffers = 0
    private var isPaused = false
    private var isReadingDue = false
    /// What the client itself says.
    private static let reservedHeaders = ["destination", "content-length", "receipt"]

    /// A client of the broker at `stomp://[user[:password]@]host[:port]`, `stomps://…` over TLS, or `unix:/path`. A
    /// missing port is 61613, or 61614 with TLS.
    public init(_ address: String, options: STOMPOptions = STOMPOptions()) throws(STOMPError) {
        var target = try STOMPTarget(address)
        target.login = target.login ?? options.login
        target.passcode = target.passcode ?? options.passcode
        self.target = target
        self.options = options
        receipts = STOMPReceipts(timeout: options.receiptTimeout)
    }

    isolated deinit {
        attempt += 1
        cancelTimers()
        connection?.destroy()
        receipts.failAll(.closed)
        for waiter in connecting { waiter(.closed) }
        for subscription in subscriptions.values { subscription.end(nil) }
    }

    // MARK: Sending

    /// Sends a message without asking whether it arrives. False when it was not sent, for which `onError` gets the
    /// reason. `content-length` and `content-type` are added.
    @discardableResult
    public func send(_ body: some STOMPBody, to destination: String, headers: STOMPHeaders = [:]) -> Bool {
        do throws(STOMPError) {
            try sendFrame(message(body, destination, headers))
            return true
        } catch {
            report(error)
            return false
        }
    }

    /// Sends a message, and returns when the broker has confirmed that it has it. Throws `STOMPError`, and
    /// `CancellationError` at once when the task is cancelled: what was sent may arrive all the same.
    public func sendConfirmed(
        _ body: some STOMPBody, to destination: String, headers: STOMPHeaders = [:]
    ) async throws {
        try await PendingResult.wait { sendConfirmed(body, to: destination, headers: headers, $0) }
    }

    /// Sends a message; `done` is called when the broker has confirmed that it has it, or with an error.
    public func sendConfirmed(
        _ body: some STOMPBody, to destination: String, headers: STOMPHeaders = [:],
        _ done: @escaping @MainActor (STOMPError?) -> Void
    ) {
        do throws(STOMPError) {
            try sendFrame(message(body, destination, headers), confirmed: done)
        } catch {
            done(error)
        }
    }

    private func message(_ body: some STOMPBody, _ destination: String, _ headers: STOMPHeaders) -> STOMPFrame {
        let bytes = body.stompBytes
        var all: STOMPHeaders = ["destination": destination]
        for field in headers.fields where !Self.reservedHeaders.contains(field.name) {
            all.append(field.name, field.value)
        }
        all["content-length"] = String(bytes.count)
        if all["content-type"] == nil { all["content-type"] = body.stompContentType }
        return STOMPFrame("SEND", all, body: bytes)
    }

    /// Begins a transaction. Throws `STOMPError.notConnected` without a session.
    public func begin() throws(STOMPError) -> STOMPTransaction {
        lastTransaction += 1
        let transaction = STOMPTransaction(id: "tx-\(lastTransaction)", client: self)
        try sendFrame(STOMPFrame("BEGIN", ["transaction": transaction.id]))
        return transaction
    }

    /// Sends a frame, and calls `done` when the broker has confirmed it. Returns what the confirmation is called.
    @discardableResult
    func sendFrame(
        _ frame: STOMPFrame, confirmed done: @escaping STOMPReceipts.Completion
    ) throws(STOMPError) -> String {
        guard state == .established else { throw .notConnected }
        guard receipts.count < options.maxOutstandingReceipts else {
            throw .tooManyReceipts(options.maxOutstandingReceipts)
        }
        var frame = frame
        let id = receipts.makeID()
        frame.headers["receipt"] = id
        try sendFrame(frame)
        receipts.add(id) { [weak self] error in
            done(error)
            self?.readingMayChange()
        }
        readingMayChange()
        return id
    }

    /// Sends a frame in the session.
    func sendFrame(_ frame: STOMPFrame) throws(STOMPError) {
        guard state == .established, let connection else { throw .notConnected }
        var bytes: [UInt8] = []
        do throws(STOMPSyntaxError) {
            try STOMPEncoder.append(frame, version: link.version, to: &bytes)
        } catch {
            throw .invalidFrame(error.description)
        }
        let unsent = connection.pendingSendBytes
        guard unsent == 0 || unsent + bytes.count <= options.maxUnsentBytes else { throw .sendBufferFull(unsent) }
        trace("→", frame)
        hasSent = true
        // One that fails ends the connection, which is told by its callbacks.
        if case .failed = connection.sendRaw(bytes) { throw .notConnected }
    }

    func trace(_ direction: String, _ frame: STOMPFrame) {
        guard let onDebug else { return }
        var headers = frame.headers
        if headers["passcode"] != nil { headers["passcode"] = "…" }
        onDebug("\(direction) \(frame.command) \(headers), \(frame.body.count) bytes")
    }

    func report(_ error: any Error) { onError?(self, error) }

    // MARK: Subscriptions

    /// Asks for the messages of a destination; `onMessage` is called with each, and what acknowledges it. It may be
    /// asked for before `connect`, and is renewed in each session. What `onMessage` throws goes to `onError`.
    @discardableResult
    public func subscribe(
        to destination: String, ackMode: STOMPAckMode = .auto, headers: STOMPHeaders = [:],
        _ onMessage: @escaping @MainActor (STOMPFrame, STOMPAckResolver) throws -> Void
    ) -> STOMPSubscription {
        subscribe(destination, ackMode, headers, .callback(onMessage))
    }

    /// The same with messages that are acknowledged: `.client` unless set.
    @discardableResult
    public func subscribeWithAck(
        to destination: String, ackMode: STOMPAckMode = .client, headers: STOMPHeaders = [:],
        _ onMessage: @escaping @MainActor (STOMPFrame, STOMPAckResolver) throws -> Void
    ) -> STOMPSubscription {
        subscribe(destination, ackMode, headers, .callback(onMessage))
    }

    /// The messages of a destination as a sequence. When `bufferLimit` of them were not asked for yet nothing more is
    /// read from the broker, for any subscription of this client, unless a confirmation is waited for.
    public func messages(
        from destination: String, ackMode: STOMPAckMode = .auto, headers: STOMPHeaders = [:], bufferLimit: Int = 256
    ) -> STOMPMessages {
        let buffer = STOMPMessageBuffer(limit: bufferLimit, byteLimit: options.maxBufferedBytes)
        buffer.onFullChanged = { [weak self] isFull in
            self?.fullBuffers += isFull ? 1 : -1
            self?.readingMayChange()
        }
        let subscription = subscribe(destination, ackMode, headers, .buffer(buffer))
        return STOMPMessages(subscription, buffer, client: self)
    }

    private func subscribe(
        _ destination: String, _ ackMode: STOMPAckMode, _ headers: STOMPHeaders, _ sink: STOMPSubscription.Sink
    ) -> STOMPSubscription {
        lastSubscription += 1
        let subscription = STOMPSubscription(
            id: "client-\(lastSubscription)", destination: destination, ackMode: ackMode, headers: headers, sink: sink,
            client: self)
        subscriptions[subscription.id] = subscription
        if state == .established { request(subscription) }
        return subscription
    }

    /// Asks the broker for what a subscription wants.
    func request(_ subscription: STOMPSubscription) {
        if case .clientIndividual = subscription.ackMode, case .v1_0 = link.version {
            return end(subscription, .unsupported("acknowledgement of single messages"))
        }
        subscription.session = session
        do throws(STOMPError) {
            subscription.receipt = try sendFrame(subscription.frame) { [weak self, weak subscription] error in
                guard let subscription, subscription.isActive else { return }
                switch error {
                case nil: subscription.confirm()
                case .refused: self?.end(subscription, error)
                // Asked for again in the next session, or confirmed late.
                default: break
                }
            }
        } catch {
            end(subscription, error)
        }
    }

    func end(_ subscription: STOMPSubscription, _ error: STOMPError?) {
        guard subscriptions.removeValue(forKey: subscription.id) != nil else { return }
        subscription.end(error)
        if let error { report(error) }
    }

    func unsubscribe(_ subscription: STOMPSubscription, because error: STOMPError? = nil) {
        let isKnown = state == .established && subscription.session == session
        guard subscriptions.removeValue(forKey: subscription.id) != nil else { return }
        subscription.end(error)
        if let error { report(error) }
        guard isKnown else { return }
        hasUnsubscribed = true
        var headers: STOMPHeaders = ["id": subscription.id]
        // RabbitMQ wants those of durable subscriptions again.
        for field in subscription.headers.fields where headers[field.name] == nil {
            headers.append(field.name, field.value)
        }
        if case .v1_0 = link.version { headers["destination"] = subscription.destination }
        do throws(STOMPError) {
            try sendFrame(STOMPFrame("UNSUBSCRIBE", headers))
        } catch {
            report(error)
        }
    }

    func deliver(_ frame: STOMPFrame) {
        guard let subscription = subscription(of: frame) else { return }
        let resolver = STOMPAckResolver(frame, subscription, client: self)
        switch subscription.sink {
        case .callback(let body):
            do {
                try body(frame, resolver)
            } catch {
                report(error)
            }
        case .buffer(let buffer):
            buffer.add(STOMPMessage(frame: frame, resolver: resolver))
            if buffer.isOverflowing {
                let count = buffer.count
                unsubscribe(subscription, because: .consumerTooSlow(count))
            }
        }
    }

    /// Nil for one that was ended while the message was on its way.
    private func subscription(of frame: STOMPFrame) -> STOMPSubscription? {
        if let id = frame.headers["subscription"] { return subscriptions[id] }
        // Version 1.0 need not say.
        return subscriptions.values.first { $0.destination == frame.headers["destination"] }
    }

    // MARK: Back-pressure

    /// Reading stops as long as a buffer is full, but not while the broker's word is waited for: who waits may be the
    /// one who would empty the buffer.
    private var wantsPause: Bool { fullBuffers > 0 && receipts.count == 0 && state == .established }

    /// Reading goes on at the end of the turn, not within a call of the user's.
    private func readingMayChange() {
        if wantsPause {
            guard !isPaused else { return }
            isPaused = true
            connection?.pauseReading()
        } else if isPaused, !isReadingDue {
            isReadingDue = true
            EventLoop.current.execute { [weak self] in self?.resumeReading() }
        }
    }

    private func resumeReading() {
        isReadingDue = false
        guard isPaused, !wantsPause else { return }
        isPaused = false
        connection?.resumeReading()
    }

    /// Nothing can be heard of the broker.
    var isReadingPaused: Bool { isPaused }

    /// The connection that was paused is no more.
    func forgetPause() { isPaused = false }

    func readingIsOpen() { readingMayChange() }
}
