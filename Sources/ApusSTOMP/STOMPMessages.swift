import Apus
public import ApusProtocols

/// A message of a subscription, and what acknowledges it.
public struct STOMPMessage {
    /// The MESSAGE frame.
    public let frame: STOMPFrame
    /// Acknowledges it, where the subscription asks for that.
    public let resolver: STOMPAckResolver

    /// The headers of the frame.
    public var headers: STOMPHeaders { frame.headers }
    /// The body of the message.
    public var body: [UInt8] { frame.body }
    /// The body as UTF-8; what is none of it is replaced.
    public var text: String { frame.text }

    /// See `STOMPAckResolver.ack`.
    @discardableResult
    public func ack(in transaction: STOMPTransaction? = nil) -> Bool { resolver.ack(in: transaction) }

    /// See `STOMPAckResolver.nack`.
    @discardableResult
    public func nack(in transaction: STOMPTransaction? = nil, headers: STOMPHeaders = [:]) -> Bool {
        resolver.nack(in: transaction, headers: headers)
    }
}

/// The messages of a subscription, one after the other. It goes on over reconnections, ends when the client is closed,
/// and throws `STOMPError` when the broker refuses the subscription or the client has given up to connect.
///
/// The subscription ends with the last reference to the sequence and its iterators: leaving a loop is enough.
@MainActor public final class STOMPMessages: @MainActor AsyncSequence {
    public typealias Element = STOMPMessage
    /// What the broker was asked for.
    public let subscription: STOMPSubscription
    private let buffer: STOMPMessageBuffer
    private let client: STOMPClient

    init(_ subscription: STOMPSubscription, _ buffer: STOMPMessageBuffer, client: STOMPClient) {
        self.subscription = subscription
        self.buffer = buffer
        self.client = client
    }

    isolated deinit { client.unsubscribe(subscription) }

    /// The next message; nil when the client was closed or the subscription ended. Throws `STOMPError`, and
    /// `CancellationError` at once when the task is cancelled.
    public func next() async throws -> STOMPMessage? { try await buffer.next() }

    public func makeAsyncIterator() -> Iterator { Iterator(messages: self) }

    /// Waits for one message after the other.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        let messages: STOMPMessages

        public mutating func next() async throws -> STOMPMessage? { try await messages.next() }
    }
}

/// Messages that came and were not asked for yet.
final class STOMPMessageBuffer {
    private var items: [STOMPMessage] = []
    private var start = 0
    private var bytes = 0
    private var waiters: [PendingResult<STOMPMessage?>] = []
    private var isEnded = false
    private var error: STOMPError?
    private let limit: Int
    private let byteLimit: Int
    /// Called when the buffer has become full, or is so no more.
    var onFullChanged: (@MainActor (Bool) -> Void)?
    private(set) var isFull = false

    init(limit: Int, byteLimit: Int) {
        self.limit = max(1, limit)
        self.byteLimit = max(1, byteLimit)
    }

    nonisolated deinit {}

    var count: Int { items.count - start }

    /// Holds far more than it should: reading could not be stopped.
    var isOverflowing: Bool { bytes > 4 * byteLimit }

    func add(_ message: STOMPMessage) {
        while !waiters.isEmpty {
            if waiters.removeFirst().finish(.success(message)) { return }
        }
        items.append(message)
        bytes += Self.size(message)
        updateFull()
    }

    func next() async throws -> STOMPMessage? {
        try Task.checkCancellation()
        if start < items.count { return take() }
        if isEnded {
            if let error { throw error }
            return nil
        }
        let waiter = PendingResult<STOMPMessage?>()
        waiters.removeAll { $0.isOver }
        waiters.append(waiter)
        return try await waiter.wait()
    }

    private func take() -> STOMPMessage {
        let message = items[start]
        start += 1
        bytes -= Self.size(message)
        // Each is moved once at most.
        if start == items.count || start >= 256, start * 2 >= items.count {
            items.removeFirst(start)
            start = 0
        }
        updateFull()
        return message
    }

    /// Roughly what a message takes, its headers included.
    private static func size(_ message: STOMPMessage) -> Int { message.body.count + 1024 }

    private func updateFull() {
        // Full until half of it is taken, so that reading does not stop and go on with each message.
        let full = isFull ? count > limit / 2 || bytes > byteLimit / 2 : count >= limit || bytes >= byteLimit
        guard full != isFull else { return }
        isFull = full
        onFullChanged?(full)
    }

    func end(_ error: STOMPError?) {
        guard !isEnded else { return }
        isEnded = true
        self.error = error
        if isFull { onFullChanged?(false) }
        onFullChanged = nil
        let all = waiters
        waiters = []
        for waiter in all { waiter.finish(error.map { .failure($0) } ?? .success(nil)) }
    }
}
