import Apus
import ApusProtocols

/// Takes the messages of one queue, one after the other, over a connection of its own.
final class RedisQueueConsumer {
    /// Seconds that one wait for a message takes at most.
    private static let wait = 1.0
    /// Seconds between two attempts to reach Redis.
    private static let longestPause = 2.0

    private let queue: String
    private let redis: RedisClient
    private let keys: RedisQueueKeys
    private let options: RedisQueueOptions
    private let complaints: RedisQueueComplaints
    /// Where messages are while they are handled, if the queue is reliable. Each connection has its own: what Redis
    /// moves there for one that is lost already is taken back as that of a dead consumer.
    private var processing: String
    private let handle: @MainActor (_ message: [UInt8]) async -> RedisQueueOutcome
    private var isStopped = false
    private var task: Task<Void, Never>?
    private var heart: Task<Void, Never>?

    init<Payload: Codable & Sendable>(
        _ queue: String, _ redis: RedisClient, _ keys: RedisQueueKeys, _ options: RedisQueueOptions,
        log: @escaping @MainActor (String) -> Void, failure: @escaping @MainActor (inout RedisQueueFailure) -> Void,
        _ handler: @escaping @MainActor (Payload) async throws -> Void
    ) {
        self.queue = queue
        self.redis = redis
        self.keys = keys
        self.options = options
        complaints = RedisQueueComplaints(log)
        processing = Self.newProcessing(keys)
        handle = { message in
            await RedisQueueOutcome.of(message, queue, options, log: log, failure: failure, handler)
        }
        // They keep this object until it is stopped.
        task = Task { await run() }
        if options.isReliable { heart = Task { await beat() } }
    }

    nonisolated deinit {}

    private static func newProcessing(_ keys: RedisQueueKeys) -> String {
        keys.processing((0..<4).map { _ in String(UInt32.random(in: .min ... .max), radix: 16) }.joined())
    }

    /// Takes no more messages.
    func stop() {
        isStopped = true
        // A wait for the server, or between two signs of life, is cut short; a wait for a message is not: it might come
        // just then.
        heart?.cancel()
    }

    /// Returns when the last message was dealt with.
    func ended() async { await task?.value }

    private func run() async {
        var pause = 0.05
        while !isStopped {
            do {
                try await redis.withConnection { connection in
                    if options.isReliable {
                        processing = Self.newProcessing(keys)
                        try await register()
                    }
                    pause = 0.05
                    complaints.forget()
                    while !isStopped {
                        guard let message = try await next(connection) else { continue }
                        if isStopped { return await giveBack(message) }
                        await settle(message, await handle(message))
                    }
                }
            } catch {
                if isStopped || redis.link.phase == .closed { break }
                complaints.note("no messages of \"\(queue)\" can be taken: \(error)")
                try? await WorkerTimer.sleep(pause)
                pause = min(Self.longestPause, pause * 2)
            }
        }
        guard options.isReliable else { return }
        // Gives back what came when nobody wanted more.
        _ = try? await redis.delete(keys.alive(processing: processing))
        _ = try? await recover(processing, queue)
    }

    private func next(_ connection: RedisConnection) async throws -> [UInt8]? {
        let waiting = keys.waiting(queue)
        if !options.isReliable { return try await connection.brPop(waiting, timeout: Self.wait)?.value }
        return try await connection.blMove(waiting, .right, to: processing, .left, timeout: Self.wait)
    }

    /// A message that came when nobody wanted more: it is the next one of whoever asks.
    private func giveBack(_ message: [UInt8]) async {
        // A reliable one is given back with what else is there.
        if options.isReliable { return }
        await insist { try await self.redis.rPush(self.keys.waiting(self.queue), message) }
    }

