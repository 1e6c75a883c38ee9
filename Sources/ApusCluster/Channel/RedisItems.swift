import Apus
import ApusProtocols
import ApusRedis

/// Queues of work in Redis: each is a stream, from which the processes that watch it take as one group. Entries are
/// deleted when they were acknowledged.
final class RedisItems {
    private static let group = "apus"
    /// Seconds between two looks at what other processes have left.
    private static let lookPeriod = 5.0
    /// Milliseconds after which a process that has not asked for items is no more.
    private static let consumerLife = 3_600_000

    /// One queue that is watched.
    private final class Watched {
        var acknowledges = false
        /// An item may come.
        var isArmed = false
        /// Somebody waits for one.
        var isWaiting = false
        /// Items that were not handled, which come again first. They stay this process's.
        var returned: [RedisStreamEntry] = []
        var trouble = QueueTrouble()
        /// The group is there.
        var hasGroup = false
        /// Monotonic nanoseconds.
        var nextLook: Int64 = 0
        /// Where it is waited for items.
        var connection: RedisConnection?

        nonisolated deinit {}
    }

    private let redis: RedisClient
    private let patience: Double
    /// Of one command.
    private let timeout: Double
    private let consumer = ClusterSecret.nonce()
    private let inHand: ItemsInHand
    private var queues: [String: Watched] = [:]
    /// What each item in hand was.
    private var entries: [String: RedisStreamEntry] = [:]
    private var isClosed = false
    /// Gets the items.
    var onItem: @MainActor (ChannelDelivery) -> Void = { _ in }
    /// Is told why none can be taken, once.
    var onFailure: @MainActor (_ name: String, _ error: ClusterError) -> Void = { _, _ in }

    init(_ redis: RedisClient, patience: Double, timeout: Double) {
        self.redis = redis
        self.timeout = timeout
        self.patience = patience
        inHand = ItemsInHand(patience: patience)
        inHand.renew = { [unowned self] in renew($0) }
    }

    nonisolated deinit {}

    static func key(_ name: String) -> String { "apus:queue:\(name)" }

    func close() {
        isClosed = true
        for queue in queues.values { queue.connection?.close() }
        queues = [:]
        inHand.forget()
    }

    // MARK: Putting in

    func add(_ names: [String], _ json: [UInt8]) async throws {
        for name in names { try await redis.xAdd(Self.key(name), ["data": json]) }
    }

    // MARK: Taking out

    func watch(_ name: String, acknowledges: Bool) {
        let queue = queues[name] ?? Watched()
        queue.acknowledges = acknowledges
        queues[name] = queue
    }

    func unwatch(_ name: String) {
        // What it has not handled others get, when they have waited for it long enough.
        guard let queue = queues.removeValue(forKey: name) else { return }
        queue.connection?.close()
        for entry in queue.returned { forget(Self.receipt(entry, name)) }
    }

    func reserve(_ name: String) {
        guard let queue = queues[name] else { return }
        queue.isArmed = true
        guard !queue.isWaiting else { return }
        queue.isWaiting = true
        Task { [weak self] in
            while let self, await self.fetch(name, queue) {}
        }
    }

    /// Waits for one item. False when none is wanted any more.
    private func fetch(_ name: String, _ queue: Watched) async -> Bool {
        guard !isClosed, queue.isArmed, queues[name] === queue else {
            // At once: what is asked for before the caller goes on is to begin anew.
            queue.isWaiting = false
            return false
        }
        do {
            let entry = try await next(name, queue)
            queue.trouble.isOver()
            // Its own group's item that is not taken now goes to somebody else, as one of a process that has died.
            if let entry, !isClosed, queues[name] === queue { hand(entry, name, queue) }
        } catch {
            await pause(name, queue, error)
        }
        return true
    }

    private func pause(_ name: String, _ queue: Watched, _ error: any Error) async {
        // It may be the group that is gone, with all that was in Redis.
        queue.hasGroup = false
        queue.connection?.close()
        queue.connection = nil
        if let error = error as? RedisError, !isClosed {
            let told = ClusterError(error, timeout)
            switch error {
            case .refused, .unexpectedReply: if queue.trouble.isNew(told) { onFailure(name, told) }
            // That there is no connection is told otherwise.
            default: break
            }
        }
        try? await WorkerTimer.sleep(queue.trouble.pause())
    }

