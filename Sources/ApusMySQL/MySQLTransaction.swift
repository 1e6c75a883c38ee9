import Apus

/// A transaction, or a savepoint within one. Its statements are executed one after the other, and never twice.
@MainActor public final class MySQLTransaction: MySQLDatabase {
    private let scope: TransactionScope
    /// 0 for the transaction itself, further numbers for savepoints within it.
    private let depth: Int
    private var isOver = false

    init(_ scope: TransactionScope, depth: Int = 0) {
        self.scope = scope
        self.depth = depth
    }

    isolated deinit {
        if !isOver { scope.abandon(depth) }
    }

    var heldConnection: ObjectIdentifier { ObjectIdentifier(scope.connection) }

    public func run(_ statement: MySQLStatement) async throws -> [MySQLResult] {
        try checkOpen()
        return try await scope.run(statement)
    }

    public func stream(_ statement: MySQLStatement) -> MySQLRowStream {
        MySQLRowStream(statement) { [self] in
            try checkOpen()
            return try await scope.lend(for: statement.sql)
        }
    }

    public func beginTransaction() async throws -> MySQLTransaction {
        try checkOpen()
        let inner = MySQLTransaction(scope, depth: scope.nextDepth())
        do {
            try await scope.control("SAVEPOINT \(inner.savepoint)")
        } catch {
            inner.isOver = true
            throw error
        }
        return inner
    }

    /// Makes what was changed last. Of a savepoint, it becomes a part of the transaction around it.
    public func commit() async throws {
        try checkOpen()
        isOver = true
        try await scope.finish(depth, depth == 0 ? "COMMIT" : "RELEASE SAVEPOINT \(savepoint)")
    }

    /// Undoes what was changed.
    public func rollback() async throws {
        guard !isOver else { throw MySQLError.transactionOver("it was committed or rolled back") }
        isOver = true
        try await scope.undo(depth, depth == 0 ? "ROLLBACK" : "ROLLBACK TO SAVEPOINT \(savepoint)")
    }

    /// Rolls back if that is yet to be done, in a task that may be cancelled. What fails closes the connection, after
    /// which the server rolls back by itself.
    func giveUp() async {
        guard !isOver else { return }
        await Task { try? await rollback() }.value
    }

    private var savepoint: String { "apus_\(depth)" }

    private func checkOpen() throws(MySQLError) {
        guard !isOver else { throw .transactionOver("it was committed or rolled back") }
    }
}

/// What a transaction and the savepoints within it share: the connection that they hold.
final class TransactionScope {
    let connection: MySQLConnection
    private let link: MySQLLink
    /// Called once, when the connection is not needed any more.
    private let release: () -> Void
    private let line = WaitingLine<Void>()
    private var isBusy = false
    private var isOver = false
    private var lastDepth = 0
    /// Why nothing more can be executed in it.
    private var breach: String? {
        didSet { if let breach { line.failAll(MySQLError.transactionOver(breach)) } }
    }

    init(_ connection: MySQLConnection, _ link: MySQLLink, release: @escaping () -> Void) {
        self.connection = connection
        self.link = link
        self.release = release
    }

    nonisolated deinit {}

    func nextDepth() -> Int {
        lastDepth += 1
        return lastDepth
    }

    func run(_ statement: MySQLStatement) async throws -> [MySQLResult] {
        try await takeTurn()
        defer { endTurn() }
        do {
            let results = try await connection.execute(statement, on: link)
            noteEnd(after: statement.sql)
            return results
        } catch {
            noteEnd(of: error)
            throw error.error
        }
    }

    /// Executes SAVEPOINT, RELEASE and the like.
    func control(_ sql: String) async throws { _ = try await run(MySQLStatement(sql)) }

    /// Ends the transaction, or a savepoint, in the good way.
    func finish(_ depth: Int, _ sql: String) async throws {
        defer { if depth == 0 { end() } }
        if depth == 0, link.isOpen, !link.isInTransaction, isCommittedImplicitly { return }
        do {
            try await control(sql)
        } catch {
            // Whatever it is that stands in the way: nothing of it is to be there for who comes next.
            if depth == 0 { link.close() }
            throw error
        }
    }

    /// Ends the transaction, or a savepoint, undoing it.
    func undo(_ depth: Int, _ sql: String) async throws {
        defer { if depth == 0 { end() } }
        // What is somebody else's by now is not to be touched.
        guard !isOver else { throw Self.over }
        // The server has done it.
        guard link.isOpen, breach == nil else { return }
        do {
            try await control(sql)
        } catch {
            if !isOver { link.close() }
            throw error
        }
    }

    /// The transaction is let go of without an end.
    func abandon(_ depth: Int) {
        guard !isOver else { return }
        link.close()
        if depth == 0 { end() }
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        line.failAll(Self.over)
        release()
    }

    private static let over = MySQLError.transactionOver("it was committed or rolled back")

    // MARK: The server's own end of it

    private var isCommittedImplicitly = false

    /// A statement such as CREATE TABLE commits; what followed would be committed one by one.
    private func noteEnd(after sql: String) {
        guard !link.isInTransaction, !isOver, breach == nil else { return }
        let word = sql.prefix { $0 != " " && $0 != "\n" }
        guard !["COMMIT", "ROLLBACK"].contains(word) else { return }
        isCommittedImplicitly = true
        breach = "\(word) has ended it"
    }

    private func noteEnd(of failure: LinkFailure) {
        if failure.isLost {
            breach = "the connection was lost"
        } else if case MySQLError.refused(1213, _, _, _) = failure.error {
            breach = "the server rolled it back to resolve a deadlock: begin it anew"
        }
    }

    // MARK: Turns

    private func takeTurn() async throws {
        try checkUsable()
        while isBusy {
            try await line.enter(otherwise: MySQLError.closed).value()
            // Whoever has ended it meanwhile has sent away all who waited: nobody is left to be handed the turn.
            try checkUsable()
        }
        isBusy = true
    }

    private func checkUsable() throws(MySQLError) {
        if let breach { throw .transactionOver(breach) }
        if isOver { throw Self.over }
    }

    private func endTurn() {
        isBusy = false
        _ = line.hand(())
    }

    /// Lends the link to a stream of this statement.
    func lend(for sql: String) async throws -> LentLink {
        try await takeTurn()
        return LentLink(link: link, limits: connection.limits, closesEarly: false) { [self] failure in
            // Before the next one has its turn: it must do nothing outside of a transaction.
            if let failure { noteEnd(of: failure) } else { noteEnd(after: sql) }
            endTurn()
        }
    }
}

extension MySQLConnection {
    /// Begins a transaction, which has the connection to itself.
    public func beginTransaction() async throws -> MySQLTransaction {
        try await beginTransaction(release: {})
    }

    /// Takes the connection for a transaction. `release` is called when that is over.
    func beginTransaction(release: @escaping () -> Void) async throws -> MySQLTransaction {
        try await takeTurn()
        do {
            let link = try await openTransaction()
            let scope = TransactionScope(self, link) { [self] in
                endTurn()
                release()
            }
            return MySQLTransaction(scope)
        } catch {
            endTurn()
            throw (error as? LinkFailure)?.error ?? error
        }
    }

    /// Nothing is lost with a connection on which nothing but this was executed.
    private func openTransaction() async throws -> MySQLLink {
        let begin = MySQLStatement("START TRANSACTION")
        let link = try await openLink()
        do {
            _ = try await execute(begin, on: link)
            return link
        } catch {
            guard error.isConnectionLost, !link.isInTransaction else { throw error }
        }
        let another = try await openLink()
        _ = try await execute(begin, on: another)
        return another
    }
}
