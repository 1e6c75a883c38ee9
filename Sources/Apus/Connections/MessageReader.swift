/// Hands the messages of a connection to one `for await` loop. While the loop's body runs the next message waits, as it
/// does behind an operation of `run`: its bytes stay where they are, and reading stops when there are too many.
final class MessageReader<P: WireProtocol>: MessageHolder {
    private var delivered: P.Inbound?
    private var continuation: UnsafeContinuation<Void, Never>?
    /// How often the loop has waited: a cancellation that comes late must not end a later wait.
    private var waits = 0
    /// Messages in a row that were there when they were asked for.
    private var taken = 0
    /// After so many others have their turn: a loop that always finds the next one would never end.
    private static var mostTaken: Int { 64 }

    /// From the connection's driver.
    func deliver(_ message: P.Inbound, _ connection: StreamConnection) {
        connection.runningOperations = 1
        isHandling = true
        delivered = message
        resume()
    }

    /// Nil when the connection has closed.
    func next(_ connection: StreamConnection) async throws -> P.Inbound? {
        precondition(continuation == nil, "messages of one connection are read by one loop at a time")
        try Task.checkCancellation()
        if delivered == nil, !isOver {
            isHandling = false
            connection.runningOperations = 0
            connection.continueDelivery()
        }
        if delivered == nil, !isOver {
            taken = 0
            await wait()
        } else if taken >= Self.mostTaken {
            taken = 0
            await Task.yield()
        }
        taken += 1
        if let message = delivered.take() { return message }
        try Task.checkCancellation()
        return nil
    }

    private func wait() async {
        waits += 1
        let number = waits
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                // A task may have been suspended on its way to here.
                if Task.isCancelled || delivered != nil || isOver { return continuation.resume() }
                self.continuation = continuation
            }
        } onCancel: {
            EventLoop.soon { self.giveUp(number) }
        }
    }

    private func giveUp(_ wait: Int) {
        if wait == waits { resume() }
    }

    override var isWaiting: Bool { continuation != nil }

    override func end() {
        super.end()
        resume()
    }

    private func resume() {
        let continuation = continuation
        self.continuation = nil
        continuation?.resume()
    }
}

/// What holds the messages of a connection back until somebody asks for them.
class MessageHolder {
    /// The reader has a message and has not asked for the next one.
    final var isHandling = false
    /// Nothing more comes: the connection has closed, or hands its messages to somebody else. Another life of the same
    /// connection has another reader.
    final private(set) var isOver = false

    init() {}
    nonisolated deinit {}

    /// Somebody waits for a message.
    var isWaiting: Bool { false }

    func end() { isOver = true }
}

/// The messages of one connection, for one `for try await` loop at a time. It ends when the connection has closed, and
/// throws `CancellationError` when the task is cancelled.
public struct Messages<P: WireProtocol>: @MainActor AsyncSequence {
    public typealias Element = P.Inbound
    let transport: StreamConnection
    let reader: MessageReader<P>

    public func makeAsyncIterator() -> Iterator { Iterator(transport: transport, reader: reader) }

    /// Waits for one message after the other.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        let transport: StreamConnection
        let reader: MessageReader<P>

        public mutating func next() async throws -> P.Inbound? { try await reader.next(transport) }
    }
}

extension Connection {
    /// The messages of this connection instead of `onMessage`. The next one is delivered when the loop asks for it, so
    /// that a slow loop slows the peer down. Inside `run` the loop ends with the connection:
    ///
    ///     server.onConnect = { connection in
    ///         connection.run {
    ///             for try await line in connection.messages { try await connection.write(line) }
    ///         }
    ///     }
    public var messages: Messages<P> { Messages(transport: transport, reader: holdMessages()) }

    /// The next message; nil when the connection has closed. For clients that ask and wait for the answer:
    ///
    ///     try await connection.write("how many?")
    ///     let answer = try await connection.nextMessage()
    public func nextMessage() async throws -> P.Inbound? {
        var iterator = messages.makeAsyncIterator()
        return try await iterator.next()
    }

    /// Keeps messages until `messages` is iterated or `onMessage` is set.
    @discardableResult
    func holdMessages() -> MessageReader<P> {
        if let reader = transport.extras?.reader as? MessageReader<P> { return reader }
        let reader = MessageReader<P>()
        // Closed, or the connection speaks another protocol by now.
        guard driver != nil, transport.state != .closed else {
            reader.end()
            return reader
        }
        own { $0.onMessage = { connection, message in reader.deliver(message, connection.transport) } }
        transport.hold(for: reader)
        return reader
    }
}
