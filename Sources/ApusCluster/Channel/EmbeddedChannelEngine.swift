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

    func subscribe(_ names: [String]) { tell("subscribe", names) }
    func unsubscribe(_ names: [String]) { tell("unsubscribe", names) }
    func unwatch(_ names: [String]) { tell("unwatch", names) }
    func reserve(_ names: [String]) { tell("reserve", names) }

    func watch(_ names: [String], acknowledges: Bool) {
        var message = ClusterMessageWriter()
        message.add("type", "watch")
        message.add("channels", names)
        if acknowledges { message.add("ack", json: Array("true".utf8)) }
        link.send(message.message)
    }

    func finish(_ item: ChannelDelivery, succeeded: Bool) {
        // The server gives to others what it had sent over an earlier connection, and may use its number again.
        guard let receipt = item.receipt, receipt.hasPrefix(receiptPrefix),
            let id = Int(receipt.dropFirst(receiptPrefix.utf8.count))
        else { return }
        var message = ClusterMessageWriter()
        message.add("type", succeeded ? "ack" : "nack")
        message.add("id", id)
        link.send(message.message)
    }

    private var receiptPrefix: String { "\(connections)/" }

    /// What is not sent now is said again when the connection is there.
    private func tell(_ type: String, _ names: [String]) {
        guard !names.isEmpty else { return }
        var message = ClusterMessageWriter()
        message.add("type", type)
        message.add("channels", names)
        link.send(message.message)
    }

    func publish(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        post("publish", names, json, completion)
    }

    func enqueue(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        post("enqueue", names, json, completion)
    }

    private func post(_ type: String, _ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        var message = ClusterMessageWriter()
        message.add("type", type)
        message.add("channels", names)
        message.add("data", json: json)
        var id: Int?
        if let completion {
            lastID += 1
            id = lastID
            message.add("id", lastID)
            let deadline = EventLoop.current.now + Int64(timeout * 1e9)
            requests[lastID] = Request(deadline: deadline, isSent: link.isReady, completion: completion)
            setTimer(deadline)
        }
        let bytes = message.message
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
        let message = try ClusterMessage(bytes)
        switch message.string("type") {
        case "event":
            guard let event = Self.event(message) else { break }
            receiver?.received(event)
            return
        case "queue":
            guard let event = Self.event(message) else { break }
            let receipt = message.number("id").map { "\(receiptPrefix)\($0)" }
            receiver?.received(ChannelDelivery(event: event, receipt: receipt))
            return
        case "done":
            guard let id = message.number("id") else { break }
            requests.removeValue(forKey: id)?.completion(.success(message.number("count") ?? 0))
            return
        case "error":
            guard let id = message.number("id") else { break }
            let reason = message.string("reason") ?? ""
            requests.removeValue(forKey: id)?.completion(.failure(.refused(reason)))
            return
        default: break
        }
        throw ClusterMessage.Failure(reason: "the server sent «\(String(decoding: bytes.prefix(80), as: UTF8.self))»")
    }

    private static func event(_ message: ClusterMessage) -> ChannelEvent? {
        guard let name = message.string("channel"), let data = message.json("data") else { return nil }
        return ChannelEvent(name: name, json: data)
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