    private func next(_ name: String, _ queue: Watched) async throws -> RedisStreamEntry? {
        if !queue.returned.isEmpty { return queue.returned.removeFirst() }
        let key = Self.key(name)
        try await makeGroup(key, queue)
        let now = EventLoop.current.now
        if now >= queue.nextLook {
            queue.nextLook = now + Int64(min(Self.lookPeriod, patience / 2) * 1e9)
            if let entry = try await left(key) {
                queue.nextLook = 0
                return entry
            }
        }
        // Those that are there come without a connection of their own.
        if let entry = try await redis.xReadGroup(Self.group, consumer, [key: ">"], limit: 1)[key]?.first {
            return entry
        }
        if queue.connection == nil { queue.connection = try await redis.dedicatedConnection() }
        let wait = max(0.05, Double(queue.nextLook - EventLoop.current.now) / 1e9)
        let read = try await queue.connection?.xReadGroup(
            Self.group, consumer, [key: ">"], limit: 1, timeout: wait)
        return read?[key]?.first
    }

    /// One that a process which has died has left. Redis looks at a few entries at a time.
    private func left(_ key: String) async throws -> RedisStreamEntry? {
        var position = "0-0"
        repeat {
            let claimed = try await redis.xAutoClaim(
                key, Self.group, consumer, idleMilliseconds: Int(patience * 1000), from: position, limit: 1)
            if let entry = claimed.entries.first { return entry }
            position = claimed.next
        } while position != "0-0"
        return nil
    }

    private func makeGroup(_ key: String, _ queue: Watched) async throws {
        guard !queue.hasGroup else { return }
        do {
            try await redis.xGroupCreate(key, Self.group, from: "0")
        } catch RedisError.refused(let code, _) where code == "BUSYGROUP" {
            try await forgetGone(key)
        }
        queue.hasGroup = true
    }

    /// Of processes that have ended Redis would keep the names for ever.
    private func forgetGone(_ key: String) async throws {
        for consumer in try await redis.xInfoConsumers(key, Self.group)
        where consumer.pending == 0 && consumer.idleMilliseconds > Self.consumerLife {
            try await redis.xGroupDelConsumer(key, Self.group, consumer.name)
        }
    }

    private static func receipt(_ entry: RedisStreamEntry, _ name: String) -> String { "\(entry.id)/\(name)" }

    private func hand(_ entry: RedisStreamEntry, _ name: String, _ queue: Watched) {
        let receipt = Self.receipt(entry, name)
        guard let json = entry.fields["data"] else {
            // Not put in by a client of this kind.
            return settle(receipt, entry, name)
        }
        queue.isArmed = false
        if queue.acknowledges {
            entries[receipt] = entry
            inHand.add(receipt)
        } else {
            settle(receipt, entry, name)
        }
        let event = ChannelEvent(name: name, json: json)
        onItem(ChannelDelivery(event: event, receipt: queue.acknowledges ? receipt : nil))
    }

    // MARK: What becomes of them

    func finish(_ item: ChannelDelivery, succeeded: Bool) {
        guard let receipt = item.receipt, let entry = entries[receipt] else { return }
        let name = item.event.name
        if succeeded {
            settle(receipt, entry, name)
        } else if let queue = queues[name] {
            queue.returned.append(entry)
        } else {
            forget(receipt)
        }
    }

    private func forget(_ receipt: String) {
        entries[receipt] = nil
        inHand.remove(receipt)
    }

    /// It is nobody's any more. When that does not arrive it comes again, as it may when the process dies now.
    private func settle(_ receipt: String, _ entry: RedisStreamEntry, _ name: String) {
        forget(receipt)
        let key = Self.key(name)
        redis.send("XACK", key, Self.group, entry.id) { _ in }
        redis.send("XDEL", key, entry.id) { _ in }
    }

    private func renew(_ receipt: String) {
        guard let entry = entries[receipt] else { return }
        let name = String(receipt.dropFirst(entry.id.utf8.count + 1))
        redis.send("XCLAIM", Self.key(name), Self.group, consumer, 0, entry.id, "JUSTID") { _ in }
    }
}
