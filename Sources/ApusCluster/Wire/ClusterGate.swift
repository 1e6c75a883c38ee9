import Apus

/// The door of a cluster's server: clients that cannot show that they know the secret are sent away.
final class ClusterGate {
    /// Seconds that a client has for it.
    private static let patience = 10.0
    /// Bytes of what it may send before: strangers are not to fill the memory.
    private static let maxGreetingBytes = 4096

    private enum Key: StorageKey { typealias Value = State }

    private struct State {
        let nonce: String
        var isAdmitted: Bool
        var timer: WorkerTimer?
        /// Of a message of those who were let in.
        let maxPackageSize: Int
    }

    private let secret: ClusterSecret?

    init(_ secret: ClusterSecret?) { self.secret = secret }

    nonisolated deinit {}

    /// A client has come.
    func greet(_ connection: Connection<Frame>) {
        guard secret != nil else { return }
        let nonce = ClusterSecret.nonce()
        let timer = connection.timer(after: Self.patience) { _ in connection.close() }
        connection[Key.self] = State(
            nonce: nonce, isAdmitted: false, timer: timer, maxPackageSize: connection.maxPackageSize)
        connection.maxPackageSize = min(connection.maxPackageSize, Self.maxGreetingBytes)
        var message = ClusterMessageWriter()
        message.add("type", "challenge")
        message.add("nonce", nonce)
        connection.send(message.message)
    }

    /// Whether a message is for the server; those that are for the door are dealt with. Throws for a client that is
    /// to go.
    func admits(_ bytes: [UInt8], _ connection: Connection<Frame>) throws -> Bool {
        guard let secret, let state = connection[Key.self], !state.isAdmitted else { return true }
        let message = try ClusterMessage(bytes)
        guard message.string("type") == "auth", let nonce = message.string("nonce"),
            let proof = message.string("proof"),
            ClusterSecret.isSame(proof, as: secret.proof(of: .client, server: state.nonce, client: nonce))
        else { throw ClusterMessage.Failure(reason: "the client does not know the secret") }
        state.timer?.cancel()
        connection.maxPackageSize = state.maxPackageSize
        connection[Key.self] = State(nonce: "", isAdmitted: true, timer: nil, maxPackageSize: 0)
        var answer = ClusterMessageWriter()
        answer.add("type", "welcome")
        answer.add("proof", secret.proof(of: .server, server: state.nonce, client: nonce))
        connection.send(answer.message)
        return false
    }
}
