import Apus

/// What was published on a channel.
public nonisolated struct RedisMessage: Sendable, Hashable {
    /// The channel it was published on.
    public let channel: String
    /// The pattern that has matched the channel; nil for a subscription to the channel itself.
    public let pattern: String?
    /// What was published.
    public let payload: [UInt8]

    /// A message.
    public init(channel: String, pattern: String? = nil, payload: [UInt8]) {
        self.channel = channel
        self.pattern = pattern
        self.payload = payload
    }

    /// What was published as text. What is no UTF-8 in it is replaced.
    public var string: String { String(decoding: payload, as: UTF8.self) }
}

/// Messages of some channels, for one `for try await` loop:
///
///     for try await message in try await redis.subscribe("news") { print(message.string) }
///
/// It goes on when the connection is made again; what is published meanwhile is lost, since Redis keeps no messages.
/// Messages that the loop has not asked for wait, `RedisOptions.maxBufferedMessages` of them: then the oldest is
/// dropped for each new one, and counted. The loop ends after `cancel` and when the client is closed; it throws when
/// Redis refuses the channels after a reconnect, and when its task is cancelled. A subscription that is let go of is
/// cancelled, unless it has a callback.
@MainActor public final class RedisSubscription: @MainActor AsyncSequence {
    public typealias Element = RedisMessage

    let topics: [RedisTopic]
    /// How many messages were dropped because nobody read them in time.
    public private(set) var droppedMessages = 0
    private let limit: Int
    private let callback: (@MainActor (RedisMessage) -> Void)?
    var hasCallback: Bool { callback != nil }
    private weak var subscriber: RedisSubscriber?
    private var messages: [RedisMessage] = []
    /// The first that was not read: taking it moves none of the others.
    private var first = 0
    private var waiter: UnsafeContinuation<Void, Never>?
    private var error: RedisError?
    /// How often the loop has waited: a cancellation that comes late must not end a later wait.
    private var waits = 0
    /// Nothing more comes.
    public private(set) var isOver = false

    init(
        _ topics: [RedisTopic], _ subscriber: RedisSubscriber, limit: Int,
        callback: (@MainActor (RedisMessage) -> Void)? = nil
    ) {
        self.topics = topics
        self.subscriber = subscriber
        self.limit = Swift.max(1, limit)
        self.callback = callback
    }

    isolated deinit { cancel() }

    /// Ends the subscription. Messages that were received can still be read.
    public func cancel() {
        guard !isOver else { return }
        subscriber?.remove(self)
        end(nil)
    }

    func end(_ error: RedisError?) {
        isOver = true
        if case .closed? = error {} else { self.error = error }
        resume()
    }

    func take(_ message: RedisMessage) {
        guard !isOver else { return }
        if let callback { return callback(message) }
        if messages.count - first == limit {
            first += 1
            droppedMessages += 1
        }
        if first > limit {
            messages.removeFirst(first)
            first = 0
        }
        messages.append(message)
        resume()
    }

    private func resume() { waiter.take()?.resume() }

    public func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

    /// Waits for one message after the other.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        let subscription: RedisSubscription

        public mutating func next() async throws -> RedisMessage? { try await subscription.next() }
    }

    private func next() async throws -> RedisMessage? {
        precondition(waiter == nil, "messages of one subscription are read by one loop at a time")
        while first == messages.count, !isOver {
            try Task.checkCancellation()
            await wait()
        }
        try Task.checkCancellation()
        if first < messages.count {
            defer {
                first += 1
                if first == messages.count {
                    messages.removeAll(keepingCapacity: first <= 64)
                    first = 0
                }
            }
            return messages[first]
        }
        if let error = error.take() { throw error }
        return nil
    }

    private func wait() async {
        waits += 1
        let number = waits
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                // A task may have been suspended on its way to here.
                if Task.isCancelled || first < messages.count || isOver { return continuation.resume() }
                waiter = continuation
            }
        } onCancel: {
            EventLoop.soon { if self.waits == number { self.resume() } }
        }
    }
}

extension RedisClient {
    /// Subscribes to channels; returns when Redis has confirmed it. All subscriptions of a client share one connection
    /// beside that of its commands.
    public func subscribe(_ channels: String...) async throws -> RedisSubscription {
        try await subscription(.channel, channels)
    }

    /// Subscribes to all channels whose names match a pattern: `news.*`, `h?llo`, `h[ae]llo`.
    public func pSubscribe(_ patterns: String...) async throws -> RedisSubscription {
        try await subscription(.pattern, patterns)
    }

    /// Subscribes to channels of the shard of a cluster that this server belongs to. It takes Redis 7.
    public func sSubscribe(_ channels: String...) async throws -> RedisSubscription {
        try await subscription(.shard, channels)
    }

    /// Calls `body` with each message of some channels, until the subscription that is returned is cancelled. Returns
    /// when Redis has confirmed it.
    @discardableResult
    public func subscribe(
        _ channels: String..., body: @escaping @MainActor (RedisMessage) -> Void
    ) async throws -> RedisSubscription {
        try await subscription(.channel, channels, body)
    }

    /// Calls `body` with each message of the channels whose names match a pattern.
    @discardableResult
    public func pSubscribe(
        _ patterns: String..., body: @escaping @MainActor (RedisMessage) -> Void
    ) async throws -> RedisSubscription {
        try await subscription(.pattern, patterns, body)
    }

    private func subscription(
        _ kind: RedisTopic.Kind, _ names: [String], _ body: (@MainActor (RedisMessage) -> Void)? = nil
    ) async throws -> RedisSubscription {
        let subscriber = sharedSubscriber
        let topics = names.map { RedisTopic(kind: kind, name: $0) }
        let made = RedisSubscription(topics, subscriber, limit: options.maxBufferedMessages, callback: body)
        try await subscriber.add(made)
        return made
    }
}

extension RedisCommands {
    /// Publishes a message; returns how many connections to this server have got it.
    @discardableResult
    public func publish(_ channel: String, _ message: any RedisArgument) async throws -> Int {
        try await count("PUBLISH", [channel, message])
    }

    /// Publishes a message within the shard of a cluster. It takes Redis 7.
    @discardableResult
    public func sPublish(_ channel: String, _ message: any RedisArgument) async throws -> Int {
        try await count("SPUBLISH", [channel, message])
    }

    /// The channels that somebody is subscribed to, as far as their names match.
    public func pubSubChannels(matching pattern: String = "*") async throws -> [String] {
        try await readList("PUBSUB", ["CHANNELS", pattern])
    }

    /// How many connections are subscribed to each of some channels, patterns not counted.
    public func pubSubNumSub(_ channels: String...) async throws -> [String: Int] {
        try await command("PUBSUB", arguments: ["NUMSUB"] + channels).dictionary()
    }
}
