import Apus
import ApusProtocols

/// A client of NATS servers, with one connection on the event loop of this process.
///
///     let nats = try NATSClient("nats://10.0.0.5")
///     nats.subscribe("orders.*") { message in print(message.subject, message.text) }
///     try nats.publish("orders.new", "17")
///     let price = try await nats.request("prices", "17").text
///
/// It may be made before the workers run, and connects with the first thing that it is asked for. With several
/// addresses it uses the first one that answers, and the next one when that has gone. When the connection breaks it is
/// made again, with all subscriptions, after pauses that grow to two seconds; what is published meanwhile waits, up to
/// `NATSOptions.maxUnsentBytes`. NATS itself promises nothing of what was sent: `publishConfirmed` returns when the
/// server has it. Where the server asks for TLS, TLS is spoken.
@MainActor public final class NATSClient {
    /// Called whenever the connection is there, login and subscriptions included.
    public var onConnect: (@MainActor () -> Void)?
    /// Called with the reason whenever the connection is lost, or could not be made. It is made again by itself.
    public var onDisconnect: (@MainActor (String) -> Void)?
    /// Called with what was nobody's to catch: what the server refuses (`NATSError`), and what a subscription's
    /// callback threw. Logged unless it is set.
    public var onError: (@MainActor (any Error) -> Void)?
    /// Whether what is published would be sent at once.
    public var isConnected: Bool { phase == .ready }

    let targets: [NATSTarget]
    let options: NATSOptions
    var phase = Phase.unused
    var connection: Connection<NATSWire>?
    var wire: NATSWire?
    /// The connection whose callbacks count.
    var attempt = 0
    /// The target that is tried now.
    var current = 0
    /// Attempts since the last connection that was of use.
    var failures = 0
    /// Why there is no connection, or why it ends.
    var failure = "the connection was not made yet"
    var endReason: String?
    /// Bytes of one message that this server takes.
    var maxPayload: Int
    /// Something was heard of the server since the last look.
    var isAnswered = true
    /// Monotonic nanoseconds.
    var readySince: Int64 = 0
    var retryTimer: WorkerTimer?
    var greetingTimer: WorkerTimer?
    var pingTimer: WorkerTimer?
    /// Who waits for which of the answers to come, in order.
    var pongs = FIFO<[Int]>()
    let waiters = NATSWaiters()

    private var subscriptions: [Int: NATSSubscription] = [:]
    private var lastSubscription = 0
    /// What was published without a connection.
    private var backlog: [Unsent] = []
    private var backlogBytes = 0
    /// How many of that nobody waits for any more.
    private var givenUp = 0
    /// What leaves at the end of this turn of the loop.
    private var outgoing: [UInt8] = []
    /// Who waits for the server to have all of that.
    private var confirmations: [Int] = []
    private var isFlushDue = false
    private lazy var inbox = "_INBOX.\(Self.randomName())"
    private var inboxSubscription: NATSSubscription?

    enum Phase {
        /// Nothing was asked for yet.
        case unused
        /// No connection; one will be made.
        case idle
        case connecting
        /// The server has not said yet that it takes the client.
        case greeting
        case ready
        case closed
    }

    private struct Unsent {
        let bytes: [UInt8]
        /// Of payload and headers, at most.
        var size = 0
        var waiter: Waiter?

        enum Waiter {
            /// For the server to have it.
            case confirmation(Int)
            /// For somebody's answer.
            case answer(Int)

            var id: Int {
                switch self {
                case .confirmation(let id), .answer(let id): id
                }
            }
        }
    }

    /// A client of the server at `nats://[user:password@]host[:port]`, `nats://token@…`, or `tls://…` where it has to
    /// speak TLS. A missing port is 4222.
    public convenience init(_ addresses: String..., options: NATSOptions = NATSOptions()) throws(NATSError) {
        try self.init(addresses, options: options)
    }

