import Apus
import ApusCluster

/// Connects the processes of several hosts, by a `ChannelServer` and a `GlobalDataServer`, or by Redis or NATS.
final class ChatCluster: ChatEngine {
    private static let event = "chat"
    private let channel: String
    private let secret: String?
    private let events = ChannelClient()
    private let names: GlobalDataClient
    private var isReached = false

    /// Nil when no cluster is named.
    init?(_ options: Options) {
        let host = options.value("cluster")
        guard let channel = options.value("channel") ?? host.map({ "\($0):2206" }),
            let data = options.value("data") ?? host.map({ "\($0):2207" })
        else { return nil }
        self.channel = channel
        secret = options.value("secret")
        var settings = GlobalDataClientOptions()
        settings.secret = secret
        names = GlobalDataClient(data, options: settings)
    }

    nonisolated deinit {}

    func start(onPost: @escaping ([UInt8]) -> Void, onReach: @escaping () -> Void) {
        var settings = ChannelClientOptions()
        settings.secret = secret
        events.onConnect = { [unowned self] in
            isReached = true
            onReach()
        }
        events.onClose = { [unowned self] reason in
            // Once, not with each attempt to be reached again.
            if isReached { Worker.log("the chat is cut off: \(reason)", level: .warning) }
            isReached = false
        }
        events.on(Self.event) { onPost($0.json) }
        events.connect(channel, options: settings)
    }

    func post(_ bytes: [UInt8]) { events.publish([Self.event], json: bytes) }

    func claim(_ name: String, _ claim: ChatClaim) async throws -> Bool {
        let key = Self.key(name)
        if try await names.add(key, Self.text(claim), expiresIn: claim.lease) { return true }
        guard let holder = try await names.get(key, as: String.self), holder.hasPrefix(claim.owner + " ")
        else { return false }
        return try await names.compareAndSet(key, from: holder, to: Self.text(claim), expiresIn: claim.lease)
    }

    func renew(_ name: String, _ claim: ChatClaim) async throws -> Bool {
        let (key, text) = (Self.key(name), Self.text(claim))
        if try await names.compareAndSet(key, from: text, to: text, expiresIn: claim.lease) { return true }
        // The server has forgotten it, or this process was cut off for longer than the lease.
        return try await names.add(key, text, expiresIn: claim.lease)
    }

    func release(_ name: String, _ claim: ChatClaim) {
        Task {
            // Out of reach: the name is free when its time is over.
            _ = try? await names.update(Self.key(name)) { $0 == Self.text(claim) ? nil : $0 }
        }
    }

    private static func key(_ name: String) -> String { "chat:\(name)" }
    private static func text(_ claim: ChatClaim) -> String { "\(claim.owner) \(claim.session)" }
}
