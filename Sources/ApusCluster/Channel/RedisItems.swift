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
    /// Seconds after something has failed.
    private static let pause = 0.1

    /// One queue that is watched.
    private final class Watched {
        var acknowledges = false
        /// An item may come.
        var isArmed = false
        /// Somebody waits for one.
        var isWaiting = false
        /// Items that were not handled, which come again first.
        var returned: [RedisStreamEntry] = []
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
    private let consumer = ClusterSecret.nonce()
    private let inHand: ItemsInHand
    private var queues: [String: Watched] = [:]
    /// What each item in hand was.
    private var entries: [String: RedisStreamEntry] = [:]
    private var isClosed = false
    /// Gets the items.
    var onItem: @MainActor (ChannelDelivery) -> Void = { _ in }

    init(_ redis: RedisClient, patience: Double) {
        self.redis = redis
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
        queues.removeValue(forKey: name)?.connection?.close()
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
            guard let entry = try await next(name, queue) else { return true }
            guard !isClosed, queues[name] === queue else { return true }
            try await hand(entry, name, queue)
        } catch {
            // It may be the group that is gone, with all that was in Redis.
            queue.hasGroup = false
            queue.connection?.close()
            queue.connection = nil
            try? await WorkerTimer.sleep(Self.pause)
        }
        return true
    }

    private func next(_ name: String, _ queue: Watched) async throws -> RedisStreamEntry? {
        if !queue.returned.isEmpty { return queue.returned.removeFirst() }
        let key = Self.key(name)
        try await makeGroup(key, queue)
        let now = EventLoop.current.now
        if now >= queue.nextLook {
            queue.nextLook = now + Int64(min(Self.lookPeriod, patience / 2) * 1e9)
            let left = try await redis.xAutoClaim(
                key, Self.group, consumer, idleMilliseconds: Int(patience * 1000), limit: 1)
            if let entry = left.entries.first {
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

    private func hand(_ entry: RedisStreamEntry, _ name: String, _ queue: Watched) async throws {
        guard let json = entry.fields["data"] else {
            // Not put in by a client of this kind, or deleted since.
            return try await settle(entry.id, name)
        }
        let receipt = "\(entry.id)/\(name)"
        if queue.acknowledges {
            entries[receipt] = entry
            inHand.add(receipt)
        } else {
            try await settle(entry.id, name)
        }
        queue.isArmed = false
        let event = ChannelEvent(name: name, json: json)
        onItem(ChannelDelivery(event: event, receipt: queue.acknowledges ? receipt : nil))
    }

    // MARK: What becomes of them

    func finish(_ item: ChannelDelivery, succeeded: Bool) {
        guard let receipt = item.receipt, let entry = entries.removeValue(forKey: receipt), inHand.remove(receipt)
        else {
            return
        }
        let name = item.event.name
        if succeeded {
            // It may come again when this does not arrive, as it may when the process dies now.
            Task { try? await settle(entry.id, name) }
        } else if let queue = queues[name] {
            queue.returned.append(entry)
        }
    }

    private func settle(_ id: String, _ name: String) async throws {
        let key = Self.key(name)
        _ = try await redis.pipeline { batch in
            batch.command("XACK", key, Self.group, id)
            batch.command("XDEL", key, id)
        }
    }

    private func renew(_ receipt: String) {
        guard let entry = entries[receipt] else { return }
        let name = String(receipt.dropFirst(entry.id.utf8.count + 1))
        redis.send("XCLAIM", Self.key(name), Self.group, consumer, 0, entry.id, "JUSTID") { _ in }
    }
}
