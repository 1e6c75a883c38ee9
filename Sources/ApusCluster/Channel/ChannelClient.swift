import Apus

/// How a `ChannelClient` speaks with its servers.
public nonisolated struct ChannelClientOptions: Sendable, Hashable {
    /// What the servers have to know, and this client.
    public var secret: String? {
        get { hidden.text }
        set { hidden.text = newValue }
    }
    /// Seconds until a request that is awaited fails.
    public var timeout = 5.0
    /// Bytes that may wait to be sent, also while there is no connection; more are dropped.
    public var maxUnsentBytes = 1024 * 1024
    /// Bytes of one message.
    public var maxMessageBytes = 10 * 1024 * 1024
    /// Over Redis and NATS, whose queues do not see that a process dies: seconds after which an item that it had not
    /// acknowledged goes to another one. All processes should say the same. From one second on.
    public var takeOverAfter = 30.0
    private var hidden = Secret()

    /// The defaults of each property.
    public init() {}
}

/// Publishes events, hears of them, and shares work, with all processes that use the same server: see `ChannelServer`.
///
///     server.onWorkerStart = { _ in
///         ChannelClient.shared.connect("127.0.0.1:2206")
///         ChannelClient.shared.on("news") { event in … }
///         ChannelClient.shared.publish("news", ["title": "Hello"])
///     }
///
/// When the connection breaks it is made again, with the next server if there are several, and everything is subscribed
/// to and watched again. Events that are published meanwhile are missed by this process; what it publishes itself
/// waits, up to `maxUnsentBytes`, and over Redis for `timeout`. An item of a queue that was handed to a process which
/// dies is lost, unless the queue is watched with `acknowledges`.
@MainActor public final class ChannelClient {
    /// One for the whole process.
    public static let shared = ChannelClient()

    /// Called whenever the connection is there, after all was subscribed to again.
    public var onConnect: (() -> Void)?
    /// Called when the connection is gone, or was not made: why.
    public var onClose: ((_ reason: String) -> Void)?
    /// Called with events that have no callback of their own.
    public var onMessage: ((ChannelEvent) throws -> Void)?
    /// Called with what a callback threw, and why no items can be taken from a queue over Redis or NATS
    /// (`ClusterError`); it is logged unless this is set.
    public var onError: ((any Error) -> Void)?
    /// Events and items that were dropped since too much waited to be sent.
    public private(set) var droppedCount = 0

    private var engine: (any ChannelEngine)?
    private var callbacks: [String: (ChannelEvent) throws -> Void] = [:]
    private var subscriptions: Set<String> = []
    private var streams: [ObjectIdentifier: ChannelStream] = [:]
    private var workers: [String: QueueWorker] = [:]

    /// A client that `connect` connects.
    public init() {}

    isolated deinit { engine?.close() }

    // MARK: The connection

    /// Connects to a `ChannelServer` at `host:port` or `unix:/path`, to Redis at `redis://…`, `rediss://…` or
    /// `redis+unix:/path`, or to NATS at `nats://…` or `tls://…`. It returns at once; what is asked for meanwhile is
    /// done when the connection is there. Does nothing when that was done before. An address that is none stops the
    /// program.
    ///
    /// Redis keeps a queue in a stream (`apus:queue:NAME`, from Redis 6.2 on), NATS all of them in JetStream, which it
    /// has to be started with (`-js`): items outlive the server there as far as that is told to keep what it has.
    public func connect(_ address: String = "127.0.0.1:2206", options: ChannelClientOptions = ChannelClientOptions()) {
        connect([address], options: options)
    }

    /// Connects to the first of several servers that is there, and to the next one when that has gone. Of Redis servers
    /// the first one alone is used.
    public func connect(_ addresses: [String], options: ChannelClientOptions = ChannelClientOptions()) {
        guard engine == nil else { return }
        let engine = Self.engine(addresses, options)
        self.engine = engine
        engine.receiver = self
        engine.open()
    }

