import Apus
import CZeroMQ

/// A ZeroMQ socket on the event loop of this process, spoken by libzmq: it may have any number of peers, connects
/// again by itself, and hands over whole messages.
///
///     let jobs = try ZMQSocket(.pull)
///     let endpoint = try jobs.bind("tcp://127.0.0.1:5555")
///     jobs.onMessage = { socket, message in print(message.text) }
///
/// It is made in a worker: in `onWorkerStart` or later. Messages are received as long as somebody wants them:
/// `onMessage`, `receive` or a loop over `messages`. Otherwise they wait in libzmq's queues, and full ones slow down
/// the peers.
/// Closed with the last reference, or by `close`.
@MainActor public final class ZMQSocket {
    /// What the socket is for.
    public let type: ZMQSocketType
    /// Called with each message. What it throws goes to `onError`.
    public var onMessage: (@MainActor (ZMQSocket, ZMQMessage) throws -> Void)? {
        didSet { processSoon() }
    }
    /// Called with what went wrong and was nobody's to catch.
    public var onError: (@MainActor (ZMQSocket, any Error) -> Void)?
    /// Whether the socket can be used.
    public var isOpen: Bool { handle != nil }
    /// Messages that wait for room in this process.
    public var waitingSends: Int { outbox.count }

    private let options: ZMQOptions
    private var handle: ZMQHandle?
    private let descriptor: Int32
    private var receivers: [ZMQWaiter<ZMQMessage>] = []
    private var outbox = ZMQOutbox()
    private var isProcessingDue = false
    private var isProcessing = false
    private var timer: WorkerTimer?
    private var isRequesting = false
    private var turns: [ZMQWaiter<Void>] = []

    /// Messages that are received until others have their turn.
    private static let messagesPerTurn = 256
    /// Seconds after which a ROUTER socket looks again whether a peer has room: libzmq does not tell.
    private static let routerPause = 0.005

    /// A socket without peers: `bind` or `connect` follows.
    public init(_ type: ZMQSocketType, options: ZMQOptions = ZMQOptions()) throws(ZMQError) {
        precondition(
            EventLoop.current != nil, "a socket needs a running worker: make it in onWorkerStart or a later callback")
        self.type = type
        self.options = options
        let context = try ZMQContext.shared.open()
        guard let socket = zmq_socket(context, type.number) else { throw .last("zmq_socket") }
        let handle = ZMQHandle(socket: socket)
        descriptor = handle.number(ZMQ_FD)
        do throws(ZMQError) {
            try handle.apply(options, type)
        } catch {
            zmq_close(socket)
            throw error
        }
        self.handle = handle
        ZMQContext.shared.noteLinger(options.linger)
        ZMQContext.shared.add(self)
        EventLoop.current.watchRead(descriptor) { [weak self] in self?.process() }
    }

    isolated deinit { close() }

    // MARK: Peers

    /// Lets peers connect to `tcp://127.0.0.1:5555`, `ipc:///path` or `inproc://name`; returns the endpoint, with the
    /// port that the system chose for `tcp://127.0.0.1:*`.
    @discardableResult
    public func bind(_ endpoint: String) throws(ZMQError) -> String {
        let handle = try open()
        // An IPv4 address would be told in the form of IPv6 otherwise.
        try handle.set(ZMQ_IPV6, "ipv6", endpoint.contains("[") ? 1 : Int32(0))
        guard zmq_bind(handle.socket, endpoint) == 0 else { throw .last("bind", endpoint: endpoint) }
        defer { processSoon() }
        return handle.lastEndpoint
    }

    /// Connects to an endpoint, now and whenever the connection breaks. That there is nobody is no error.
    public func connect(_ endpoint: String) throws(ZMQError) {
        let handle = try open()
        try handle.set(ZMQ_IPV6, "ipv6", Int32(1))
        guard zmq_connect(handle.socket, endpoint) == 0 else { throw .last("connect", endpoint: endpoint) }
        processSoon()
    }

    /// Takes back a `bind`. Give the endpoint that it returned.
    public func unbind(_ endpoint: String) throws(ZMQError) {
        guard zmq_unbind(try open().socket, endpoint) == 0 else { throw .last("unbind", endpoint: endpoint) }
        processSoon()
    }

    /// Takes back a `connect`.
    public func disconnect(_ endpoint: String) throws(ZMQError) {
        guard zmq_disconnect(try open().socket, endpoint) == 0 else { throw .last("disconnect", endpoint: endpoint) }
        processSoon()
    }

    /// Wants messages whose first part begins with `prefix`; "" for all. For SUB sockets.
    public func subscribe(_ prefix: String) throws(ZMQError) { try subscribe(Array(prefix.utf8)) }

