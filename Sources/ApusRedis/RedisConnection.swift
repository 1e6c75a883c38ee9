import Apus
import ApusProtocols

/// A connection to Redis that one task has for itself: for commands that wait (`blPop`), or that change what the
/// connection is (`WATCH`, `SELECT`). It is not made again when it breaks: its commands then fail with
/// `RedisError.connectionLost`.
///
///     try await redis.withConnection { connection in
///         while let job = try await connection.blPop("jobs", timeout: 10) { print(job.value) }
///     }
@MainActor public final class RedisConnection: RedisCommands {
    private let link: RedisLink
    private let options: RedisOptions
    private var onClose: (@MainActor () -> Void)?

    init(_ target: RedisTarget, _ options: RedisOptions, onClose: @escaping @MainActor () -> Void) {
        self.options = options
        self.onClose = onClose
        link = RedisLink(target, options, isReplaced: false)
        link.onEnd = { [weak self] _ in self?.ended() }
    }

    isolated deinit { close() }

    /// Whether commands can be sent.
    public var isOpen: Bool { link.isReady }

    /// Closes the connection; commands that have no reply fail.
    public func close() {
        link.close("the connection was closed")
        ended()
    }

    private func ended() { onClose.take()?() }

    private static let unanswerable: Set<String> = [
        "HELLO", "MONITOR", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE", "QUIT", "RESET", "SSUBSCRIBE", "SUBSCRIBE",
        "SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE",
    ]

    /// Sends a command and returns its reply, which takes `RedisOptions.timeout` at most: see `RedisCommands.command`.
    @discardableResult
    public func command(_ name: String, arguments: [any RedisArgument]) async throws -> RedisValue {
        try await command(name, arguments: arguments, patience: options.timeout)
    }

    /// Sends a command that may take so many seconds; `.infinity` for one that waits for ever.
    @discardableResult
    public func command(
        _ name: String, arguments: [any RedisArgument], patience seconds: Double
    ) async throws -> RedisValue {
        let isReply = name.uppercased() == "CLIENT" && !RedisClient.isShareable(name, arguments.first)
        if isReply || Self.unanswerable.contains(name.uppercased()) { throw RedisError.notShareable(name) }
        return try await link.reply(patience: seconds) { RedisClient.encode(name, arguments, to: $0) }
    }

    /// Sends a command that waits at the server for so many seconds, 0 for as long as it takes.
    func blocking(_ name: String, _ arguments: [any RedisArgument], _ seconds: Double) async throws -> RedisValue {
        let patience = seconds == 0 ? Double.infinity : seconds + options.timeout
        return try await command(name, arguments: arguments, patience: patience)
    }

    /// Carries out the commands that `body` collects, all or none, with nothing in between. Nil when a key that
    /// `watch` named has changed since then.
    public func transaction(_ body: (RedisBatch) throws -> Void) async throws -> [RedisValue]? {
        let batch = RedisBatch()
        try body(batch)
        return try await execute(batch)
    }

    func execute(_ batch: RedisBatch) async throws -> [RedisValue]? {
        try batch.check()
        let replies = try await link.replies(batch.count + 2, batch.transaction)
        return try RedisBatch.results(replies)
    }

    /// From now on `transaction` is carried out only when nobody changes these keys before.
    public func watch(_ keys: [String]) async throws { try await command("WATCH", arguments: keys) }

    /// Forgets the keys that `watch` named.
    public func unwatch() async throws { try await command("UNWATCH", arguments: []) }
}

extension RedisClient {
    /// A connection of the caller's own, with the same login and database. It is closed when it is let go of, or by
    /// `RedisConnection.close`. There are `RedisOptions.maxConnections` of them at most: the next caller waits, for
    /// `RedisOptions.timeout`.
    public func dedicatedConnection() async throws -> RedisConnection {
        guard link.phase != .closed else { throw RedisError.closed }
        let leases = leases
        try await leases.take(within: options.timeout)
        let connection = RedisConnection(link.target, options) { leases.giveBack() }
        do {
            try await connection.ping()
        } catch {
            connection.close()
            throw error
        }
        return connection
    }

    /// Calls `body` with a connection of its own, and closes that: see `dedicatedConnection`.
    public func withConnection<Result>(
        _ body: (RedisConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await dedicatedConnection()
        defer { connection.close() }
        return try await body(connection)
    }
}