    /// A client of the first of several servers that answers.
    public init(_ addresses: [String], options: NATSOptions = NATSOptions()) throws(NATSError) {
        precondition(!addresses.isEmpty, "a client needs the address of a server")
        var targets: [NATSTarget] = []
        for address in addresses {
            var target = try NATSTarget(address)
            if target.user == nil, target.token == nil {
                target.user = options.user
                target.password = options.password
                target.token = options.token
            }
            targets.append(target)
        }
        self.targets = targets
        self.options = options
        // Until the server has said what it takes.
        maxPayload = options.maxMessageBytes
        waiters.onGivenUp = { [unowned self] in forget($0) }
        waiters.reason = { [unowned self] in failure }
    }

    isolated deinit { close() }

    /// A word that nobody else has.
    package static func randomName() -> String {
        String((0..<22).map { _ in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".randomElement()! })
    }

    // MARK: Publishing

    /// Publishes a message, and returns before it is sent. Throws what is wrong with it, `.sendBufferFull` and
    /// `.closed`.
    public func publish(
        _ subject: String, _ payload: some NATSPayload, headers: NATSHeaders = [:], replyTo: String? = nil
    ) throws(NATSError) {
        try send(encoded(subject, payload, headers, replyTo))
    }

    /// Publishes a message, and returns when the server has it. Throws `NATSError`, and `CancellationError` at once
    /// when the task is cancelled: what was sent may arrive all the same.
    public func publishConfirmed(
        _ subject: String, _ payload: some NATSPayload, headers: NATSHeaders = [:], replyTo: String? = nil
    ) async throws {
        let message = try encoded(subject, payload, headers, replyTo)
        try await PendingResult<Void>.wait { confirm(message, $0) }
    }

    /// Returns when the server has all that was published and subscribed to before. Throws as `publishConfirmed`.
    public func flush() async throws { try await PendingResult<Void>.wait { confirm(Unsent(bytes: []), $0) } }

    private func encoded(
        _ subject: String, _ payload: some NATSPayload, _ headers: NATSHeaders, _ replyTo: String?
    ) throws(NATSError) -> Unsent {
        var bytes: [UInt8] = []
        do throws(NATSSyntaxError) {
            let size = try NATSEncoder.appendPublish(
                subject, replyTo: replyTo, headers: headers, payload.natsBytes, maxBytes: maxPayload, to: &bytes)
            return Unsent(bytes: bytes, size: size)
        } catch {
            throw .invalidMessage(error.description)
        }
    }

    /// Publishes messages to several subjects; `done` is called when the server has them, or with an error.
    package func publishConfirmed(
        _ subjects: [String], _ payload: [UInt8], _ done: @escaping @MainActor (NATSError?) -> Void
    ) {
        do throws(NATSError) {
            var bytes: [UInt8] = []
            for subject in subjects { bytes += try encoded(subject, payload, [:], nil).bytes }
            confirm(Unsent(bytes: bytes, size: payload.count), done)
        } catch {
            EventLoop.current.execute { done(error) }
        }
    }

    /// Calls `done` when the server has all that was published and subscribed to before, or with an error.
    public func flush(_ done: @escaping @MainActor (NATSError?) -> Void) { confirm(Unsent(bytes: []), done) }

    private func confirm(_ message: Unsent, _ done: @escaping @MainActor (NATSError?) -> Void) {
        ask(options.timeout) { result in
            if case .failure(let error) = result { done(error) } else { done(nil) }
        } message: { id in
            var message = message
            message.waiter = .confirmation(id)
            return message
        }
    }

    // MARK: Requests

    /// Asks whoever listens to a subject, and returns the first answer. Throws `NATSError`: `.noResponders` at once
    /// when nobody listens, `.timedOut` after `timeout` seconds, or `NATSOptions.timeout`; and `CancellationError` at
    /// once when the task is cancelled.
    public func request(
        _ subject: String, _ payload: some NATSPayload, headers: NATSHeaders = [:], timeout: Double? = nil
    ) async throws -> NATSMessage {
        try await PendingResult<NATSMessage>.wait { request(subject, payload, headers: headers, timeout: timeout, $0) }
    }

    /// Asks whoever listens to a subject; `done` is called with the first answer, or with why there is none.
    public func request(
        _ subject: String, _ payload: some NATSPayload, headers: NATSHeaders = [:], timeout: Double? = nil,
        _ done: @escaping @MainActor (Result<NATSMessage, NATSError>) -> Void
    ) {
        openInbox()
        ask(timeout ?? options.timeout) { result in
            switch result {
            case .success(let message?) where message.headers.status == 503: done(.failure(.noResponders))
            case .success(let message?): done(.success(message))
            case .success(nil): done(.failure(.closed))
            case .failure(let error): done(.failure(error))
            }
        } message: { (id) throws(NATSError) in
            // It is told by what it is answered to.
            var message = try encoded(subject, payload, headers, "\(inbox).\(id)")
            message.waiter = .answer(id)
            return message
        }
    }

    private func openInbox() {
        guard inboxSubscription == nil else { return }
        inboxSubscription = subscribe("\(inbox).*") { [weak self] message in
            guard let self, let id = Int(message.subject.dropFirst(inbox.utf8.count + 1)) else { return }
            waiters.finish(id, .success(message))
        }
    }

    private func ask(
        _ timeout: Double, _ completion: @escaping NATSWaiters.Completion,
        message: (_ id: Int) throws(NATSError) -> Unsent
    ) {
        let id = waiters.add(timeout: timeout, completion)
        do throws(NATSError) {
            try send(message(id))
        } catch {
            EventLoop.current.execute { [waiters] in waiters.finish(id, .failure(error)) }
        }
    }

    // MARK: Sending

    private func send(_ message: Unsent) throws(NATSError) {
        guard phase != .closed else { throw .closed }
        let unsent = backlogBytes + outgoing.count + (connection?.pendingSendBytes ?? 0)
        guard unsent == 0 || unsent + message.bytes.count <= options.maxUnsentBytes else {
            throw .sendBufferFull(unsent)
        }
        if phase == .ready {
            take(message)
        } else {
            open()
            backlog.append(message)
            backlogBytes += message.bytes.count
        }
    }

    private func take(_ message: Unsent) {
        outgoing += message.bytes
        if let waiter = message.waiter { waiters.markSent(waiter.id) }
        if case .confirmation(let id) = message.waiter { confirmations.append(id) }
        guard !isFlushDue else { return }
        isFlushDue = true
        EventLoop.current.execute { [weak self] in self?.sendTaken() }
    }

    private func sendTaken() {
        isFlushDue = false
        guard phase == .ready, let connection else { return }
        if !confirmations.isEmpty {
            outgoing += NATSEncoder.ping
            pongs.append(confirmations)
            confirmations = []
        }
        guard !outgoing.isEmpty else { return }
        let bytes = outgoing
        outgoing = []
        // What fails ends the connection, which is told by its callbacks.
        connection.sendRaw(bytes)
    }

    /// Nobody waits any more for what may not have been sent. It is taken out with others, so that many of them do not
    /// each look at all.
    private func forget(_ id: Int) {
        guard phase != .ready else { return }
        givenUp += 1
        guard givenUp * 2 > backlog.count else { return }
        givenUp = 0
        backlog.removeAll { message in
            guard let waiter = message.waiter, waiter.id == id || !waiters.contains(waiter.id) else { return false }
            backlogBytes -= message.bytes.count
            return true
        }
    }

    // MARK: Subscriptions

    /// Calls `body` with each message of a subject, in which `*` stands for any word and `>` for all that follow. Of
    /// all subscriptions of the same `group`, in all processes, one gets each message. What `body` throws goes to
    /// `onError`. A subject that is none stops the program.
    @discardableResult
    public func subscribe(
        _ subject: String, group: String? = nil, _ body: @escaping @MainActor (NATSMessage) throws -> Void
    ) -> NATSSubscription {
        precondition(NATSSubject.isValidPattern(subject), "«\(subject)» is no subject of NATS")
        precondition(group.map(NATSSubject.isValid) ?? true, "«\(group ?? "")» is no name of a group")
        lastSubscription += 1
        let subscription = NATSSubscription(subject, group: group, number: lastSubscription, client: self, body)
        subscriptions[lastSubscription] = subscription
        if phase == .ready { renew(subscription) } else { open() }
        return subscription
    }

    /// The messages of a subject for a `for await` loop, until the task is cancelled or the client is closed. While the
    /// loop is busy up to `limit` of them wait, and of more the oldest are dropped.
    public func messages(
        _ subject: String, group: String? = nil, limit: Int = 1000
    ) -> AsyncStream<NATSMessage> {
        let (messages, continuation) = AsyncStream.makeStream(
            of: NATSMessage.self, bufferingPolicy: .bufferingNewest(max(1, limit)))
        guard phase != .closed else {
            continuation.finish()
            return messages
        }
        let subscription = subscribe(subject, group: group) { continuation.yield($0) }
        subscription.onEnd = { continuation.finish() }
        continuation.onTermination = { [weak subscription] _ in Task { @MainActor in subscription?.cancel() } }
        return messages
    }

    func end(_ subscription: NATSSubscription) {
        guard subscriptions.removeValue(forKey: subscription.number) != nil else { return }
        guard phase == .ready else { return }
        sendNow(NATSEncoder.unsubscribe(subscription.number))
    }

    private func renew(_ subscription: NATSSubscription) {
        sendNow(NATSEncoder.subscribe(subscription.subject, group: subscription.group, subscription.number))
    }

    /// Behind what was published before.
    func sendNow(_ bytes: [UInt8]) {
        sendTaken()
        connection?.sendRaw(bytes)
    }

    func deliver(_ delivery: NATSDelivery) {
        // It may have been ended since it was sent.
        guard let subscription = subscriptions[delivery.subscription] else { return }
        if delivery.hasMalformedHeaders {
            report(NATSError.invalidMessage("the headers of a message to \(delivery.subject) are none"))
        }
        do {
            try subscription.body(NATSMessage(delivery))
        } catch {
            report(error)
        }
    }

    func report(_ error: any Error) {
        if let onError { return onError(error) }
        Worker.log("NATSClient: \(error)", level: .error)
    }

    // MARK: The connection

    /// Connects unless that was begun.
    package func open() {
        if phase == .unused { connect() }
    }

    /// The server takes the client: all is as it was.
    func becameReady() {
        let all = subscriptions.values.sorted { $0.number < $1.number }
        outgoing = all.flatMap { NATSEncoder.subscribe($0.subject, group: $0.group, $0.number) }
        let messages = backlog
        backlog = []
        backlogBytes = 0
        givenUp = 0
        for message in messages {
            if let waiter = message.waiter, !waiters.contains(waiter.id) { continue }
            guard message.size <= maxPayload else {
                refuse(message)
                continue
            }
            take(message)
        }
        sendTaken()
        if phase == .ready { onConnect?() }
    }

    /// The server would end the connection for it.
    private func refuse(_ message: Unsent) {
        let error = NATSError.invalidMessage(
            "a message of \(message.size) bytes is larger than the server takes: \(maxPayload)")
        if let waiter = message.waiter { waiters.finish(waiter.id, .failure(error)) } else { report(error) }
    }

    /// What had left the client's hands is lost.
    func becameUnready(_ error: NATSError) {
        outgoing = []
        confirmations = []
        pongs = FIFO()
        waiters.failSent(error)
    }

    /// Closes the connection for good, as soon as what was published has been handed to it. What waits for an answer
    /// fails with `NATSError.closed`, and sequences of messages end.
    public func close() {
        guard phase != .closed else { return }
        sendTaken()
        phase = .closed
        endConnection()
        backlog = []
        backlogBytes = 0
        let all = subscriptions.values
        subscriptions = [:]
        for subscription in all { subscription.onEnd?() }
        waiters.failAll(.closed)
    }
}
