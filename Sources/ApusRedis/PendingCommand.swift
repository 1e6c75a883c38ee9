/// A command whose task waits for the reply.
final class PendingCommand {
    /// What is to be sent; given up once it is.
    var bytes: [UInt8]
    /// Monotonic nanoseconds.
    let deadline: Int64
    private var continuation: CheckedContinuation<RedisValue, any Error>?
    private var result: Result<RedisValue, any Error>?
    /// The task has what it waited for, or does not wait any more.
    var isOver: Bool { result != nil }

    init(_ bytes: [UInt8], deadline: Int64) {
        self.bytes = bytes
        self.deadline = deadline
    }

    nonisolated deinit {}

    func wait(_ continuation: CheckedContinuation<RedisValue, any Error>) {
        if let result { return continuation.resume(with: result) }
        self.continuation = continuation
    }

    func finish(_ result: Result<RedisValue, any Error>) {
        guard !isOver else { return }
        self.result = result
        bytes = []
        continuation?.resume(with: result)
        continuation = nil
    }
}

/// Commands in the order they came. Taking the first one moves none of the others.
struct PendingQueue {
    private var items: [PendingCommand] = []
    private var start = 0

    var count: Int { items.count - start }
    var isEmpty: Bool { count == 0 }
    var first: PendingCommand? { isEmpty ? nil : items[start] }

    mutating func append(_ command: PendingCommand) { items.append(command) }

    mutating func popFirst() -> PendingCommand? {
        guard let first else { return nil }
        start += 1
        // What was taken is let go of when it is half of all: each is moved once at most.
        if start == items.count {
            items.removeAll(keepingCapacity: start <= 1024)
            start = 0
        } else if start >= 256, start * 2 >= items.count {
            items.removeFirst(start)
            start = 0
        }
        return first
    }

    mutating func takeAll() -> [PendingCommand] {
        defer { self = PendingQueue() }
        return Array(items[start...])
    }
}
