/// Locks by name between the tasks of this process: whoever waits for one gets it in turn. A handler that is suspended
/// while it changes something lets others run; this keeps those out that must not.
///
///     try await lock.withLock("user 7") { … }
public final class AsyncLock {
    /// A lock was given back that nobody had.
    public struct NotLocked: Error, CustomStringConvertible, Sendable, Hashable {
        /// The name of the lock.
        public let key: String
        /// One line for the log.
        public var description: String { "the lock \"\(key)\" is not held" }
    }

    /// A lock was waited for in vain.
    public struct TimedOut: Error, CustomStringConvertible, Sendable, Hashable {
        /// The name of the lock.
        public let key: String
        /// One line for the log.
        public var description: String { "the lock \"\(key)\" was not free in time" }
    }

    private var held: [String: WaitingLine<Void>] = [:]

    /// Locks of their own: the same name means another lock in another object.
    public init() {}

    nonisolated deinit {}

    /// Waits until the lock is free, `seconds` at most if they are given, and takes it. Throws `TimedOut` and
    /// `CancellationError`.
    public func lock(_ key: String = "", atMost seconds: Double? = nil) async throws {
        try Task.checkCancellation()
        guard let line = held[key] else {
            held[key] = WaitingLine()
            return
        }
        try await line.enter(atMost: seconds, otherwise: TimedOut(key: key)).value()
        // It was handed over as the task was being cancelled.
        if Task.isCancelled {
            try unlock(key)
            throw CancellationError()
        }
    }

    /// Gives the lock to the first who waits.
    public func unlock(_ key: String = "") throws(NotLocked) {
        guard let line = held[key] else { throw NotLocked(key: key) }
        if !line.hand(()) { held[key] = nil }
    }

    /// Calls `body` while nobody else has the lock.
    public func withLock<Result>(
        _ key: String = "", atMost seconds: Double? = nil, _ body: @MainActor () async throws -> Result
    ) async throws -> Result {
        try await lock(key, atMost: seconds)
        defer { try? unlock(key) }
        return try await body()
    }
}
