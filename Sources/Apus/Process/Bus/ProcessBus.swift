import CApus

/// Messages between the processes of a program: `Worker.bus`.
///
///     Worker.bus.on("price") { message in … message.text, message.sender … }
///     Worker.bus.broadcast("price", "42")
///     Worker.bus.send("kick", "anna", to: "chat", id: 2)
///
/// Each process has an inbox, a socket that the master made, and writes to those of the others: no server is needed,
/// and nobody is in between. What one process sends to another arrives in the order it was sent. A process that does
/// not keep up gets what waits for it later, up to `maxQueuedBytes`; what comes on top is dropped, counted and logged,
/// and what was sent is told. A message that was taken for a process is lost only when that, or its sender, ends.
/// Spec 08 §5.
///
/// Handlers are set at the top level of the program or in `onWorkerStart`. A process gets all that was sent since it
/// was started; while a reload replaces it, it and its successor do.
public final class ProcessBus {
    /// Called with a message. What it throws ends the process, as in a timer.
    public typealias Handler = @MainActor (BusMessage) throws -> Void

    static let shared = ProcessBus()

    /// Bytes that may wait for one other process; 8 MiB unless set. No message can be larger.
    public var maxQueuedBytes = 8 * 1024 * 1024
    /// Messages of this process that were dropped, each counted for each process that did not get it.
    public private(set) var droppedCount = 0

    private var handlers: [String: [Handler]] = [:]
    private var peers: [Int: BusPeer] = [:]
    private var inbox: BusInbox?
    private var member = 0
    private var loop: EventLoop?
    /// This process; several workers in it stand for processes of their own.
    private var workers: [WorkerBase] = []
    private var complaint = RateLimitedComplaint()

    private init() {}

    // MARK: Receiving

    /// Calls `handler` with each message that was sent as `event`, together with those that were set before.
    public func on(_ event: String, _ handler: @escaping Handler) { handlers[event, default: []].append(handler) }

    /// Forgets the handlers of an event.
    public func off(_ event: String) { handlers[event] = nil }

    private func arrived(_ arrival: BusAssembly.Arrival) {
        switch arrival.head.kind {
        case .event: call(BusMessage(event: arrival.head.topic, data: arrival.bytes, sender: arrival.head.sender))
        case .bytes, .webSocketText, .webSocketBytes:
            for worker in WorkerBase.all where worker.key == arrival.head.topic {
                worker.giveToClients(arrival.head.kind, arrival.bytes)
            }
        }
    }

    private func call(_ message: BusMessage) {
        for handler in handlers[message.event] ?? [] { loop?.run({ try handler(message) }, "bus handler") }
    }

    // MARK: Sending

    /// Sends a message to every other process of the program, and to this one, too, if that is wanted, which gets it
    /// after the events of this turn of the loop. In the one process of `--single-process` each of several workers
    /// counts as another one. The event's name has at most 1,024 bytes.
    ///
    /// - Returns: how many processes it was taken for.
    @discardableResult
    public func broadcast(_ event: String, _ data: [UInt8], includingSelf: Bool = false) -> Int {
        let toSelf = includingSelf || workers.count > 1
        return transmit(.event, event, data, to: Array(peers.values)) + (toSelf ? sendToSelf(event, data) : 0)
    }

    /// The same with text.
    @discardableResult
    public func broadcast(_ event: String, _ text: String, includingSelf: Bool = false) -> Int {
        broadcast(event, Array(text.utf8), includingSelf: includingSelf)
    }

    /// Sends a message to the processes of the worker with a name, this one included if it is one, or to the one with
    /// an id: also two while a reload replaces it.
    ///
    /// - Returns: how many processes it was taken for; 0 when there is none of that name.
    @discardableResult
    public func send(_ event: String, _ data: [UInt8], to worker: String, id: Int? = nil) -> Int {
        let receivers = peers.values.filter { $0.address.worker == worker && (id ?? $0.address.id) == $0.address.id }
        let isOwn = workers.contains { $0.name == worker && (id ?? $0.id) == $0.id }
        return transmit(.event, event, data, to: receivers) + (isOwn ? sendToSelf(event, data) : 0)
    }

