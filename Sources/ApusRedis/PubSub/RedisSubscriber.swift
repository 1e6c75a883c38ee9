import Apus
import ApusProtocols

/// What is subscribed to.
nonisolated struct RedisTopic: Sendable, Hashable {
    enum Kind: String, Sendable {
        case channel = ""
        case pattern = "P"
        case shard = "S"
    }

    let kind: Kind
    let name: String
}

/// The connection over which a client gets what is published: Redis takes no other commands on one. It is made with
/// the first subscription, and made again when it breaks.
@MainActor final class RedisSubscriber {
    /// Seconds of silence after which the server is asked whether it is there.
    private static let silence = 10.0

    private let link: RedisLink
    private var subscriptions: [RedisTopic: [Receiver]] = [:]
    private var keepAlive: WorkerTimer?

    /// One whose messages are read goes with its reader; one with a callback stays.
    private struct Receiver {
        private weak var reader: RedisSubscription?
        private let kept: RedisSubscription?

        init(_ subscription: RedisSubscription) {
            reader = subscription
            kept = subscription.hasCallback ? subscription : nil
        }

        var subscription: RedisSubscription? { kept ?? reader }
    }

    init(_ target: RedisTarget, _ options: RedisOptions) {
        link = RedisLink(target, options)
        link.takesNews = { [weak self] in self?.take($0) ?? true }
        link.onReady = { [weak self] in self?.subscribeToAll() }
        link.onRefusal = { [weak self] in self?.refused($0) }
    }

    isolated deinit { close() }

    /// Adds a subscription; returns when Redis has confirmed all its topics.
    func add(_ subscription: RedisSubscription) async throws {
        try Task.checkCancellation()
        if let refusal = link.refusal { throw refusal }
        for topic in subscription.topics { subscriptions[topic, default: []].append(Receiver(subscription)) }
        if keepAlive == nil { keepAlive = WorkerTimer.every(Self.silence) { [weak self] _ in self?.ping() } }
        do {
            // Topics that others have are asked for, too: Redis confirms them all the same.
            for topic in subscription.topics { try await ask("SUBSCRIBE", topic) }
        } catch RedisError.connectionLost where link.phase != .closed {
            // Asked for again by the next connection; this one is over when Redis has confirmed that.
            for topic in subscription.topics { try await ask("SUBSCRIBE", topic) }
        } catch {
            remove(subscription)
            throw error
        }
    }

    private func ask(_ verb: String, _ topic: RedisTopic) async throws {
        _ = try await link.reply { RedisClient.encode(topic.kind.rawValue + verb, [topic.name], to: $0) }
    }

    /// Takes a subscription out, and its topics if they are nobody else's.
    func remove(_ subscription: RedisSubscription) {
        for topic in subscription.topics {
            guard var others = subscriptions[topic] else { continue }
            // One that is being let go of is not seen any more.
            others.removeAll { $0.subscription == nil || $0.subscription === subscription }
            subscriptions[topic] = others.isEmpty ? nil : others
            guard others.isEmpty, link.isReady, link.refusal == nil else { continue }
            link.append(.callback { _ in }) {
                RedisClient.encode(topic.kind.rawValue + "UNSUBSCRIBE", [topic.name], to: $0)
            }
        }
        if subscriptions.isEmpty {
            keepAlive?.cancel()
            keepAlive = nil
        }
    }

    /// After the connection was made anew.
    private func subscribeToAll() {
        for topic in subscriptions.keys where link.refusal == nil {
            let waiter = CommandWaiter.callback { [weak self] result in
                if case .failure(.refused(let code, let text)) = result {
                    self?.end(topic, .refused(code: code, text))
                }
            }
            link.append(waiter) { RedisClient.encode(topic.kind.rawValue + "SUBSCRIBE", [topic.name], to: $0) }
        }
    }

    /// What Redis refuses to go on with.
    private func end(_ topic: RedisTopic, _ error: RedisError) {
        for receiver in subscriptions[topic] ?? [] {
            guard let subscription = receiver.subscription else { continue }
            remove(subscription)
            subscription.end(error)
        }
    }

    private func refused(_ error: RedisError) {
        let all = subscriptions.values.flatMap { $0.compactMap(\.subscription) }
        subscriptions = [:]
        for subscription in all { subscription.end(error) }
    }

    /// One without an answer ends the connection, which then is made anew.
    private func ping() {
        guard link.isReady, link.refusal == nil else { return }
        link.append(.callback { _ in }) { RedisClient.encode("PING", [], to: $0) }
    }

    /// Whether a reply was a message. Confirmations are the replies of their commands.
    private func take(_ reply: RedisValue) -> Bool {
        let parts: [RedisValue]
        let isPush: Bool
        switch reply {
        case .push(let values): (parts, isPush) = (values, true)
        case .array(let values): (parts, isPush) = (values, false)
        default: return false
        }
        guard let kind = parts.first?.bytes else { return isPush }
        switch String(decoding: kind, as: UTF8.self) {
        case "message" where parts.count == 3: deliver(.channel, parts[1], parts[1], parts[2])
        case "smessage" where parts.count == 3: deliver(.shard, parts[1], parts[1], parts[2])
        case "pmessage" where parts.count == 4: deliver(.pattern, parts[1], parts[2], parts[3])
        case "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe", "pong":
            return false
        // Other news, such as those of invalidated keys, are nobody's.
        default: return isPush
        }
        return true
    }

    private func deliver(_ kind: RedisTopic.Kind, _ topic: RedisValue, _ channel: RedisValue, _ payload: RedisValue) {
        guard let name = topic.string, let channel = channel.string, let payload = payload.bytes,
            let receivers = subscriptions[RedisTopic(kind: kind, name: name)]
        else { return }
        let message = RedisMessage(channel: channel, pattern: kind == .pattern ? name : nil, payload: payload)
        for receiver in receivers { receiver.subscription?.take(message) }
    }

    func close() {
        keepAlive?.cancel()
        keepAlive = nil
        link.close()
        refused(.closed)
    }
}
