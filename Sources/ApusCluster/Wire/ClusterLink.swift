import Apus

/// A client's connection to one of several servers that stand in for each other. It is made again whenever it ends,
/// and asks for signs of life.
@MainActor final class ClusterLink {
    /// Seconds between heart-beats, and until an answer to the greeting is there.
    private static let beat = 25.0
    private static let patience = 5.0
    /// Seconds between attempts when no server is there.
    private static let pause = 1.0
    private static let challenge = Array(#"{"type":"challenge","#.utf8)

    private let addresses: [String]
    private let secret: ClusterSecret?
    private let heartbeat: [UInt8]
    private let options: ConnectOptions
    private var connection: Connection<Frame>?
    private var current = 0
    private var failures = 0
    private var clientNonce: String?
    private var serverNonce = ""
    private var timer: WorkerTimer?
    private var retry: WorkerTimer?
    private var reason: String?
    private var hasReceived = false
    private(set) var isReady = false
    private(set) var isOpen = false

    /// The link can be used.
    var onReady: () -> Void = {}
    /// A message has come.
    var onMessage: (_ bytes: [UInt8]) throws -> Void = { _ in }
    /// All that waited to be sent has left.
    var onDrain: () -> Void = {}
    /// The link is down, or could not be made: why. `wasReady`: it could be used before.
    var onDown: (_ reason: String, _ wasReady: Bool) -> Void = { _, _ in }

    init(
        _ addresses: [String], secret: ClusterSecret?, heartbeat: [UInt8], maxMessageBytes: Int, maxUnsentBytes: Int
    ) {
        precondition(!addresses.isEmpty, "a client needs the address of a server")
        self.addresses = addresses
        self.secret = secret
        self.heartbeat = heartbeat
        var options = ConnectOptions()
        options.timeout = Self.patience
        options.limits.maxPackageSize = maxMessageBytes
        options.limits.maxSendBufferSize = maxUnsentBytes
        self.options = options
    }

    isolated deinit { close() }

    /// Begins to connect; does nothing when that was done.
    func open() {
        guard !isOpen else { return }
        isOpen = true
        connect()
    }

    /// Ends the connection, and makes another one.
    func reset(_ reason: String) {
        self.reason = reason
        connection?.destroy()
    }

    /// For good.
    func close() {
        isOpen = false
        isReady = false
        timer?.cancel()
        retry?.cancel()
        let connection = connection
        self.connection = nil
        connection?.destroy()
    }

    /// False when the server does not take it: it is down, or too much waits for it.
    @discardableResult
    func send(_ message: [UInt8]) -> Bool {
        // What has no room stays with whoever sends it, and is no failure.
        guard isReady, let connection, connection.findsRoom() else { return false }
        return connection.send(message) != .failed
    }

    private func connect() {
        retry = nil
        guard isOpen else { return }
        do throws(AddressError) {
            let connection = try Connection(.frame, to: addresses[current], options: options)
            self.connection = connection
            connection.onConnect = { [weak self] _ in self?.connected() }
            connection.onMessage = { [weak self] connection, bytes in try self?.received(bytes, connection) }
            connection.onBufferDrain = { [weak self] _ in self?.onDrain() }
            connection.onError = { [weak self] _, _, text in self?.reason = text }
            connection.onClose = { [weak self] in self?.ended($0) }
            connection.errorHandler = { [weak self] connection, error in
                self?.reason = (error as? ClusterMessage.Failure)?.reason ?? "\(error)"
                connection.destroy()
            }
            connection.connect()
        } catch {
            reason = "\(error)"
            down()
        }
    }

    private func connected() {
        hasReceived = false
        guard secret != nil else { return becomeReady() }
        timer = WorkerTimer.after(Self.patience) { [weak self] _ in
            self?.reason = "the server asks for no secret"
            self?.connection?.destroy()
        }
    }

    private func becomeReady() {
        timer?.cancel()
        timer = WorkerTimer.every(Self.beat) { [weak self] _ in
            guard let self, isReady else { return }
            connection?.send(heartbeat)
        }
        failures = 0
        isReady = true
        onReady()
    }

    private func received(_ bytes: [UInt8], _ connection: Connection<Frame>) throws {
        if isReady {
            let isFirst = !hasReceived
            hasReceived = true
            if isFirst, secret == nil, bytes.starts(with: Self.challenge) {
                throw ClusterMessage.Failure(reason: "the server asks for a secret")
            }
            return try onMessage(bytes)
        }
        // A server that does not speak this says so in plain words.
        guard let secret, let message = try? ClusterMessage(bytes) else {
            throw ClusterMessage.Failure(reason: String(decoding: bytes.prefix(200), as: UTF8.self))
        }
        if message.string("type") == "challenge", let nonce = message.string("nonce"), clientNonce == nil {
            serverNonce = nonce
            let own = ClusterSecret.nonce()
            clientNonce = own
            var answer = ClusterMessageWriter()
            answer.add("type", "auth")
            answer.add("nonce", own)
            answer.add("proof", secret.proof(of: .client, server: nonce, client: own))
            connection.send(answer.message)
            return
        }
        guard message.string("type") == "welcome", let proof = message.string("proof"), let clientNonce,
            ClusterSecret.isSame(proof, as: secret.proof(of: .server, server: serverNonce, client: clientNonce))
        else { throw ClusterMessage.Failure(reason: "the server does not know the secret") }
        becomeReady()
    }

    private func ended(_ connection: Connection<Frame>) {
        guard connection == self.connection else { return }
        down()
    }

    private func down() {
        connection = nil
        timer?.cancel()
        let wasReady = isReady
        let wasGreeting = clientNonce != nil && !wasReady
        clientNonce = nil
        isReady = false
        let text =
            reason ?? (wasGreeting ? "the server has refused the secret" : "the server has closed the connection")
        reason = nil
        guard isOpen else { return }
        // The next one at once, and a pause when all were tried.
        current = (current + 1) % addresses.count
        failures += 1
        let delay = failures % addresses.count == 0 || wasReady ? Double.random(in: Self.pause / 2...Self.pause) : 0
        retry = WorkerTimer.after(delay) { [weak self] _ in self?.connect() }
        onDown(text, wasReady)
    }
}
