import Apus
import ApusRedis

/// Carries events over Redis' publish and subscribe, and items over its streams.
final class RedisChannelEngine: ChannelEngine {
    weak var receiver: (any ChannelReceiver)?
    private let redis: RedisClient
    private let items: RedisItems
    private var subscriptions: [String: RedisSubscription] = [:]
    /// Subscriptions that Redis has not confirmed yet.
    private var pending: Set<String> = []
    private(set) var isReady = false
    private var isClosed = false
    private let requests: ChannelRequests

    init(_ address: String, _ options: ChannelClientOptions) throws(ClusterError) {
        let timeout = options.timeout
        requests = ChannelRequests(maxUnsentBytes: options.maxUnsentBytes) { error in
            (error as? RedisError).map { ClusterError($0, timeout) } ?? .closed
        }
        var redisOptions = RedisOptions(password: options.secret)
        redisOptions.timeout = options.timeout
        redisOptions.maxReplyBytes = options.maxMessageBytes
        // One for each queue that is waited for.
        redisOptions.maxConnections = 10_000
        do throws(RedisError) {
            redis = try RedisClient(address, options: redisOptions)
        } catch {
            throw ClusterError(error, options.timeout)
        }
        items = RedisItems(redis, patience: max(1, options.takeOverAfter), timeout: timeout)
        items.onItem = { [weak self] in self?.receiver?.received($0) }
        items.onFailure = { [weak self] in self?.receiver?.queueFailed($0, $1) }
    }

    nonisolated deinit {}

    func open() {
        redis.onConnect = { [weak self] in
            self?.isReady = true
            self?.receiver?.engineIsReady()
        }
        redis.onDisconnect = { [weak self] reason in
            self?.isReady = false
            self?.receiver?.engineIsDown(reason)
        }
        connect()
    }

    /// The client connects when it is asked something, and goes on trying.
    private func connect() {
        guard !isClosed, !isReady else { return }
        Task { [weak self, redis] in
            do {
                try await redis.ping()
            } catch {
                self?.connect()
            }
        }
    }

    func close() {
        isClosed = true
        for subscription in subscriptions.values { subscription.cancel() }
        subscriptions = [:]
        items.close()
        redis.close()
    }

    /// Redis' client subscribes again by itself: what is there stays.
    func subscribe(_ names: [String]) {
        for name in names where subscriptions[name] == nil && pending.insert(name).inserted { subscribe(name) }
    }

    private func subscribe(_ name: String) {
        Task { [weak self, redis] in
            do {
                let subscription = try await redis.subscribe(name) { [weak self] message in
                    self?.receiver?.received(ChannelEvent(name: message.channel, json: message.payload))
                }
                guard let self, !isClosed, pending.remove(name) != nil else { return subscription.cancel() }
                subscriptions[name] = subscription
            } catch {
                guard let self, !isClosed, pending.contains(name) else { return }
                try? await WorkerTimer.sleep(0.1)
                subscribe(name)
            }
        }
    }

    func unsubscribe(_ names: [String]) {
        for name in names {
            pending.remove(name)
            subscriptions.removeValue(forKey: name)?.cancel()
        }
    }

    func publish(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        perform(json, completion) { [redis] in
            var count = 0
            for name in names { count += try await redis.publish(name, json) }
            return count
        }
    }

    func enqueue(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        perform(json, completion) { [items] in
            try await items.add(names, json)
            return names.count
        }
    }

    /// Tasks begin in the order they are made, and send their first command then.
    private func perform(
        _ json: [UInt8], _ completion: ChannelCompletion?, _ body: @escaping @MainActor () async throws -> Int
    ) -> Bool {
        requests.perform(json.count, completion) { done in
            Task {
                do {
                    done(.success(try await body()))
                } catch {
                    done(.failure(error))
                }
            }
        }
    }

    func watch(_ names: [String], acknowledges: Bool) {
        for name in names { items.watch(name, acknowledges: acknowledges) }
    }

    func unwatch(_ names: [String]) { for name in names { items.unwatch(name) } }
    func reserve(_ names: [String]) { for name in names { items.reserve(name) } }
    func finish(_ item: ChannelDelivery, succeeded: Bool) { items.finish(item, succeeded: succeeded) }
}
