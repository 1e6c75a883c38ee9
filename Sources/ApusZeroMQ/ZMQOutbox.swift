/// Messages that wait for room, in the order in which they are to be sent.
struct ZMQOutbox {
    typealias Completion = @MainActor (Result<Void, ZMQError>) -> Void
    /// What became of a message: for the caller to pass on, since what is called may send.
    typealias Finished = (done: Completion, result: Result<Void, ZMQError>)

    private struct Item {
        let id: Int
        let message: ZMQMessage
        /// Monotonic nanoseconds.
        let deadline: Int64
        let done: Completion
    }

    private var items: [Item] = []
    private var lastID = 0

    var count: Int { items.count }
    var isEmpty: Bool { items.isEmpty }
    /// All may wait equally long, so the first one is due first.
    var firstDeadline: Int64? { items.first?.deadline }

    mutating func add(_ message: ZMQMessage, _ deadline: Int64, _ done: @escaping Completion) -> Int {
        lastID += 1
        items.append(Item(id: lastID, message: message, deadline: deadline, done: done))
        return lastID
    }

    /// Nobody waits for it any more.
    mutating func remove(_ id: Int) { items.removeAll { $0.id == id } }

    /// Whether a message that comes later may be sent now: not before others of the same way. Each peer of a ROUTER
    /// socket has one of its own.
    func mayOvertake(_ message: ZMQMessage, _ type: ZMQSocketType) -> Bool {
        if items.isEmpty { return true }
        guard case .router = type else { return false }
        return !items.contains { $0.message.parts.first == message.parts.first }
    }

    /// Sends what can be sent: `send` says whether there was room. Returns what has left the box.
    mutating func flush(_ type: ZMQSocketType, _ send: (ZMQMessage) throws(ZMQError) -> Bool) -> [Finished] {
        var finished: [Finished] = []
        var left: [Item] = []
        var blocked: Set<[UInt8]> = []
        var isBlocked = false
        var index = 0
        while index < items.count, !isBlocked {
            let item = items[index]
            index += 1
            let peer = item.message.parts[0]
            if blocked.contains(peer) {
                left.append(item)
                continue
            }
            do throws(ZMQError) {
                if try send(item.message) {
                    finished.append((item.done, .success(())))
                    continue
                }
                left.append(item)
                if case .router = type { blocked.insert(peer) } else { isBlocked = true }
            } catch {
                finished.append((item.done, .failure(error)))
            }
        }
        items.replaceSubrange(..<index, with: left)
        return finished
    }

    mutating func takeLate(now: Int64) -> [Finished] {
        let late = items.prefix { $0.deadline <= now }
        items.removeFirst(late.count)
        return late.map { ($0.done, .failure(.sendTimedOut)) }
    }

    mutating func takeAll(_ error: ZMQError) -> [Finished] {
        defer { items = [] }
        return items.map { ($0.done, .failure(error)) }
    }
}
