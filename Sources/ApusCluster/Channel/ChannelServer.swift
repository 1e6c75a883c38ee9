import Apus

/// How much a `ChannelServer` holds for its clients.
public nonisolated struct ChannelServerOptions: Sendable, Hashable {
    /// What clients have to know; nil lets everybody in who reaches the port.
    public var secret: String? {
        get { hidden.text }
        set { hidden.text = newValue }
    }
    /// Bytes that may wait to be sent to one client. One that reads events too slowly is disconnected, and comes again.
    /// Items of queues take half of it, or are sent one by one: the others stay in their queues meanwhile.
    public var maxUnsentBytes = 16 * 1024 * 1024
    /// Items that may wait in one queue; more are refused.
    public var maxQueueItems = 1_000_000
    /// Bytes that may wait in all queues together; more are refused.
    public var maxQueueBytes = 1024 * 1024 * 1024
    /// File that the items of queues are kept in; nil keeps them in memory alone. A relative path starts from the
    /// folder that the service was started in. Each item is written there before its sender hears that it is kept, so
    /// that it outlives the server; the disk itself is not waited for, so that a power failure may cost the last
    /// seconds.
    public var journal: String?
    /// Bytes of one message.
    public var maxMessageBytes = 10 * 1024 * 1024
    private var hidden = Secret()

    /// The defaults of each property.
    public init() {}
}

/// Hands events and work on between processes, on one host or several: the server of `ChannelClient`.
///
///     let channels = ChannelServer()   // 127.0.0.1:2206
///     Worker.runAll()
///
/// It is a worker of one process that is not reloaded, since all it knows is in its memory: subscriptions, which
/// clients renew by themselves, and the items of queues, which are lost when it ends unless it keeps a `journal`.
/// Clients may be given several servers, of which they use the first that is there.
public final class ChannelServer {
    /// The worker that serves: name, user and limits can be set before `Worker.runAll()`.
    public let worker: Worker<Frame>
    /// Bytes of events and answers.
    private static let mostTogether = 4096
    private let options: ChannelServerOptions
    private let gate: ClusterGate
    private var events = ChannelEvents()
    private let queues: ChannelQueues
    private var clients: [Int: ChannelPeer] = [:]
    private var complaints = 0
    private var timer: WorkerTimer?
    /// Seconds until the journal may be made anew again.
    private var pauseOfTidying = 0
    /// Clients that events and answers of this turn wait to be sent to.
    private var receiving: [ChannelPeer] = []

    /// A server on `host:port` or `unix:/path`. The port is open to all who reach it, unless there is a secret: bind it
    /// to an address that only the cluster reaches.
    public init(_ address: String = "127.0.0.1:2206", options: ChannelServerOptions = ChannelServerOptions()) {
        self.options = options
        gate = ClusterGate(ClusterSecret(options.secret))
        queues = ChannelQueues(maxItems: options.maxQueueItems, maxBytes: options.maxQueueBytes)
        worker = Worker(.frame, on: address)
        worker.name = "ChannelServer"
        worker.isReloadable = false
        worker.limits.maxPackageSize = options.maxMessageBytes
        worker.limits.maxSendBufferSize = options.maxUnsentBytes
        worker.onWorkerStart = { [self] _ in
            guard let journal = options.journal else { return }
            try queues.open(journal)
            timer = WorkerTimer.every(1) { [weak self] _ in self?.tidyUp() }
        }
        worker.onConnect = { [self] connection in
            clients[connection.id] = ChannelPeer(connection)
            gate.greet(connection)
        }
        worker.onMessage = { [self] in try received($1, $0) }
        worker.onClose = { [self] in left($0) }
        worker.onBufferDrain = { [self] in if let client = clients[$0.id] { queues.drained(client) } }
        queues.onRefusal = { [unowned self] in sendAway($0) }
        worker.errorHandler = { [unowned self] connection, error in
            complain("\((error as? ClusterMessage.Failure)?.reason ?? "\(error)")", connection)
            connection.destroy()
        }
    }

    nonisolated deinit {}

    private func received(_ bytes: [UInt8], _ connection: Connection<Frame>) throws {
        guard try gate.admits(bytes, connection), let client = clients[connection.id], !bytes.isEmpty else { return }
        let request = try ChannelRequest(bytes)
        let names = request.names ?? []
        switch request.kind {
        case .publish:
            var count = 0
            for name in names { count += publish(name, request.data ?? []) }
            reply(to: request, client, count: count)
        case .enqueue: enqueue(names, request.data ?? [], request, client)
        case .subscribe:
            for name in names { events.add(client, to: name) }
            reply(to: request, client, count: names.count)
        case .unsubscribe: for name in names { events.remove(client, from: name) }
        case .watch: for name in names { queues.watch(name, client, acknowledges: request.acknowledges) }
        case .unwatch: for name in names { queues.unwatch(name, client) }
        case .reserve: queues.arm(client, request.names ?? Array(client.queues.keys))
        case .ack, .nack: if let id = request.id { queues.finish(id, client, succeeded: request.kind == .ack) }
        }
    }

    /// Each subscriber gets the same bytes.
    private func publish(_ name: String, _ data: [UInt8]) -> Int {
        guard let receivers = events.receivers(of: name) else { return 0 }
        let frame = ChannelAnswer.event(name: name, data: data).writer.frame
        var count = 0
        for receiver in receivers where receiver.connection.isOpen {
            hand(frame, to: receiver)
            count += 1
        }
        return count
    }

