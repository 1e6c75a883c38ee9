/// A statement that is put together by methods, each of which returns a new one: nothing is changed, so a part can be
/// used for several.
///
///     let adults = db.select("id", "name").from("users").where("age >= ?", 18)
///     let page = try await adults.orderByAscending("name").page(2, size: 20).query()
public protocol MySQLBuilder: Sendable {
    /// The parts that all statements have.
    nonisolated var parts: MySQLBuilderParts { get set }
    /// The statement with placeholders, before values are bound by name.
    nonisolated func render() throws(MySQLError) -> MySQLStatement
}

/// What a statement is executed on, and the values that were bound by name.
public nonisolated struct MySQLBuilderParts: Sendable {
    /// What it is executed on by its own methods.
    let database: (any MySQLDatabase)?
    var named: [String: MySQLValue] = [:]

    init(_ database: (any MySQLDatabase)?) { self.database = database }
}

extension MySQLBuilder {
    /// The statement and its values. Throws `MySQLError.incompleteStatement` and `MySQLError.unboundName`.
    public nonisolated func statement() throws(MySQLError) -> MySQLStatement {
        var statement = try render()
        if parts.named.isEmpty { return statement }
        (statement.sql, statement.parameters) = try SQLText.positional(
            statement.sql, statement.parameters, named: parts.named)
        return statement
    }

    /// Gives the placeholder `:name` its value.
    public nonisolated func bindValue(_ name: String, _ value: any MySQLParameter) -> Self {
        var copy = self
        copy.parts.named[name] = value.mysqlValue
        return copy
    }

    /// Gives placeholders their values by name.
    public nonisolated func bindValues(_ values: [String: any MySQLParameter]) -> Self {
        var copy = self
        for (name, value) in values { copy.parts.named[name] = value.mysqlValue }
        return copy
    }

    /// Executes it on the database that has begun it.
    @discardableResult
    public func query() async throws -> MySQLResult {
        guard let database = parts.database else {
            throw MySQLError.incompleteStatement("it was begun by no database: give it to the query method of one")
        }
        return try await database.query(self)
    }

    /// Executes it; the first row, nil when there is none.
    public func row() async throws -> MySQLRow? { try await query().first }
    /// Executes it; the first column of all rows.
    public func column() async throws -> [MySQLValue] { try await query().firstColumn }
    /// Executes it; the first column of the first row, nil when there is no row.
    public func single() async throws -> MySQLValue? { try await query().first?.values.first }
}

extension MySQLDatabase {
    /// Executes what a builder has put together.
    @discardableResult
    public func query(_ builder: some MySQLBuilder) async throws -> MySQLResult {
        try await query(builder.statement())
    }

    /// Executes what a builder has put together, and hands its rows on as they come.
    public func stream(_ builder: some MySQLBuilder) throws -> MySQLRowStream { try stream(builder.statement()) }

    /// Begins a SELECT of columns or expressions; of all columns when none are named.
    public nonisolated func select(_ columns: String...) -> MySQLSelect {
        MySQLSelect(columns, on: self)
    }

    /// Begins an INSERT into a table.
    public nonisolated func insert(_ table: String) -> MySQLInsert { MySQLInsert(table, on: self) }

    /// Begins an UPDATE of a table.
    public nonisolated func update(_ table: String) -> MySQLUpdate { MySQLUpdate(table, on: self) }

    /// Begins a DELETE from a table.
    public nonisolated func delete(_ table: String) -> MySQLDelete { MySQLDelete(table, on: self) }
}
