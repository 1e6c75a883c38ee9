import Apus
public import ApusProtocols

/// Acknowledges one message, once.
///
/// It does nothing where the subscription asks for no acknowledgement, and when the session or the subscription has
/// ended: the broker delivers the message again then.
public final class STOMPAckResolver {
    /// Whether `ack` or `nack` was sent.
    public private(set) var isResolved = false

    private weak var client: STOMPClient?
    private let subscription: STOMPSubscription
    private let session: Int
    private let message: STOMPHeaders

    init(_ message: STOMPFrame, _ subscription: STOMPSubscription, client: STOMPClient) {
        self.client = client
        self.subscription = subscription
        session = client.session
        self.message = message.headers
    }

    nonisolated deinit {}

    /// Whether `ack` and `nack` would do something.
    public var isOpen: Bool {
        guard let client, !isResolved, subscription.isActive, client.state == .established else { return false }
        if case .auto = subscription.ackMode { return false }
        return client.session == session
    }

    /// Tells the broker that the message was handled; in a transaction that takes effect with its commit. False when it
    /// was not sent, for which `onError` gets the reason if there is one.
    @discardableResult
    public func ack(in transaction: STOMPTransaction? = nil) -> Bool { resolve("ACK", transaction, [:]) }

    /// Tells the broker that the message was not handled. What it does then is its own affair: RabbitMQ queues the
    /// message again unless `headers` say `requeue:false`. Not in version 1.0.
    @discardableResult
    public func nack(in transaction: STOMPTransaction? = nil, headers: STOMPHeaders = [:]) -> Bool {
        resolve("NACK", transaction, headers)
    }

    /// Tells the broker that the message was handled, and returns when the broker has confirmed that. Throws
    /// `STOMPError`: `.notConnected` when there is nothing to acknowledge any more.
    public func ackConfirmed(in transaction: STOMPTransaction? = nil) async throws {
        try await PendingResult.wait { ackConfirmed(in: transaction, $0) }
    }

    /// Tells the broker that the message was handled; `done` is called when it has confirmed that, or with an error.
    public func ackConfirmed(
        in transaction: STOMPTransaction? = nil, _ done: @escaping @MainActor (STOMPError?) -> Void
    ) {
        do throws(STOMPError) {
            guard isOpen, let client else { throw .notConnected }
            try client.sendFrame(try frame("ACK", transaction, [:]), confirmed: done)
            isResolved = true
        } catch {
            done(error)
        }
    }

    private func resolve(_ command: String, _ transaction: STOMPTransaction?, _ headers: STOMPHeaders) -> Bool {
        guard isOpen, let client else { return false }
        do throws(STOMPError) {
            try client.sendFrame(try frame(command, transaction, headers))
            isResolved = true
            return true
        } catch {
            client.report(error)
            return false
        }
    }

    /// What a message is named by differs from version to version.
    private func frame(
        _ command: String, _ transaction: STOMPTransaction?, _ extra: STOMPHeaders
    ) throws(STOMPError) -> STOMPFrame {
        let version = client?.version ?? .v1_0
        var headers: STOMPHeaders = [:]
        if case .v1_2 = version, let ack = message["ack"] {
            headers["id"] = ack
        } else {
            guard let id = message["message-id"] else { throw .invalidFrame("the message has no message-id") }
            headers["subscription"] = subscription.id
            headers["message-id"] = id
        }
        if case .v1_0 = version, command == "NACK" { throw .unsupported("NACK") }
        if let transaction { headers["transaction"] = try transaction.openID() }
        for field in extra.fields where headers[field.name] == nil { headers.append(field.name, field.value) }
        return STOMPFrame(command, headers)
    }
}
