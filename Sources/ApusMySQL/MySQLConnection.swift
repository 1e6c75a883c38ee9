import Apus

/// One connection to a MySQL or MariaDB server, on the event loop of this process.
///
///     let db = try MySQLConnection("mysql://app:secret@10.0.0.5/shop")
///     for row in try await db.query("SELECT id, name FROM users WHERE age > ?", 18) {
///         print(row["id"]?.int ?? 0, row["name"]?.string ?? "")
///     }
///
/// It may be made before the workers run, and connects with the first statement. Statements are executed one after the
/// other, in the order in which they were asked for. A statement that is cancelled or that takes too long ends the
/// connection, which is made again for the next one.
///
/// When the connection is lost it is made again, after pauses that grow to a second, and the statement that found it
/// lost is executed once more if that cannot do harm: if the server has surely not received it, or if it only reads.
/// That never happens within a transaction. What a session had, such as variables, temporary tables and locks, is lost
/// with the connection; `MySQLOptions.sessionStatements` are executed on each new one.
@MainActor public final class MySQLConnection: MySQLDatabase {
    private let target: MySQLTarget
    private let options: MySQLOptions
    private let line = WaitingLine<Void>()
    private var isHeld = false
    private(set) var link: MySQLLink?
    private var isClosed = false
    /// Attempts to connect that have failed in a row, and when the next one may be made.
    private var failures = 0
    private var earliestAttempt: Int64 = 0

    /// What AUTO_INCREMENT gave the last INSERT on this connection; nil before the first one.
    public private(set) var lastInsertID: UInt?
    /// The last statement that was sent.
    public private(set) var lastSQL: String?

    /// The connection that this task's transaction holds.
    @TaskLocal static var held: ObjectIdentifier?

    /// Seconds between two attempts to connect.
    private static let longestPause = 1.0

    /// A connection to the server at `mysql://[user[:password]@]host[:port][/database]`, `mysqls://…` over TLS, or
    /// `unix:/path`. What the options name is used where the address has none. Behind the address may stand
    /// `?charset=…` and `tls=required`.
    public init(_ address: String, options: MySQLOptions = MySQLOptions()) throws(MySQLError) {
        target = try MySQLTarget(address)
        self.options = target.completing(options)
    }

    isolated deinit { link?.close() }

    /// Whether there is a connection, as far as is known.
    public var isConnected: Bool { link?.isOpen == true }

    /// Whether the session has a transaction open that no `MySQLTransaction` stands for.
    var hasStrayTransaction: Bool { link?.isOpen == true && link?.isInTransaction == true && !isHeld }

    // MARK: Statements

    public func run(_ statement: MySQLStatement) async throws -> [MySQLResult] {
        try await withTurn { try await execute(statement) }
    }

    /// Makes the connection if there is none. Statements do that too.
    public func connect() async throws { try await withTurn { _ = try await openLink() } }

    /// Asks the server whether it is there, and makes the connection anew where it was lost.
    public func ping() async throws {
        try await withTurn {
            do {
                try await openLink().ping(within: options.timeout)
            } catch let failure as LinkFailure {
                guard failure.isLost, !(failure.error is CancellationError) else { throw failure.error }
                _ = try await openLink()
            }
        }
    }

    /// Closes the connection for good. Statements that have no result fail.
    public func close() {
        isClosed = true
        line.failAll(MySQLError.closed)
        link?.close()
        link = nil
    }

    /// Executes a statement, with the turn taken.
    private func execute(_ statement: MySQLStatement) async throws -> [MySQLResult] {
        let isRead = SQLText.isRead(statement.sql)
        var isRetry = false
        while true {
            let link = try await openLink()
            let wasInTransaction = link.isInTransaction
            do {
                return try await execute(statement, on: link)
            } catch {
                let isHarmless = error.isUnsent || isRead
                guard error.isConnectionLost, isHarmless, !isRetry, !wasInTransaction, !isClosed else {
                    throw error.error
                }
                isRetry = true
            }
        }
    }

    /// Executes a statement on a link, once.
    func execute(_ statement: MySQLStatement, on link: MySQLLink) async throws(LinkFailure) -> [MySQLResult] {
        lastSQL = statement.sql
        let results = try await link.run(statement, limits)
        if let id = results.last(where: { $0.lastInsertID != nil })?.lastInsertID { lastInsertID = id }
        return results
    }

    var limits: StatementLimits {
        StatementLimits(
            seconds: options.timeout, packetBytes: options.maxPacketBytes, resultBytes: options.maxResultBytes,
            cachedStatements: options.statementCacheSize)
    }

    // MARK: Turns

    private func withTurn<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await takeTurn()
        defer { endTurn() }
        do {
            return try await body()
        } catch let failure as LinkFailure {
            throw failure.error
        }
    }

    /// Waits until nobody else uses the connection.
    func takeTurn() async throws {
        try Task.checkCancellation()
        guard !isClosed else { throw MySQLError.closed }
        guard Self.held != ObjectIdentifier(self) else { throw MySQLError.heldByTransaction }
        guard isHeld else {
            isHeld = true
            return
        }
        guard line.count < options.maxWaiting else { throw MySQLError.tooManyWaiting(line.count) }
        let seconds = options.waitTimeout
        try await line.enter(atMost: seconds, otherwise: MySQLError.busy(seconds: seconds)).value()
        if Task.isCancelled {
            endTurn()
            throw CancellationError()
        }
    }

    func endTurn() {
        // Who waits longest has it next, without its being free in between.
        if !line.hand(()) { isHeld = false }
    }

    // MARK: The connection

    /// The connection that there is, or a new one. Attempts go on until the time is up.
    func openLink() async throws -> MySQLLink {
        if let link {
            if link.isOpen, !link.isDeserted() { return link }
            link.close()
            self.link = nil
        }
        let deadline = EventLoop.current.now + Int64(options.connectTimeout * 1e9)
        var reason = "no attempt was made yet"
        while true {
            let pause = Double(earliestAttempt - EventLoop.current.now) / 1e9
            let rest = Double(deadline - EventLoop.current.now) / 1e9
            guard rest > max(0, pause) else { throw MySQLError.unavailable(reason) }
            if pause > 0 { try await WorkerTimer.sleep(pause) }
            guard !isClosed else { throw MySQLError.closed }
            do {
                let link = try await MySQLLink.open(target, options, within: rest - max(0, pause))
                guard !isClosed else {
                    link.close()
                    throw MySQLError.closed
                }
                failures = 0
                earliestAttempt = 0
                self.link = link
                return link
            } catch let failure as LinkFailure {
                guard case MySQLError.unavailable(let text) = failure.error else { throw failure.error }
                reason = text
                let longest = min(Self.longestPause, 0.02 * Double(1 << min(failures, 10)))
                failures += 1
                earliestAttempt = EventLoop.current.now + Int64(Double.random(in: longest / 2...longest) * 1e9)
            }
        }
    }
}

extension MySQLTarget {
    /// Options with what the address says, which wins.
    func completing(_ options: MySQLOptions) -> MySQLOptions {
        var options = options
        options.user = user ?? options.user
        options.password = password ?? options.password
        options.database = database ?? options.database
        if let charset { options.charset = charset }
        if isSecured, options.tls == nil { options.tls = .init() }
        return options
    }
}