    private func settle(_ message: [UInt8], _ outcome: RedisQueueOutcome) async {
        let (destination, kept, due): (String, [UInt8], Double?) =
            switch outcome {
            case .done: (keys.failed, [], nil)
            case .retry(let message, let delay): (keys.delayed, message, RedisQueue.now + delay)
            case .failed(let message): (keys.failed, message, nil)
            }
        await insist {
            if self.options.isReliable {
                try await self.redis.run(
                    RedisQueueScripts.settle, keys: [self.processing, destination],
                    [message, kept, due.map { String($0) } ?? ""])
            } else if let due {
                try await self.redis.zAdd(destination, kept, score: due)
            } else if !kept.isEmpty {
                try await self.redis.lPush(destination, kept)
            }
        }
    }

    /// Does something until Redis has done it, unless the client is closed. What may have been done already is done
    /// again: better twice than not at all.
    private func insist(_ body: () async throws -> Void) async {
        var pause = 0.05
        while redis.link.phase != .closed {
            do { return try await body() } catch {
                complaints.note("what became of a message of \"\(queue)\" cannot be written: \(error)")
                try? await WorkerTimer.sleep(pause)
                pause = min(Self.longestPause, pause * 2)
            }
        }
    }

    // MARK: Signs of life

    private func register() async throws {
        let seconds = max(1, Int(options.consumerTimeout.rounded(.up)))
        let alive = keys.alive(processing: processing)
        _ = try await redis.transaction { batch in
            batch.set(alive, "1", expiresIn: seconds)
            batch.hSet(keys.consumers, [processing: queue])
        }
    }

    private func beat() async {
        while !isStopped {
            do {
                try await register()
                // Whoever is alive looks after the others.
                for (other, queue) in try await redis.hGetAll(keys.consumers, as: String.self)
                where other != processing && !isStopped {
                    let count = try await recover(other, queue)
                    if count > 0 { complaints.say("\(count) messages of \"\(queue)\" are taken from a dead consumer") }
                }
            } catch {
                if isStopped { return }
                complaints.note("a consumer of \"\(queue)\" cannot say that it is alive: \(error)")
            }
            try? await WorkerTimer.sleep(options.consumerTimeout / 4)
        }
    }

    private func recover(_ processing: String, _ queue: String) async throws -> Int {
        let names = [processing, keys.alive(processing: processing), keys.consumers, keys.waiting(queue)]
        return try await redis.run(RedisQueueScripts.recover, keys: names).integer ?? 0
    }
}

/// What becomes of a message.
enum RedisQueueOutcome {
    case done
    case retry([UInt8], delay: Double)
    case failed([UInt8])

    /// Hands a message to its handler.
    static func of<Payload: Codable & Sendable>(
        _ message: [UInt8], _ queue: String, _ options: RedisQueueOptions, log: @MainActor (String) -> Void,
        failure: @MainActor (inout RedisQueueFailure) -> Void, _ handler: @MainActor (Payload) async throws -> Void
    ) async -> RedisQueueOutcome {
        var package: RedisQueuePackage<Payload>
        do {
            package = try RedisQueuePackage(json: message)
        } catch {
            log("redis-queue: a message of \"\(queue)\" is no \(Payload.self), and goes to the failed ones: \(error)")
            return .failed(message)
        }
        do {
            try await handler(package.data)
            return .done
        } catch {
            package.attempts += 1
            var report = RedisQueueFailure(
                error: error, queue: queue, message: String(decoding: message, as: UTF8.self),
                attempts: package.attempts, maxAttempts: package.maxAttempts ?? options.maxAttempts,
                isRetried: !(error is RedisQueueUnretryable),
                delay: options.retrySeconds * Double(package.attempts), reason: "\(error)")
            failure(&report)
            package.attempts = report.attempts
            if report.maxAttempts != options.maxAttempts { package.maxAttempts = report.maxAttempts }
            package.error = report.reason
            guard let kept = try? package.json else { return .failed(message) }
            let isOver = !report.isRetried || report.attempts > report.maxAttempts
            return isOver ? .failed(kept) : .retry(kept, delay: report.delay)
        }
    }
}
