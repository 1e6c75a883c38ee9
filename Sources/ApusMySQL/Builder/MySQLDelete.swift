/// A DELETE that is put together, see `MySQLBuilder`.
public nonisolated struct MySQLDelete: MySQLBuilder {
    /// The parts that all statements have.
    public var parts: MySQLBuilderParts
    private let table: String
    private var flags: [Flag] = []
    private var conditions = SQLConditions()
    private var orders: [String] = []
    private var limitCount: Int?
    private var isForAll = false

    /// Words behind DELETE.
    public enum Flag: String, Sendable, Hashable {
        case lowPriority = "LOW_PRIORITY"
        case quick = "QUICK"
        case ignore = "IGNORE"

        static let order: [Flag] = [.lowPriority, .quick, .ignore]
    }

    /// A DELETE from a table, executed by `database`, if one is given, or by the `query` method of any.
    public init(_ table: String, on database: (any MySQLDatabase)? = nil) {
        parts = MySQLBuilderParts(database)
        self.table = table
    }

    private func with(_ change: (inout MySQLDelete) -> Void) -> MySQLDelete {
        var copy = self
        change(&copy)
        return copy
    }

    /// Sets a word behind DELETE.
    public func flag(_ flag: Flag) -> MySQLDelete { with { $0.flags.append(flag) } }

    /// Only rows for which the condition holds, and those before.
    public func `where`(_ condition: String, _ values: any MySQLParameter...) -> MySQLDelete {
        with { $0.conditions.add("AND", condition, values) }
    }

    /// Also rows for which the condition holds.
    public func orWhere(_ condition: String, _ values: any MySQLParameter...) -> MySQLDelete {
        with { $0.conditions.add("OR", condition, values) }
    }

    /// All rows of the table. Without a condition it has to be said.
    public func allRows() -> MySQLDelete { with { $0.isForAll = true } }

    /// In this order, smallest first.
    public func orderByAscending(_ columns: String...) -> MySQLDelete {
        with { $0.orders += columns.map { "\(MySQLIdentifier.expression($0)) ASC" } }
    }

    /// In this order, greatest first.
    public func orderByDescending(_ columns: String...) -> MySQLDelete {
        with { $0.orders += columns.map { "\(MySQLIdentifier.expression($0)) DESC" } }
    }

    /// At most so many rows.
    public func limit(_ count: Int) -> MySQLDelete { with { $0.limitCount = max(0, count) } }

    public func render() throws(MySQLError) -> MySQLStatement {
        let words = Flag.order.filter(flags.contains).map { $0.rawValue + " " }.joined()
        var all = SQLFragment("DELETE \(words)FROM \(MySQLIdentifier.expression(table))")
        let clause = conditions.clause("WHERE")
        guard isForAll || !clause.sql.isEmpty else {
            throw .incompleteStatement("DELETE FROM \(table) has no condition: say allRows() if that is meant")
        }
        all += clause
        if !orders.isEmpty { all += " ORDER BY \(orders.joined(separator: ", "))" }
        if let limitCount { all += " LIMIT \(limitCount)" }
        var statement = MySQLStatement(all.sql)
        statement.parameters = all.values
        return statement
    }
}
