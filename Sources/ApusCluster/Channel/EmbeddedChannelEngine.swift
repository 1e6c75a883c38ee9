import Apus

/// Carries events over a `ChannelServer`.
final class EmbeddedChannelEngine: ChannelEngine {
    weak var receiver: (any ChannelReceiver)?
    private let link: ClusterLink
    private let timeout: Double
    /// Messages that wait for the connection, and how many bytes they have.
    private var backlog: [[UInt8]] = []
    private var backlogBytes = 0
    private let maxUnsentBytes: Int
    private var requests: [Int: Request] = [:]
    private var lastID = 0
    private var timer: WorkerTimer?
    /// How many there were.
    private var connections = 0

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
        link.send(ChannelRequest(.watch, names: names, acknowledges: acknowledges).message)
    }

    func finish(_ item: ChannelDelivery, succeeded: Bool) {
        // The server gives to others what it had sent over an earlier connection, and may use its number again.
        guard let receipt = item.receipt, receipt.hasPrefix(receiptPrefix),
            let id = Int(receipt.dropFirst(receiptPrefix.utf8.count))
        else { return }
        link.send(ChannelRequest(succeeded ? .ack : .nack, id: id).message)
    }

    private var receiptPrefix: String { "\(connections)/" }

    /// What is not sent now is said again when the connection is there.
    private func tell(_ kind: ChannelRequest.Kind, _ names: [String]) {
        guard !names.isEmpty else { return }
        link.send(ChannelRequest(kind, names: names).message)
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
            requests[lastID] = Request(deadline: deadline, isSent: link.isReady, completion: completion)
            setTimer(deadline)
        }
        let bytes = ChannelRequest(kind, names: names, data: json, id: id).message
        if link.isReady, backlog.isEmpty {
            if link.send(bytes) { return true }
        } else if backlogBytes + bytes.count <= maxUnsentBytes {
            backlog.append(bytes)
            backlogBytes += bytes.count
            return true
        }
        guard let id, let request = requests.removeValue(forKey: id) else { return false }
        EventLoop.current.execute { request.completion(.failure(.unavailable("too much waits to be sent"))) }
        return false
    }

    // MARK: Being told

    private func ready() {
        connections += 1
        // Subscriptions first: who publishes to himself hears it.
        receiver?.engineIsReady()
        let messages = backlog
        backlog = []
        backlogBytes = 0
        for id in requests.keys { requests[id]?.isSent = true }
        for message in messages { link.send(message) }
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
        fail { $0.isSent ? .connectionLost(reason) : nil }
        receiver?.engineIsDown(reason)
    }

    private func fail(_ error: (Request) -> ClusterError?) {
        for (id, request) in requests.sorted(by: { $0.key < $1.key }) {
            guard let error = error(request) else { continue }
            requests[id] = nil
            request.completion(.failure(error))
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