    /// Wants messages whose first part begins with these bytes. For SUB sockets.
    public func subscribe(_ prefix: [UInt8]) throws(ZMQError) { try change(ZMQ_SUBSCRIBE, prefix) }

    /// Takes back one `subscribe` of this prefix. For SUB sockets.
    public func unsubscribe(_ prefix: String) throws(ZMQError) { try unsubscribe(Array(prefix.utf8)) }

    /// Takes back one `subscribe` of this prefix. For SUB sockets.
    public func unsubscribe(_ prefix: [UInt8]) throws(ZMQError) { try change(ZMQ_UNSUBSCRIBE, prefix) }

    private func change(_ option: Int32, _ prefix: [UInt8]) throws(ZMQError) {
        let handle = try open()
        guard case .sub = type else { throw .unsupported("subscribe") }
        try handle.set(option, "subscription", prefix)
        processSoon()
    }

    private func open() throws(ZMQError) -> ZMQHandle {
        guard let handle else { throw .closed }
        return handle
    }

    // MARK: Sending

    /// Sends a message if there is room for it now; false if not. Throws what is wrong otherwise.
    public func trySend(_ message: ZMQMessage) throws(ZMQError) -> Bool {
        let handle = try open(toSend: message)
        guard outbox.mayOvertake(message, type) else { return false }
        defer { processSoon() }
        if case .done = try handle.send(message.parts) { return true }
        return false
    }

    /// Sends a message as soon as there is room for it. Throws `ZMQError` when there is none within
    /// `ZMQOptions.sendTimeout`, and `CancellationError` at once when the task is cancelled before.
    public func send(_ message: ZMQMessage) async throws {
        try Task.checkCancellation()
        let waiter = ZMQWaiter<Void>()
        let id = enqueue(message) { waiter.finish($0.mapError { $0 as any Error }) }
        try await waiter.wait { [weak self] in
            if let id { self?.outbox.remove(id) }
        }
    }

    /// Sends a message as soon as there is room for it; `done` is called then, or with an error.
    public func send(_ message: ZMQMessage, _ done: @escaping @MainActor (ZMQError?) -> Void) {
        _ = enqueue(message) { result in
            if case .failure(let error) = result { done(error) } else { done(nil) }
        }
    }

    /// Returns what names it as long as it waits.
    private func enqueue(_ message: ZMQMessage, _ done: @escaping ZMQOutbox.Completion) -> Int? {
        do throws(ZMQError) {
            if try trySend(message) {
                done(.success(()))
                return nil
            }
            guard outbox.count < options.maxWaitingSends else { throw .tooManyWaiting(options.maxWaitingSends) }
        } catch {
            done(.failure(error))
            return nil
        }
        let deadline = EventLoop.current.now + Int64(options.sendTimeout * 1e9)
        defer { setTimer() }
        return outbox.add(message, deadline, done)
    }

    private func open(toSend message: ZMQMessage) throws(ZMQError) -> ZMQHandle {
        let handle = try open()
        guard type.sends else { throw .unsupported("send messages") }
        guard !message.parts.isEmpty else { throw .emptyMessage }
        return handle
    }

    // MARK: Receiving

    /// The next message. Throws `ZMQError.closed` when the socket is closed, and `CancellationError` at once when the
    /// task is cancelled.
    public func receive() async throws -> ZMQMessage {
        try Task.checkCancellation()
        return try await receiver().wait()
    }

    private func receiver() throws(ZMQError) -> ZMQWaiter<ZMQMessage> {
        _ = try open()
        guard type.receives else { throw .unsupported("receive messages") }
        let waiter = ZMQWaiter<ZMQMessage>()
        receivers.removeAll { $0.isOver }
        receivers.append(waiter)
        processSoon()
        return waiter
    }

    /// The messages as a sequence, which ends when the socket is closed.
    public var messages: ZMQMessages { ZMQMessages(socket: self) }

    /// Sends a request, and returns its reply. For REQ sockets; requests that come meanwhile wait for their turn.
    /// Throws `ZMQError.replyTimedOut` when there is none within `seconds`; a reply that comes later is dropped.
    public func request(_ message: ZMQMessage, timeout seconds: Double = 30) async throws -> ZMQMessage {
        guard case .req = type else { throw ZMQError.unsupported("make requests") }
        try Task.checkCancellation()
        let turn = ZMQWaiter<Void>()
        let sent = ZMQWaiter<Void>()
        let reply = ZMQWaiter<ZMQMessage>()
        let timer = WorkerTimer.after(seconds) { _ in
            turn.finish(.failure(ZMQError.replyTimedOut))
            sent.finish(.failure(ZMQError.replyTimedOut))
            reply.finish(.failure(ZMQError.replyTimedOut))
        }
        defer { timer.cancel() }
        if isRequesting {
            turns.append(turn)
            try await turn.wait()
        }
        isRequesting = true
        defer { passTurn() }
        let id = enqueue(message) { sent.finish($0.mapError { $0 as any Error }) }
        do {
            try await sent.wait()
        } catch {
            if let id { outbox.remove(id) }
            throw error
        }
        receivers.removeAll { $0.isOver }
        receivers.append(reply)
        processSoon()
        return try await reply.wait()
    }

