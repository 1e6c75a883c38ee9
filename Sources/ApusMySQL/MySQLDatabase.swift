/// What statements are executed on: a connection, a pool, or a transaction.
public protocol MySQLDatabase: AnyObject, Sendable {
    /// Executes a statement and returns all it yields: one result, or of a procedure several. Throws `MySQLError`, or
    /// `CancellationError` when the task is cancelled.
    func run(_ statement: MySQLStatement) async throws -> [MySQLResult]

    /// Begins a transaction, or within one a savepoint. It lasts until `commit` or `rollback`, or until it is let go
    /// of, which rolls it back. Prefer `transaction`.
    func beginTransaction() async throws -> MySQLTransaction

    /// Executes a statement and hands its rows on as they come, see `stream(_:_:)`.
    func stream(_ statement: MySQLStatement) -> MySQLRowStream
}

extension MySQLDatabase {
    // MARK: Results

    /// Executes a statement, with values for its placeholders `?`. Of several results, the first one with rows.
    ///
    ///     let users = try await db.query("SELECT * FROM users WHERE age > ?", 18).decode(User.self)
    ///     let id = try await db.query("INSERT INTO users (name) VALUES (?)", name).lastInsertID
    @discardableResult
    public func query(_ sql: String, _ parameters: any MySQLParameter...) async throws -> MySQLResult {
        try await query(MySQLStatement(sql, parameters))
    }

    /// Executes a statement, with values for its placeholders `:name`.
    @discardableResult
    public func query(_ sql: String, named values: [String: any MySQLParameter]) async throws -> MySQLResult {
        try await query(MySQLStatement(sql, named: values))
    }

    /// Executes a statement that has its values with it.
    @discardableResult
    public func query(_ statement: MySQLStatement) async throws -> MySQLResult {
        let results = try await run(statement)
        return results.first { !$0.columns.isEmpty } ?? results.first ?? MySQLResult()
    }

    /// Executes a statement and hands its rows on one by one, as they are asked for: for results that are too large for
    /// memory. The connection is taken until the last row, or until the loop over them ends.
    ///
    ///     for try await row in db.stream("SELECT * FROM events") { … }
    public func stream(_ sql: String, _ parameters: any MySQLParameter...) -> MySQLRowStream {
        stream(MySQLStatement(sql, parameters))
    }

    // MARK: Parts of results

    /// The first row; nil when there is none.
    public func row(_ sql: String, _ parameters: any MySQLParameter...) async throws -> MySQLRow? {
        try await query(MySQLStatement(sql, parameters)).first
    }

    /// The first column of all rows.
    public func column(_ sql: String, _ parameters: any MySQLParameter...) async throws -> [MySQLValue] {
        try await query(MySQLStatement(sql, parameters)).firstColumn
    }

    /// The first column of the first row; nil when there is no row.
    public func single(_ sql: String, _ parameters: any MySQLParameter...) async throws -> MySQLValue? {
        try await query(MySQLStatement(sql, parameters)).first?.values.first
    }

    // MARK: Transactions

    /// Executes `body` in a transaction: it is committed when `body` returns, and rolled back when it throws or the
    /// task is cancelled. Within a transaction it is a savepoint of it.
    ///
    /// What `body` asks for goes through the transaction it is given. An error of a statement is thrown to `body`,
    /// which may go on without it. When COMMIT itself fails with an error whose `mayHaveBeenExecuted` is true, nobody
    /// knows how the transaction ended.
    @discardableResult
    public func transaction<Result>(
        _ body: @MainActor (MySQLTransaction) async throws -> Result
    ) async throws -> Result {
        let transaction = try await beginTransaction()
        let result: Result
        do {
            result = try await MySQLConnection.$held.withValue(transaction.heldConnection) {
                try await body(transaction)
            }
            try Task.checkCancellation()
        } catch {
            await transaction.giveUp()
            throw error
        }
        try await transaction.commit()
        return result
    }
}

extension MySQLResult {
    /// The first column of all rows.
    var firstColumn: [MySQLValue] { rows.compactMap(\.values.first) }
}