    private static func engine(_ addresses: [String], _ options: ChannelClientOptions) -> any ChannelEngine {
        do throws(ClusterError) {
            if let address = addresses.first.flatMap(RedisAddress.address) {
                return try RedisChannelEngine(address, options)
            }
            if addresses.contains(where: { NATSAddress($0) != nil }) {
                return try NATSChannelEngine(addresses, options)
            }
            return EmbeddedChannelEngine(addresses, options)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Whether there is a connection.
    public var isConnected: Bool { engine?.isReady ?? false }

    /// Closes the connection for good, and forgets all callbacks. `connect` begins anew.
    public func close() {
        engine?.close()
        engine = nil
        callbacks = [:]
        subscriptions = []
        workers = [:]
        for stream in streams.values { stream.finish() }
        streams = [:]
    }

    // MARK: Events

    /// Calls `body` with each event of that name; it takes the place of an earlier one.
    public func on(_ name: String, _ body: @escaping (ChannelEvent) throws -> Void) {
        callbacks[name] = body
        subscribe(name)
    }

    /// Subscribes to events that `onMessage` gets.
    public func subscribe(_ names: String...) {
        let new = names.filter { subscriptions.insert($0).inserted }
        engine?.subscribe(new)
    }

    /// Hears of these events no more.
    public func unsubscribe(_ names: String...) {
        for name in names { callbacks[name] = nil }
        drop(names)
    }

    private func drop(_ names: [String]) {
        let gone = names.filter { name in
            callbacks[name] == nil && !streams.values.contains { $0.names.contains(name) }
                && subscriptions.remove(name) != nil
        }
        if !gone.isEmpty { engine?.unsubscribe(gone) }
    }

    /// Whether events of that name are asked for, by whom ever.
    public func isSubscribed(to name: String) -> Bool { subscriptions.contains(name) }

    /// Events of these names for a `for await` loop, until the task is cancelled or the client is closed. While the
    /// loop is busy up to `limit` of them wait, and of more the oldest are dropped.
    public func events(_ names: String..., limit: Int = 1000) -> AsyncStream<ChannelEvent> {
        let (events, continuation) = AsyncStream.makeStream(
            of: ChannelEvent.self, bufferingPolicy: .bufferingNewest(max(1, limit)))
        let stream = ChannelStream(names: Set(names), continuation)
        let id = ObjectIdentifier(stream)
        streams[id] = stream
        continuation.onTermination = { [weak self] _ in
            Task { @MainActor in
                guard let self, self.streams.removeValue(forKey: id) != nil else { return }
                self.drop(names)
            }
        }
        let new = names.filter { subscriptions.insert($0).inserted }
        engine?.subscribe(new)
        return events
    }

    /// Publishes an event: all processes that have subscribed get it, this one too if it has. Nobody hears of it if
    /// nobody has. False when it was dropped since too much waits to be sent, or what was given is no JSON.
    @discardableResult
    public func publish(_ names: String..., data: some Encodable) -> Bool {
        guard let json = try? ClusterValue.json(data) else { return false }
        return publish(names, json: json)
    }

    /// The same with data that is JSON already.
    @discardableResult
    public func publish(_ names: [String], json: [UInt8]) -> Bool {
        count(engine?.publish(names, json, nil) ?? false)
    }

    /// Publishes an event and waits until the server has it; returns how many clients have got it, or nil over NATS,
    /// which does not count them. Throws `ClusterError` and `EncodingError`.
    @discardableResult
    public func publishAndWait(_ names: String..., data: some Encodable) async throws -> Int? {
        let json = try ClusterValue.json(data)
        return try await wait { $0.publish(names, json, $1) }
    }

    // MARK: Queues

    /// Puts an item into a queue, where it waits for a process that takes it. False when it was dropped, as with
    /// `publish`.
    @discardableResult
    public func enqueue(_ queues: String..., data: some Encodable) -> Bool {
        guard let json = try? ClusterValue.json(data) else { return false }
        return count(engine?.enqueue(queues, json, nil) ?? false)
    }

    /// Puts an item into a queue and waits until the server has it. Throws `ClusterError` and `EncodingError`.
    public func enqueueAndWait(_ queues: String..., data: some Encodable) async throws {
        let json = try ClusterValue.json(data)
        _ = try await wait { $0.enqueue(queues, json, $1) }
    }

    /// Takes items from a queue, one at a time: the next one comes when `body` is done with this one, or, unless
    /// `autoReserve`, when `reserve` is called. It takes the place of an earlier one.
    ///
    /// With `acknowledges` the server keeps an item until `body` has returned: when it throws, or the process dies, the
    /// item goes to somebody, which may be this process again. So `body` may see one twice. Behind one for which it
    /// throws this process pauses before it takes another from that queue: for 10 milliseconds first, and for twice as
    /// long, up to a second, with each further one in a row.
    public func watch(
        _ queue: String, acknowledges: Bool = false, autoReserve: Bool = true,
        _ body: @escaping (ChannelEvent) async throws -> Void
    ) {
        let worker = workers[queue] ?? QueueWorker()
        worker.acknowledges = acknowledges
        worker.autoReserve = autoReserve
        worker.body = body
        workers[queue] = worker
        engine?.watch([queue], acknowledges: acknowledges)
        if worker.wantsItem { engine?.reserve([queue]) }
    }

    /// Takes no more items from these queues.
    public func unwatch(_ queues: String...) {
        for queue in queues { workers[queue] = nil }
        engine?.unwatch(queues)
    }

    /// One item of each watched queue may come.
    public func reserve() { engine?.reserve(Array(workers.keys)) }

    // MARK: Inside

    private func count(_ isTaken: Bool) -> Bool {
        if !isTaken { droppedCount += 1 }
        return isTaken
    }

    private func wait(
        _ request: (any ChannelEngine, @escaping ChannelCompletion) -> Bool
    ) async throws -> Int? {
        guard let engine else { throw ClusterError.closed }
        let result = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<Int?, ClusterError>, Never>) in
            // It is completed whether it is taken or not.
            _ = request(engine) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    private func report(_ error: any Error, _ place: String) {
        if let onError { return onError(error) }
        Worker.log("ChannelClient: \(place): \(error)", level: .error)
    }
}

/// Events that wait for a loop.
private final class ChannelStream {
    let names: Set<String>
    private let continuation: AsyncStream<ChannelEvent>.Continuation

    init(names: Set<String>, _ continuation: AsyncStream<ChannelEvent>.Continuation) {
        self.names = names
        self.continuation = continuation
    }

    nonisolated deinit {}

    func add(_ event: ChannelEvent) { continuation.yield(event) }
    func finish() { continuation.finish() }
}

/// Who takes the items of a queue.
private final class QueueWorker {
    var acknowledges = false
    var autoReserve = true
    var body: (ChannelEvent) async throws -> Void = { _ in }
    /// Items that it works on.
    var running = 0
    /// Items in a row that it was to acknowledge, and could not handle.
    var failures = 0
    /// Pauses behind such items that are not over.
    var pauses = 0

    nonisolated deinit {}

    /// The next one may come without being asked for.
    var wantsItem: Bool { autoReserve && running == 0 && pauses == 0 }
    /// Seconds that the next pause takes: what fails comes again at once, and would be all that is done.
    var pause: Double { min(1, 0.01 * Double(1 << min(failures - 1, 7))) }
}

extension ChannelClient: ChannelReceiver {
    func engineIsReady() {
        engine?.subscribe(Array(subscriptions))
        for (queue, worker) in workers { engine?.watch([queue], acknowledges: worker.acknowledges) }
        engine?.reserve(workers.filter(\.value.wantsItem).map(\.key))
        onConnect?()
    }

    func engineIsDown(_ reason: String) { onClose?(reason) }

    func received(_ event: ChannelEvent) {
        for stream in streams.values where stream.names.contains(event.name) { stream.add(event) }
        do {
            if let callback = callbacks[event.name] { try callback(event) } else { try onMessage?(event) }
        } catch {
            report(error, event.name)
        }
    }

    func queueFailed(_ name: String, _ error: ClusterError) { report(error, name) }

    func received(_ item: ChannelDelivery) {
        // Who closes and connects again has another one, which knows nothing of this item.
        let engine = engine
        guard let worker = workers[item.event.name] else {
            engine?.finish(item, succeeded: false)
            return
        }
        worker.running += 1
        Task {
            var succeeded = true
            do {
                try await worker.body(item.event)
            } catch {
                succeeded = false
                report(error, item.event.name)
            }
            worker.running -= 1
            engine?.finish(item, succeeded: succeeded)
            guard !succeeded, item.receipt != nil else {
                worker.failures = 0
                return reserve(item.event.name, worker, engine)
            }
            worker.failures += 1
            worker.pauses += 1
            WorkerTimer.after(worker.pause) { [weak self, weak engine] _ in
                worker.pauses -= 1
                self?.reserve(item.event.name, worker, engine)
            }
        }
    }

    /// Asks for the next item, unless that is not wanted any more.
    private func reserve(_ name: String, _ worker: QueueWorker, _ engine: (any ChannelEngine)?) {
        guard worker.wantsItem, workers[name] === worker, let engine, engine === self.engine else { return }
        engine.reserve([name])
    }
}