    private func passTurn() {
        while !turns.isEmpty {
            let turn = turns.removeFirst()
            if turn.isOver { continue }
            return turn.finish(.success(()))
        }
        isRequesting = false
    }

    // MARK: The loop

    /// The descriptor tells of news once only, and every call may take note of them: so a look follows each.
    private func processSoon() {
        guard handle != nil, !isProcessingDue else { return }
        isProcessingDue = true
        EventLoop.current.execute { [weak self] in
            self?.isProcessingDue = false
            self?.process()
        }
    }

    private var wantsMessages: Bool { onMessage != nil || receivers.contains { !$0.isOver } }

    private func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        var budget = Self.messagesPerTurn
        // A call may take note of news that only the next look tells of: so the last look finds nothing twice.
        var idle = 0
        while idle < 2, let handle {
            let events = handle.number(ZMQ_EVENTS)
            let mayReceive = events & ZMQ_POLLIN != 0 && type.receives && wantsMessages
            let maySend = events & ZMQ_POLLOUT != 0 && !outbox.isEmpty
            guard mayReceive || maySend else { break }
            if mayReceive, budget <= 0 {
                processLater()
                break
            }
            let hasReceived = mayReceive && receiveSome(&budget)
            let hasSent = maySend && flush()
            idle = hasReceived || hasSent ? 0 : idle + 1
        }
        setTimer()
    }

    /// In another turn of the loop, so that others come in between.
    private func processLater() {
        WorkerTimer.after(0) { [weak self] _ in self?.process() }
    }

    private func receiveSome(_ budget: inout Int) -> Bool {
        let before = budget
        while budget > 0, wantsMessages, let handle {
            do throws(ZMQError) {
                guard let message = try handle.receive() else { break }
                budget -= 1
                deliver(message)
            } catch {
                onError?(self, error)
                break
            }
        }
        return budget < before
    }

    private func deliver(_ message: ZMQMessage) {
        while !receivers.isEmpty {
            let receiver = receivers.removeFirst()
            if receiver.isOver { continue }
            return receiver.finish(.success(message))
        }
        do {
            try onMessage?(self, message)
        } catch {
            onError?(self, error)
        }
    }

    /// Sends what waits as far as there is room. Whether that was anything.
    private func flush() -> Bool {
        guard let handle else { return false }
        let finished = outbox.flush(type) { message throws(ZMQError) in
            if case .done = try handle.send(message.parts) { true } else { false }
        }
        tell(finished)
        return !finished.isEmpty
    }

    private func tell(_ finished: [ZMQOutbox.Finished]) {
        for (done, result) in finished { done(result) }
    }

    private func setTimer() {
        guard timer == nil, handle != nil, let due = outbox.firstDeadline else { return }
        var pause = max(0, Double(due - EventLoop.current.now) / 1e9)
        if case .router = type { pause = min(pause, Self.routerPause) }
        timer = WorkerTimer.after(pause) { [weak self] _ in
            guard let self else { return }
            timer = nil
            process()
            tell(outbox.takeLate(now: EventLoop.current.now))
            setTimer()
        }
    }

    // MARK: Closing

    /// Closes the socket, and returns at once. What libzmq has accepted is still sent for `ZMQOptions.linger` seconds;
    /// what waits for room fails with `ZMQError.closed`, as does `receive`. Sequences end.
    public func close() {
        guard let handle else { return }
        self.handle = nil
        timer?.cancel()
        timer = nil
        onMessage = nil
        EventLoop.current.unwatchRead(descriptor)
        zmq_close(handle.socket)
        ZMQContext.shared.remove(self)
        let waiting = receivers
        receivers = []
        for receiver in waiting { receiver.finish(.failure(ZMQError.closed)) }
        for turn in turns { turn.finish(.failure(ZMQError.closed)) }
        tell(outbox.takeAll(.closed))
    }
}

/// The messages of a socket, one after the other. Several loops share them.
public struct ZMQMessages: @MainActor AsyncSequence {
    public typealias Element = ZMQMessage
    let socket: ZMQSocket

    public func makeAsyncIterator() -> Iterator { Iterator(socket: socket) }

    /// Waits for one message after the other.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        let socket: ZMQSocket

        public mutating func next() async throws -> ZMQMessage? {
            do {
                return try await socket.receive()
            } catch ZMQError.closed {
                return nil
            }
        }
    }
}
