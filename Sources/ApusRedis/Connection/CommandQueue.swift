/// Who waits for the reply of a command.
enum CommandWaiter {
    /// Nobody any more.
    case nobody
    case task(UnsafeContinuation<RedisValue, any Error>)
    case callback(@MainActor (Result<RedisValue, RedisError>) -> Void)
    /// Commands that are sent as one.
    case batch(CommandBatch)

    func finish(_ reply: RedisValue) {
        switch self {
        case .nobody: break
        case .task(let continuation): continuation.resume(returning: reply)
        case .callback(let body):
            if case .error(let text) = reply { body(.failure(RedisError(reply: text))) } else { body(.success(reply)) }
        case .batch(let batch):
            batch.replies.append(reply)
            batch.finish()
        }
    }

    func fail(_ error: RedisError) {
        switch self {
        case .nobody: break
        case .task(let continuation): continuation.resume(throwing: error)
        case .callback(let body): body(.failure(error))
        case .batch(let batch): batch.fail(error)
        }
    }
}

/// Commands that leave together over one connection, and are answered together.
final class CommandBatch {
    var replies: [RedisValue] = []
    private var continuation: UnsafeContinuation<[RedisValue], any Error>?

    init(_ continuation: UnsafeContinuation<[RedisValue], any Error>) { self.continuation = continuation }

    nonisolated deinit {}

    func finish() {
        continuation?.resume(returning: replies)
        continuation = nil
    }

    func fail(_ error: any Error) {
        continuation?.resume(throwing: error)
        continuation = nil
    }
}

/// A command that has no reply yet.
struct QueuedCommand {
    var waiter: CommandWaiter
    /// What a task that waits gives it up by; 0 for the others.
    let ticket: Int
    /// Of it in the buffer of what is unsent.
    let byteCount: Int
    /// Replies it still gets; 0 when it was given up before it was sent.
    var missingReplies: Int
    /// Monotonic nanoseconds.
    let deadline: Int64

    static let none = QueuedCommand(waiter: .nobody, ticket: 0, byteCount: 0, missingReplies: 0, deadline: 0)

    var isOver: Bool { if case .nobody = waiter { true } else { false } }
}

/// Commands in the order they came, those that were sent in front. A ring: neither end moves the others.
struct CommandQueue {
    private var slots = [QueuedCommand](repeating: .none, count: 16)
    private var head = 0
    private(set) var count = 0
    /// How many of them were sent.
    private(set) var sentCount = 0

    var waitingCount: Int { count - sentCount }
    var firstSent: QueuedCommand? { sentCount > 0 ? slots[head] : nil }
    var firstWaiting: QueuedCommand? { waitingCount > 0 ? slots[slot(sentCount)] : nil }

    @inline(__always)
    private func slot(_ index: Int) -> Int { (head &+ index) & (slots.count &- 1) }

    mutating func append(_ command: QueuedCommand) {
        if count == slots.count { grow() }
        slots[slot(count)] = command
        count &+= 1
    }

    private mutating func grow() {
        var larger = [QueuedCommand](repeating: .none, count: slots.count * 2)
        for index in 0..<count { larger[index] = slots[slot(index)] }
        slots = larger
        head = 0
    }

    /// Notes that the first of those that wait was sent, or given up.
    mutating func markSent(givenUp: Bool = false) {
        if givenUp { slots[slot(sentCount)].missingReplies = 0 }
        sentCount &+= 1
        dropGivenUp()
    }

    /// The first one is always one that gets a reply.
    @inline(__always)
    private mutating func dropGivenUp() {
        while sentCount > 0, slots[head].missingReplies == 0 { _ = popFirst() }
    }

    /// A reply has come: returns the command that is complete with it.
    @inline(__always)
    mutating func reply(_ value: RedisValue) -> CommandWaiter? {
        guard sentCount > 0 else { return nil }
        if slots[head].missingReplies > 1 {
            slots[head].missingReplies -= 1
            if case .batch(let batch) = slots[head].waiter { batch.replies.append(value) }
            return .nobody
        }
        let waiter = popFirst().waiter
        dropGivenUp()
        return waiter
    }

    /// Of those that were sent; if there are none, of the others.
    mutating func popFirst() -> QueuedCommand {
        var first = QueuedCommand.none
        swap(&first, &slots[head])
        head = (head &+ 1) & (slots.count &- 1)
        count &-= 1
        if sentCount > 0 { sentCount &-= 1 }
        return first
    }

    /// Nobody waits any more for the command with that ticket; returns who did.
    mutating func giveUp(_ ticket: Int) -> CommandWaiter {
        // Mostly it is one of the last.
        for index in stride(from: count - 1, through: 0, by: -1) where slots[slot(index)].ticket == ticket {
            var waiter = CommandWaiter.nobody
            swap(&waiter, &slots[slot(index)].waiter)
            return waiter
        }
        return .nobody
    }

    /// Takes all that were sent.
    mutating func takeSent() -> [CommandWaiter] { (0..<sentCount).map { _ in popFirst().waiter } }

    /// Takes all: those that were sent are to be taken before.
    mutating func takeAll() -> [CommandWaiter] { (0..<count).map { _ in popFirst().waiter } }
}
