import Apus
import ApusProtocols

/// A wish for the messages of a destination. The client renews it in each session until it is ended.
public final class STOMPSubscription {
    /// The `id` that the broker knows it by: `client-1`, `client-2`, …
    public let id: String
    /// What the broker was asked for.
    public let destination: String
    /// How its messages are acknowledged.
    public let ackMode: STOMPAckMode
    /// Whether its messages are still wanted.
    public internal(set) var isActive = true

    let headers: STOMPHeaders
    let sink: Sink
    weak var client: STOMPClient?
    /// The session that it was asked for in.
    var session = 0
    /// What the broker confirms it with in this session.
    var receipt: String?
    /// How often in a row a session ended with an error while this was what it had to confirm next.
    var refusals = 0
    private var isConfirmed = false
    private var failure: STOMPError?
    private var waiters: [STOMPReceipts.Completion] = []

    enum Sink {
        case callback(@MainActor (STOMPFrame, STOMPAckResolver) throws -> Void)
        case buffer(STOMPMessageBuffer)
    }

    init(
        id: String, destination: String, ackMode: STOMPAckMode, headers: STOMPHeaders, sink: Sink, client: STOMPClient
    ) {
        self.id = id
        self.destination = destination
        self.ackMode = ackMode
        self.headers = headers
        self.sink = sink
        self.client = client
    }

    nonisolated deinit {}

    /// Ends it: no further message is delivered. The broker keeps what was not acknowledged until the session ends.
    public func unsubscribe() { client?.unsubscribe(self) }

    /// Calls `body` once the broker has confirmed the subscription, so that it misses nothing from then on; with an
    /// error when it was refused or has ended. Waits over reconnections.
    public func whenConfirmed(_ body: @escaping @MainActor (STOMPError?) -> Void) {
        if isConfirmed { return body(nil) }
        guard isActive else { return body(failure ?? .closed) }
        waiters.append(body)
    }

    /// Returns once the broker has confirmed the subscription, so that it misses nothing from then on. Throws
    /// `STOMPError` when it was refused or has ended.
    public func confirmed() async throws { try await PendingResult.wait { whenConfirmed($0) } }

    var frame: STOMPFrame {
        var all: STOMPHeaders = ["id": id, "destination": destination, "ack": ackMode.rawValue]
        for field in headers.fields where all[field.name] == nil { all.append(field.name, field.value) }
        return STOMPFrame("SUBSCRIBE", all)
    }

    func confirm() {
        refusals = 0
        isConfirmed = true
        tellWaiters(nil)
    }

    /// The session has ended; the subscription lives on.
    func sessionEnded() {
        isConfirmed = false
        receipt = nil
    }

    func end(_ error: STOMPError?) {
        isActive = false
        isConfirmed = false
        failure = error
        tellWaiters(error ?? .closed)
        if case .buffer(let buffer) = sink { buffer.end(error) }
    }

    private func tellWaiters(_ error: STOMPError?) {
        let all = waiters
        waiters = []
        for waiter in all { waiter(error) }
    }
}
