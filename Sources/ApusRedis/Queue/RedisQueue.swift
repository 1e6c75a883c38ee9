import Apus
import ApusProtocols
import CApus

/// Messages that wait in Redis until some process handles them, at once or later; compatible with redis-queue of PHP.
///
///     let queue = try RedisQueue("redis://127.0.0.1")
///     try await queue.send("mail", Mail(to: "a@b.c"), delay: 60)
///     queue.subscribe("mail", as: Mail.self) { mail in try await deliver(mail) }
///
/// Each message goes to one consumer, which handles one message of a queue at a time. One whose handler throws is
/// tried again, later each time, and ends in a list of failed ones. `RedisQueueOptions.isReliable` says what happens to
/// a message whose consumer dies.
@MainActor public final class RedisQueue {
    /// Seconds between two looks at what is delayed.
    private static let delayedInterval = 1.0
    private static let mostMovedTogether = 128

    let redis: RedisClient
    let keys: RedisQueueKeys
    let options: RedisQueueOptions
    private var consumers: [String: RedisQueueConsumer] = [:]
    private var mover: Task<Void, Never>?
    private var isClosed = false

    /// A message has failed, and is about to be tried again or to be put to the failed ones: see
    /// `RedisQueueFailure`, which may be changed.
    public var onConsumeFailure: (@MainActor (inout RedisQueueFailure) -> Void)?
    /// Gets a line about what an operator should know; written to the log unless set.
    public var logger: @MainActor (String) -> Void = { Worker.log($0, level: .warning) }

    /// A queue in the database at an address, as `RedisClient` takes it.
    public convenience init(
        _ address: String, options: RedisQueueOptions = RedisQueueOptions(), redis: RedisOptions = RedisOptions()
    ) throws(RedisError) {
        self.init(try RedisClient(address, options: redis), options: options)
    }

    /// A queue in the database of a client. Consumers have a connection of their own each.
    public init(_ redis: RedisClient, options: RedisQueueOptions = RedisQueueOptions()) {
        self.redis = redis
        self.options = options
        keys = RedisQueueKeys(prefix: options.prefix)
    }

    isolated deinit {
        mover?.cancel()
        for consumer in consumers.values { consumer.stop() }
    }

    /// Seconds since 1970.
    static var now: Double { Double(capus_wall_ns()) / 1e9 }

    // MARK: Sending

    /// Puts a message into a queue, `delay` seconds from now. When it returns Redis has it; what it throws is that of
    /// `RedisClient.command`.
    public func send<Payload: Codable & Sendable>(
        _ queue: String, _ data: Payload, delay seconds: Double = 0
    ) async throws {
        let package = RedisQueuePackage(queue: queue, data: data, delay: seconds, now: Self.now)
        try await put(queue, try package.json, due: seconds > 0 ? Self.now + seconds : nil)
    }

    private func put(_ queue: String, _ message: [UInt8], due: Double?) async throws {
        if let due {
            try await redis.zAdd(keys.delayed, message, score: due)
        } else {
            try await redis.lPush(keys.waiting(queue), message)
        }
    }

    /// How many messages of a queue wait to be handled, delayed ones not counted.
    public func waitingCount(_ queue: String) async throws -> Int { try await redis.lLen(keys.waiting(queue)) }

    /// How many messages of all queues are delayed, or will be tried again.
    public func delayedCount() async throws -> Int { try await redis.zCard(keys.delayed) }

    /// The messages of all queues that have failed for good, the last one first, in JSON; so many at most.
    public func failed(limit: Int = 100) async throws -> [String] {
        try await redis.lRange(keys.failed, 0, limit - 1, as: String.self)
    }

    // MARK: Consuming

    /// Calls `handler` with each message of a queue, one after the other. Another handler for the same queue takes the
    /// place of the one before. A message that is no `Payload` goes to the failed ones.
    public func subscribe<Payload: Codable & Sendable>(
        _ queue: String, as type: Payload.Type = Payload.self,
        _ handler: @escaping @MainActor (Payload) async throws -> Void
    ) {
        precondition(!isClosed, "the queue was closed")
        consumers[queue]?.stop()
        consumers[queue] = RedisQueueConsumer(
            queue, redis, keys, options, log: { [weak self] in self?.logger($0) },
            failure: { [weak self] in self?.onConsumeFailure?(&$0) }, handler)
        startMover()
    }

    /// Takes no more messages of a queue; one that is being handled is finished. Returns when that is done. `send`
    /// still works.
    public func unsubscribe(_ queue: String) async {
        guard let consumer = consumers.removeValue(forKey: queue) else { return }
        consumer.stop()
        await consumer.ended()
    }

    /// Ends all subscriptions, as `unsubscribe` does, and closes the client.
    public func close() async {
        isClosed = true
        for queue in Array(consumers.keys) { await unsubscribe(queue) }
        mover?.cancel()
        redis.close()
    }

    /// Consumers of all processes do it: the script lets none of two move a message twice.
    private func startMover() {
        guard mover == nil else { return }
        let complaints = RedisQueueComplaints { [weak self] in self?.logger($0) }
        mover = Task { [weak self] in
            while !Task.isCancelled, let moved = await self?.moveDue(complaints) {
                if moved < Self.mostMovedTogether { try? await WorkerTimer.sleep(Self.delayedInterval) }
            }
        }
    }

    private func moveDue(_ complaints: RedisQueueComplaints) async -> Int {
        do {
            let moved = try await redis.run(
                RedisQueueScripts.moveDue, keys: [keys.delayed, keys.failed],
                [Self.now, Self.mostMovedTogether, keys.waitingStart])
            complaints.forget()
            return moved.integer ?? 0
        } catch {
            if !Task.isCancelled { complaints.note("delayed messages cannot be moved: \(error)") }
            return 0
        }
    }
}

/// A message that a handler has failed on, and what becomes of it.
public nonisolated struct RedisQueueFailure: Sendable {
    /// What the handler has thrown.
    public let error: any Error
    /// The name of the queue.
    public let queue: String
    /// The message as it will be kept, in JSON, without what is said here.
    public let message: String
    /// How often a handler has failed on it, this time included.
    public var attempts: Int
    /// How often it is tried again.
    public var maxAttempts: Int
    /// Whether it is tried again at all; not unless set after a `RedisQueueUnretryable`.
    public var isRetried: Bool
    /// Seconds until it is tried again.
    public var delay: Double
    /// What the message says of its last failure.
    public var reason: String
}

/// Says the same thing once, until it is over.
final class RedisQueueComplaints {
    private let log: @MainActor (String) -> Void
    private var isSaid = false

    init(_ log: @escaping @MainActor (String) -> Void) { self.log = log }
    nonisolated deinit {}

    func note(_ text: String) {
        if !isSaid { say(text) }
        isSaid = true
    }

    func say(_ text: String) { log("redis-queue: \(text)") }

    func forget() { isSaid = false }
}
