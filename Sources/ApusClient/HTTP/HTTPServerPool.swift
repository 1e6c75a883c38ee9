import Apus
import ApusProtocols

/// The connections to one server, and the requests that wait for one of them.
final class HTTPServerPool {
    /// What tells servers apart.
    struct Key: Hashable {
        let isSecured: Bool
        /// The path of a Unix socket; "" for a proxy that serves for all.
        let host: String
        let port: UInt16
    }

    /// Where connections lead to.
    private let address: String
    private unowned let client: HTTPClient
    private let connectOptions: ConnectOptions
    /// All that are open or being made.
    private var connections: [ObjectIdentifier: HTTPClientConnection] = [:]
    /// Those without a request; the one used last is taken first.
    @exclusivity(unchecked) private var idle: [HTTPClientConnection] = []
    private var connecting = 0
    @exclusivity(unchecked) private var waiting = CallQueue()

    init(_ address: String, _ client: HTTPClient, _ options: ConnectOptions) {
        self.address = address
        self.client = client
        connectOptions = options
        keepAliveTimeout = min(max(0, client.options.keepAliveTimeout), 3e9)
    }

    nonisolated deinit {}

    var connectionCount: Int { connections.count }
    /// Seconds for which one that is not used is kept.
    let keepAliveTimeout: Double

    /// Nothing is here, and nobody waits.
    var isUnused: Bool { connections.isEmpty && waiting.isEmpty }

    /// Gives the call a connection now, or as soon as there is one.
    func serve(_ call: HTTPCall) {
        if !call.needsNewConnection {
            while let connection = idle.popLast() {
                if connection.isIdle, !connection.isStale(at: EventLoop.now) { return call.start(on: connection) }
                connection.discard()
            }
        }
        // Those that a connection is being made for wait for nobody else's.
        guard waiting.count - connecting < client.options.maxWaiting else {
            return call.failed(.tooManyWaiting(client.options.maxWaiting))
        }
        waiting.append(call)
        call.isWaiting = true
        connectMore()
    }

    /// A call that waits no more.
    func noteAbandoned() { waiting.noteAbandoned() }

    /// As many are being made as calls wait.
    private func connectMore() {
        while connecting < waiting.count, connections.count < client.options.maxConnectionsPerServer {
            do throws(AddressError) {
                let wire = HTTPClientWire(maxHeadBytes: client.options.maxHeadBytes, heads: client.heads)
                let connection = try HTTPClientConnection(self, to: address, connectOptions, wire)
                connections[ObjectIdentifier(connection)] = connection
                connecting += 1
            } catch {
                return failAll(.connectFailed("\(error)"))
            }
        }
    }

    /// A connection was made.
    func isConnected(_ connection: HTTPClientConnection) {
        connecting -= 1
        isReady(connection)
    }

    /// A connection has become free.
    func isReady(_ connection: HTTPClientConnection) {
        if let call = waiting.popFirst() {
            call.isWaiting = false
            return call.start(on: connection)
        }
        idle.append(connection)
        client.noteIdle()
    }

    /// The first attempt of the calls that wait has failed. Whoever came first hears of it; the others have attempts of
    /// their own.
    func connectFailed(_ reason: String) {
        connecting -= 1
        if let call = waiting.popFirst() {
            call.isWaiting = false
            call.failed(.connectFailed(reason))
        }
        connectMore()
    }

    func forget(_ connection: HTTPClientConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
        // Whoever waits because there were too many.
        if !waiting.isEmpty { EventLoop.current.execute { [weak self] in self?.connectMore() } }
    }

    /// Closes those that have waited for too long.
    func closeStale() {
        let now = EventLoop.now
        for connection in idle.filter({ $0.isStale(at: now) }) { connection.discard() }
    }

    var hasIdle: Bool { !idle.isEmpty }

    func close() {
        failAll(.closed)
        for connection in Array(connections.values) {
            connection.call?.failed(.closed)
            connection.discard()
        }
    }

    private func failAll(_ error: HTTPClientError) {
        while let call = waiting.popFirst() {
            call.isWaiting = false
            call.failed(error)
        }
    }
}

/// Calls in the order they came. Those that were given up are passed over.
struct CallQueue {
    private var calls = FIFO<HTTPCall>()
    /// Of those that still wait.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ call: HTTPCall) {
        calls.append(call)
        count += 1
    }

    /// One of them is over.
    mutating func noteAbandoned() { count -= 1 }

    mutating func popFirst() -> HTTPCall? {
        while let call = calls.popFirst() {
            guard call.isWaiting else { continue }
            count -= 1
            return call
        }
        return nil
    }
}
