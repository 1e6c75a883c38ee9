/// A bounded queue between tasks of this process: `push` waits while it is full, `pop` while it is empty.
///
///     let jobs = AsyncChannel<Job>(capacity: 10)
///     Task { for await job in jobs { await job.run() } }
///     await jobs.push(job)
public final class AsyncChannel<Element: Sendable> {
    /// How many elements fit; one at least.
    public let capacity: Int
    private var elements = FIFO<Element>()
    private let consumers = WaitingLine<Element>()
    private let producers = WaitingLine<Void>()
    private var isClosed = false

    private struct Over: Error {}

    /// A channel for `capacity` elements.
    public init(capacity: Int = 1) {
        precondition(capacity > 0, "a channel has room for one element at least, not \(capacity)")
        self.capacity = capacity
    }

    nonisolated deinit {}

    /// Elements that wait to be taken.
    public var count: Int { elements.count }
    /// Whether somebody waits in `pop`.
    public var hasConsumers: Bool { consumers.count > 0 }
    /// Whether somebody waits in `push`.
    public var hasProducers: Bool { producers.count > 0 }

    /// Appends an element, and waits for room, `seconds` at most: 0 not at all, nil for ever. False when there was
    /// none in time, when the task was cancelled, and once the channel is closed.
    @discardableResult
    public func push(_ element: Element, atMost seconds: Double? = nil) async -> Bool {
        if isClosed || Task.isCancelled { return false }
        if consumers.hand(element) { return true }
        if elements.count < capacity {
            elements.append(element)
            return true
        }
        guard seconds.map({ $0 > 0 }) ?? true else { return false }
        // Whoever makes room has the first that waits put its element in at once: nobody else is quicker.
        let place = producers.enter(atMost: seconds, otherwise: Over()) { [weak self] in self?.elements.append(element)
        }
        return (try? await place.value()) != nil
    }

    /// Takes the first element, and waits for one, `seconds` at most: 0 not at all, nil for ever. Nil when there was
    /// none in time, when the task was cancelled, and once the channel is closed and empty.
    public func pop(atMost seconds: Double? = nil) async -> Element? {
        if let element = elements.popFirst() {
            _ = producers.hand(())
            return element
        }
        guard !isClosed, seconds.map({ $0 > 0 }) ?? true else { return nil }
        return try? await consumers.enter(atMost: seconds, otherwise: Over()).value()
    }

    /// Takes no more elements; those that are there can still be taken. All who wait go on.
    public func close() {
        isClosed = true
        consumers.failAll(Over())
        producers.failAll(Over())
    }
}

extension AsyncChannel: @MainActor AsyncSequence {
    public func makeAsyncIterator() -> Iterator { Iterator(channel: self) }

    /// Takes one element after the other, until the channel is closed and empty.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        let channel: AsyncChannel<Element>

        public mutating func next() async -> Element? { await channel.pop() }
    }
}
