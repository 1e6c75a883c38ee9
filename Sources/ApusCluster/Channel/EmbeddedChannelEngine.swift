import Apus

/// Carries events over a `ChannelServer`.
final class EmbeddedChannelEngine: ChannelEngine {
    weak var receiver: (any ChannelReceiver)?
    private let link: ClusterLink
    private let timeout: Double
    /// Messages that wait for the connection, or for room in it, and how many bytes they have.
    private var backlog: [Message] = []
    private var backlogBytes = 0
    /// What this connection is to be told as soon as there is room in it. It goes before the backlog, and the next
    /// connection is told otherwise.
    private var untold: [[UInt8]] = []
    private let maxUnsentBytes: Int
    private var requests: [Int: Request] = [:]
    private var lastID = 0
    private var timer: WorkerTimer?
    /// How many there were.
    private var connections = 0

    private struct Message {
        let bytes: [UInt8]
        /// Of the request, where it is awaited.
        let id: Int?
    }

    private struct Request {
        /// Monotonic nanoseconds.
        let deadline: Int64
        /// It has left this process.
        var isSent: Bool
        let completion: ChannelCompletion
    }

    init(_ addresses: [String], _ options: ChannelClientOptions) {
        timeout = options.timeout
        maxUnsentBytes = options.maxUnsentBytes
        link = ClusterLink(
            addresses, secret: ClusterSecret(options.secret), heartbeat: [], maxMessageBytes: options.maxMessageBytes,
            maxUnsentBytes: options.maxUnsentBytes)
        link.onReady = { [unowned self] in ready() }
        link.onMessage = { [unowned self] in try received($0) }
        link.onDrain = { [unowned self] in sendBacklog() }
        link.onDown = { [unowned self] in down($0, $1) }
    }

    nonisolated deinit {}

    var isReady: Bool { link.isReady }
    func open() { link.open() }

    func close() {
        link.close()
        timer?.cancel()
        timer = nil
        fail { _ in .closed }
    }

    // MARK: Asking

    func subscribe(_ names: [String]) { tell(.subscribe, names) }
    func unsubscribe(_ names: [String]) { tell(.unsubscribe, names) }
    func unwatch(_ names: [String]) { tell(.unwatch, names) }
    func reserve(_ names: [String]) { tell(.reserve, names) }

    func watch(_ names: [String], acknowledges: Bool) {
        tell(ChannelRequest(.watch, names: names, acknowledges: acknowledges))
    }

    func finish(_ item: ChannelDelivery, succeeded: Bool) {
        // The server gives to others what it had sent over an earlier connection, and may use its number again.
        guard let receipt = item.receipt, receipt.hasPrefix(receiptPrefix),
            let id = Int(receipt.dropFirst(receiptPrefix.utf8.count))
        else { return }
        tell(ChannelRequest(succeeded ? .ack : .nack, id: id))
    }

    private var receiptPrefix: String { "\(connections)/" }

    private func tell(_ kind: ChannelRequest.Kind, _ names: [String]) {
        if !names.isEmpty { tell(ChannelRequest(kind, names: names)) }
    }

    /// Without a connection nothing is: all is said again when there is one.
    private func tell(_ request: ChannelRequest) {
        let message = request.message
        if untold.isEmpty, link.send(message) { return }
        // Dropped, it would leave a queue without its taker.
        if link.isReady { untold.append(message) }
    }

    func publish(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        post(.publish, names, json, completion)
    }

    func enqueue(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        post(.enqueue, names, json, completion)
    }

    private func post(
        _ kind: ChannelRequest.Kind, _ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?
    ) -> Bool {
        var id: Int?
        if let completion {
            lastID += 1
            id = lastID
            let deadline = EventLoop.current.now + Int64(timeout * 1e9)
            let isSent = link.isReady && hasToldAll
            requests[lastID] = Request(deadline: deadline, isSent: isSent, completion: completion)
            setTimer(deadline)
        }
        let bytes = ChannelRequest(kind, names: names, data: json, id: id).message
        if link.isReady, hasToldAll {
            if link.send(bytes) { return true }
        } else if backlogBytes + bytes.count <= maxUnsentBytes {
            backlog.append(Message(bytes: bytes, id: id))
            backlogBytes += bytes.count
            return true
        }
        guard let id, let request = requests.removeValue(forKey: id) else { return false }
        EventLoop.current.execute { request.completion(.failure(.unavailable("too much waits to be sent"))) }
        return false
    }

    private var hasToldAll: Bool { untold.isEmpty && backlog.isEmpty }

    // MARK: Being told

    private func ready() {
        connections += 1
        // Subscriptions first: who publishes to himself hears it.
        receiver?.engineIsReady()
        sendBacklog()
    }

    /// As far as there is room. The rest follows when that has left, or over the next connection.
    private func sendBacklog() {
        var count = 0
        while count < untold.count, link.send(untold[count]) { count += 1 }
        // All of them are gone when the connection is.
        untold.removeFirst(min(count, untold.count))
        guard untold.isEmpty else { return }
        count = 0
        while count < backlog.count, link.send(backlog[count].bytes) {
            if let id = backlog[count].id { requests[id]?.isSent = true }
            backlogBytes -= backlog[count].bytes.count
            count += 1
        }
        backlog.removeFirst(count)
    }

    private func received(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { return }
        switch try ChannelAnswer(bytes) {
        case .event(let name, let data): receiver?.received(ChannelEvent(name: name, json: data))
        case .item(let queue, let data, let id):
            let event = ChannelEvent(name: queue, json: data)
            receiver?.received(ChannelDelivery(event: event, receipt: id.map { "\(receiptPrefix)\($0)" }))
        case .done(let id, let count): requests.removeValue(forKey: id)?.completion(.success(count))
        case .refused(let id, let reason): requests.removeValue(forKey: id)?.completion(.failure(.refused(reason)))
        }
    }

    private func down(_ reason: String, _ wasReady: Bool) {
        untold = []
        fail { $0.isSent ? .connectionLost(reason) : nil }
        receiver?.engineIsDown(reason)
    }

    private func fail(_ error: (Request) -> ClusterError?) {
        let failed = requests.filter { error($0.value) != nil }
        for id in failed.keys { requests[id] = nil }
        // What was not sent is not to be done later.
        backlog.removeAll { message in
            guard let id = message.id, failed[id]?.isSent == false else { return false }
            backlogBytes -= message.bytes.count
            return true
        }
        for (_, request) in failed.sorted(by: { $0.key < $1.key }) {
            if let error = error(request) { request.completion(.failure(error)) }
        }
    }

    // MARK: Time-outs

    /// All may take the same time: the timer that is set is due first.
    private func setTimer(_ deadline: Int64) {
        guard timer == nil else { return }
        let seconds = Double(deadline - EventLoop.current.now) / 1e9
        timer = WorkerTimer.after(max(0.001, seconds)) { [weak self] _ in self?.timeOut() }
    }

    private func timeOut() {
        timer = nil
        let now = EventLoop.current.now
        let timeout = timeout
        fail { request in
            guard request.deadline <= now else { return nil }
            return request.isSent ? .timedOut(timeout) : .unavailable("not within \(timeout) seconds")
        }
        if let next = requests.values.map(\.deadline).min() { setTimer(next) }
    }
}