    /// The events and answers that a client gets in one turn of the loop are sent together: publishers have many events
    /// under way.
    private func hand(_ frame: [UInt8], to client: ChannelPeer) {
        if client.unsent.isEmpty {
            if receiving.isEmpty { EventLoop.current.execute { [weak self] in self?.sendAll() } }
            receiving.append(client)
        }
        guard client.unsent.count + frame.count <= Self.mostTogether else {
            // Large ones are referred to where they have to wait, by all who wait for them.
            send(client.takeUnsent(), to: client)
            return send(frame, to: client)
        }
        client.unsent += frame
    }

    private func sendAll() {
        let clients = receiving
        receiving = []
        for client in clients { send(client.takeUnsent(), to: client) }
    }

    private func send(_ bytes: [UInt8], to client: ChannelPeer) {
        if !bytes.isEmpty, client.connection.sendRaw(bytes) == .failed { sendAway(client) }
    }

    private func sendAway(_ client: ChannelPeer) {
        guard client.connection.isOpen else { return }
        complain("it reads too slowly: \(client.connection.pendingSendBytes) bytes wait", client.connection)
        client.connection.destroy()
    }

    private func enqueue(
        _ names: [String], _ data: [UInt8], _ request: ChannelRequest, _ client: ChannelPeer
    ) {
        guard queues.hasRoom(for: data.count, in: names) else { return refuse(request, client, "the queue is full") }
        do throws(SystemError) {
            try queues.add(data, to: names)
        } catch {
            return refuse(request, client, "\(error)")
        }
        // The sender hears first that it is kept: the item may be for himself.
        reply(to: request, client, count: names.count)
        send(client.takeUnsent(), to: client)
        for name in names { queues.deliver(name) }
    }

    private func tidyUp() {
        queues.writeRest()
        pauseOfTidying = max(0, pauseOfTidying - 1)
        guard pauseOfTidying == 0 else { return }
        do throws(SystemError) {
            try queues.tidyUp { clients.values.flatMap { $0.unacknowledged.values.map { ($0.queue, $0.item) } } }
        } catch {
            // A full disk stays full for a while.
            pauseOfTidying = 60
            Worker.log("ChannelServer: \(error)", level: .error)
        }
    }

    private func refuse(_ request: ChannelRequest, _ client: ChannelPeer, _ reason: String) {
        guard let id = request.id else { return complain(reason, client.connection) }
        hand(ChannelAnswer.refused(id: id, reason: reason).writer.frame, to: client)
    }

    private func reply(to request: ChannelRequest, _ client: ChannelPeer, count: Int) {
        guard let id = request.id else { return }
        hand(ChannelAnswer.done(id: id, count: count).writer.frame, to: client)
    }

    private func left(_ connection: Connection<Frame>) {
        guard let client = clients.removeValue(forKey: connection.id) else { return }
        events.remove(client)
        queues.remove(client)
    }

    /// One line a second at most.
    private func complain(_ reason: String, _ connection: Connection<Frame>) {
        complaints += 1
        guard complaints == 1 else { return }
        Worker.log("ChannelServer: client \(connection.remoteAddress): \(reason)")
        WorkerTimer.after(1) { [weak self] _ in
            guard let self else { return }
            if complaints > 1 { Worker.log("ChannelServer: \(complaints - 1) more complaints") }
            complaints = 0
        }
    }
}

/// A client as its server knows it.
final class ChannelPeer {
    let connection: Connection<Frame>
    var events: Set<String> = []
    var queues: [String: WatchedQueue] = [:]
    /// Queues from which it could be sent an item if it had room for it, in the order in which that was found.
    var held: [String] = []
    /// Items that were sent and not acknowledged, or are being sent, with their queues.
    var unacknowledged: [Int: (queue: String, item: ChannelItem)] = [:]

    /// Events and answers that it gets with those which follow.
    var unsent: [UInt8] = []

    struct WatchedQueue {
        var acknowledges: Bool
        /// One item may be sent.
        var isArmed = false
        /// It is among those that are held.
        var isHeld = false
    }

    init(_ connection: Connection<Frame>) { self.connection = connection }

    nonisolated deinit {}

    func takeUnsent() -> [UInt8] {
        defer { unsent = [] }
        return unsent
    }
}

/// Who wants to hear of which events.
struct ChannelEvents {
    private var subscribers: [String: [ObjectIdentifier: ChannelPeer]] = [:]

    func receivers(of name: String) -> Dictionary<ObjectIdentifier, ChannelPeer>.Values? { subscribers[name]?.values }

    mutating func add(_ client: ChannelPeer, to name: String) {
        client.events.insert(name)
        subscribers[name, default: [:]][ObjectIdentifier(client)] = client
    }

    mutating func remove(_ client: ChannelPeer, from name: String) {
        client.events.remove(name)
        subscribers[name]?[ObjectIdentifier(client)] = nil
        if subscribers[name]?.isEmpty ?? false { subscribers[name] = nil }
    }

    mutating func remove(_ client: ChannelPeer) {
        for name in client.events { remove(client, from: name) }
    }
}
