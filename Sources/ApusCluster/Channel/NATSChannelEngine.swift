import Apus
import ApusNATS
import ApusProtocols

/// Carries events over NATS, and items over its JetStream. An event `news` is a message to `apus.event.news`.
final class NATSChannelEngine: ChannelEngine {
    weak var receiver: (any ChannelReceiver)?
    private let nats: NATSClient
    private let items: NATSItems
    private var subscriptions: [String: NATSSubscription] = [:]

    init(_ addresses: [String], _ options: ChannelClientOptions) throws(ClusterError) {
        var servers: [String] = []
        for address in addresses {
            guard let server = NATSAddress(address)?.server else {
                throw .invalidAddress("«\(address)» is no address of a NATS server, as others of the list are")
            }
            servers.append(server)
        }
        var natsOptions = NATSOptions()
        natsOptions.token = options.secret
        natsOptions.timeout = options.timeout
        natsOptions.maxUnsentBytes = options.maxUnsentBytes
        natsOptions.maxMessageBytes = options.maxMessageBytes
        do throws(NATSError) {
            nats = try NATSClient(servers, options: natsOptions)
        } catch {
            throw ClusterError(error)
        }
        let stream = JetStream(nats, timeout: options.timeout)
        items = NATSItems(
            stream, patience: max(1, options.takeOverAfter), maxUnsentBytes: options.maxUnsentBytes)
        items.onItem = { [weak self] in self?.receiver?.received($0) }
        items.onFailure = { [weak self] in self?.receiver?.queueFailed($0, $1) }
    }

    nonisolated deinit {}

    var isReady: Bool { nats.isConnected }

    func open() {
        nats.onConnect = { [weak self] in
            self?.receiver?.engineIsReady()
            self?.items.connectionIsBack()
        }
        nats.onDisconnect = { [weak self] reason in
            self?.items.connectionIsLost()
            self?.receiver?.engineIsDown(reason)
        }
        nats.open()
    }

    func close() {
        items.close()
        nats.close()
    }

    // MARK: Events

    private static func subject(_ name: String) -> String { "apus.event.\(NATSSubject.encoded(name))" }

    /// The client subscribes again by itself: what is there stays.
    func subscribe(_ names: [String]) {
        for name in names where subscriptions[name] == nil {
            subscriptions[name] = nats.subscribe(Self.subject(name)) { [weak self] message in
                self?.receiver?.received(ChannelEvent(name: name, json: message.payload))
            }
        }
    }

    func unsubscribe(_ names: [String]) {
        for name in names { subscriptions.removeValue(forKey: name)?.cancel() }
    }

    func publish(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        if let completion {
            nats.publishConfirmed(names.map(Self.subject), json) { error in
                completion(error.map { .failure(ClusterError($0)) } ?? .success(nil))
            }
            return true
        }
        do throws(NATSError) {
            for name in names { try nats.publish(Self.subject(name), json) }
            return true
        } catch {
            return false
        }
    }

    // MARK: Items

    func enqueue(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        items.add(names, json, completion)
    }

    func watch(_ names: [String], acknowledges: Bool) {
        for name in names { items.watch(name, acknowledges: acknowledges) }
    }

    func unwatch(_ names: [String]) { for name in names { items.unwatch(name) } }
    func reserve(_ names: [String]) { for name in names { items.reserve(name) } }
    func finish(_ item: ChannelDelivery, succeeded: Bool) { items.finish(item, succeeded: succeeded) }
}
