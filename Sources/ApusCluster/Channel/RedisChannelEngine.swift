import Apus
import ApusRedis

/// Carries events over Redis' publish and subscribe. Queues are `RedisQueue`'s.
final class RedisChannelEngine: ChannelEngine {
    private static let queuesElsewhere = ClusterError.refused("queues over Redis are those of RedisQueue")

    weak var receiver: (any ChannelReceiver)?
    private let redis: RedisClient
    private var subscriptions: [String: RedisSubscription] = [:]
    /// Subscriptions that Redis has not confirmed yet.
    private var pending: Set<String> = []
    private(set) var isReady = false
    private var isClosed = false
    private let timeout: Double

    init(_ address: String, _ options: ChannelClientOptions) throws(ClusterError) {
        timeout = options.timeout
        var redisOptions = RedisOptions(password: options.secret)
        redisOptions.timeout = options.timeout
        redisOptions.maxReplyBytes = options.maxMessageBytes
        do throws(RedisError) {
            redis = try RedisClient(address, options: redisOptions)
        } catch {
            throw ClusterError(error, options.timeout)
        }
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
        Task {
            var count = 0
            do {
                for name in names { count += try await redis.publish(name, json) }
                completion?(.success(count))
            } catch let error as RedisError {
                completion?(.failure(ClusterError(error, timeout)))
            } catch {
                completion?(.failure(.closed))
            }
        }
        return true
    }

    func enqueue(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        guard let completion else { return false }
        EventLoop.current.execute { completion(.failure(Self.queuesElsewhere)) }
        return false
    }

    func watch(_ names: [String], acknowledges: Bool) {
        Worker.log("ChannelClient: \(Self.queuesElsewhere)", level: .error)
    }
    func unwatch(_ names: [String]) {}
    func reserve() {}
    func finish(_ item: ChannelDelivery, succeeded: Bool) {}
}