    /// The same with text.
    @discardableResult
    public func send(_ event: String, _ text: String, to worker: String, id: Int? = nil) -> Int {
        send(event, Array(text.utf8), to: worker, id: id)
    }

    /// Sends something to the clients that the other processes of a worker have.
    func sendToClients(_ kind: BusPacket.Kind, of worker: WorkerBase, _ bytes: [UInt8]) -> Int {
        transmit(kind, worker.key, bytes, to: peers.values.filter { $0.workerKey == workers.first?.key })
    }

    private var sender: BusSender { BusSender(worker: workers.first?.name ?? "none", id: workers.first?.id ?? 0) }

    private func sendToSelf(_ event: String, _ data: [UInt8]) -> Int {
        guard let loop else { return 0 }
        let message = BusMessage(event: event, data: data, sender: sender)
        loop.execute { [self] in call(message) }
        return 1
    }

    private func transmit(_ kind: BusPacket.Kind, _ topic: String, _ data: [UInt8], to receivers: [BusPeer]) -> Int {
        precondition(topic.utf8.count <= BusPacket.mostTopicBytes, "the name of an event is longer than 1,024 bytes")
        guard !receivers.isEmpty else { return 0 }
        let packets = data.withUnsafeBytes { BusPacket.packets(kind, from: sender, member: member, topic, $0) }
        let size = packets.reduce(0) { $0 + $1.count }
        var taken = 0
        for receiver in receivers {
            switch receiver.send(packets, size, limit: maxQueuedBytes) {
            case .taken: taken += 1
            case .full: dropped(for: receiver, data.count)
            case .gone: break
            }
        }
        return taken
    }

    private func dropped(for receiver: BusPeer, _ size: Int) {
        droppedCount += 1
        loop?.status.pointee.failed_sends &+= 1
        complaint.note("bus: \(receiver.address) does not keep up; a message of \(size) bytes for it is dropped")
    }

    // MARK: Being a member

    /// This process takes part.
    func start(_ workers: [WorkerBase], on loop: EventLoop, member: Int = 0, inbox fd: Int32 = -1) {
        self.workers = workers
        self.loop = loop
        self.member = member
        guard fd >= 0 else { return }
        let inbox = BusInbox(fd: fd, loop: loop) { [unowned self] in arrived($0) }
        self.inbox = inbox
        loop.watch(inbox)
    }

    /// The master tells of another process.
    func peerCame(_ peer: PeerNews, socket fd: Int32) {
        guard fd >= 0, let loop else { return }
        peers.removeValue(forKey: peer.member)?.close()
        peers[peer.member] = BusPeer(
            fd: fd, member: peer.member, address: BusSender(worker: peer.name, id: peer.id), workerKey: peer.workerKey,
            loop: loop)
    }

    /// The master tells of one that has ended.
    func peerLeft(_ member: Int) {
        peers.removeValue(forKey: member)?.close()
        inbox?.senderIsGone(member)
    }

    /// Nothing waits for others.
    var isIdle: Bool { peers.values.allSatisfy(\.isIdle) }

    /// This process ends, whether or not something waits for others.
    func end() {
        for peer in peers.values where !peer.isIdle {
            Log.write("bus: \(peer.queuedBytes) bytes for \(peer.address) are dropped with their sender", .warning)
        }
    }
}

/// Says at most once a second what happens again and again, and how often it has.
private final class RateLimitedComplaint {
    private var more = 0
    private var last = ""
    private var timer: WorkerTimer?

    nonisolated deinit {}

    func note(_ text: String) {
        guard timer == nil else {
            more += 1
            last = text
            return
        }
        Log.write(text, .warning)
        waitASecond()
    }

    private func waitASecond() {
        timer = WorkerTimer.after(1) { [unowned self] _ in
            timer = nil
            guard more > 0 else { return }
            Log.write("\(last) (\(more) times within a second)", .warning)
            more = 0
            waitASecond()
        }
    }
}
