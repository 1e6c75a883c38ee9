/// A wish for the messages of a subject. The client renews it whenever it connects, until it is cancelled.
public final class NATSSubscription {
    /// What messages are asked for.
    public let subject: String
    /// Of all subscriptions of one group one gets each message; nil when this one gets them all.
    public let group: String?

    /// What the server knows it by.
    let number: Int
    let body: @MainActor (NATSMessage) throws -> Void
    weak var client: NATSClient?
    /// Called when no more messages come.
    var onEnd: (@MainActor () -> Void)?

    init(
        _ subject: String, group: String?, number: Int, client: NATSClient,
        _ body: @escaping @MainActor (NATSMessage) throws -> Void
    ) {
        self.subject = subject
        self.group = group
        self.number = number
        self.client = client
        self.body = body
    }

    nonisolated deinit {}

    /// Asks for no more of them.
    public func cancel() {
        client?.end(self)
        client = nil
    }
}
