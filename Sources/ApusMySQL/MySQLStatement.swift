/// A statement and the values that its placeholders `?` stand for.
public nonisolated struct MySQLStatement: Sendable, Hashable {
    /// The statement.
    public var sql: String
    /// The values in the order of their placeholders. With any, the statement is prepared on the server and the values
    /// go beside it; without, it goes as text.
    public var parameters: [MySQLValue]

    /// A statement with values for its `?`.
    public init(_ sql: String, _ parameters: [any MySQLParameter] = []) {
        self.sql = sql
        self.parameters = parameters.map(\.mysqlValue)
    }

    /// A statement with values for its `:name`.
    public init(_ sql: String, named values: [String: any MySQLParameter]) throws(MySQLError) {
        (self.sql, parameters) = try SQLText.positional(sql, [], named: values.mapValues(\.mysqlValue))
    }
}
