/// An UPDATE that is put together, see `MySQLBuilder`.
public nonisolated struct MySQLUpdate: MySQLBuilder {
    /// The parts that all statements have.
    public var parts: MySQLBuilderParts
    private let table: String
    private var flags: [Flag] = []
    private var assignments: [SQLFragment] = []
    private var conditions = SQLConditions()
    private var orders: [String] = []
    private var limitCount: Int?
    private var isForAll = false

    /// Words behind UPDATE.
    public enum Flag: String, Sendable, Hashable {
        case lowPriority = "LOW_PRIORITY"
        case ignore = "IGNORE"

        static let order: [Flag] = [.lowPriority, .ignore]
    }

    /// An UPDATE of a table, executed by `database`, if one is given, or by the `query` method of any.
    public init(_ table: String, on database: (any MySQLDatabase)? = nil) {
        parts = MySQLBuilderParts(database)
        self.table = table
    }

    private func with(_ change: (inout MySQLUpdate) -> Void) -> MySQLUpdate {
        var copy = self
        change(&copy)
        return copy
    }

    /// Sets a word behind UPDATE.
    public func flag(_ flag: Flag) -> MySQLUpdate { with { $0.flags.append(flag) } }

    /// New values by the names of their columns.
    public func cols(_ values: KeyValuePairs<String, any MySQLParameter>) -> MySQLUpdate {
        with {
            for (name, value) in values {
                $0.assignments.append(SQLFragment("\(MySQLIdentifier.expression(name)) = ?", [value.mysqlValue]))
            }
        }
    }

    /// New values that are bound by the names of their columns, with `bindValue`.
    public func cols(_ names: String...) -> MySQLUpdate {
        with { $0.assignments += names.map { SQLFragment("\(MySQLIdentifier.expression($0)) = :\($0)") } }
    }

    /// Gives a column an expression, such as `hits + ?`.
    public func set(_ column: String, _ expression: String, _ values: any MySQLParameter...) -> MySQLUpdate {
        with {
            $0.assignments.append(
                SQLFragment("\(MySQLIdentifier.expression(column)) = \(expression)", values.map(\.mysqlValue)))
        }
    }

    /// Only rows for which the condition holds, and those before.
    public func `where`(_ condition: String, _ values: any MySQLParameter...) -> MySQLUpdate {
        with { $0.conditions.add("AND", condition, values) }
    }

    /// Also rows for which the condition holds.
    public func orWhere(_ condition: String, _ values: any MySQLParameter...) -> MySQLUpdate {
        with { $0.conditions.add("OR", condition, values) }
    }

    /// All rows of the table. Without a condition it has to be said.
    public func allRows() -> MySQLUpdate { with { $0.isForAll = true } }

    /// In this order, smallest first.
    public func orderByAscending(_ columns: String...) -> MySQLUpdate {
        with { $0.orders += columns.map { "\(MySQLIdentifier.expression($0)) ASC" } }
    }

    /// In this order, greatest first.
    public func orderByDescending(_ columns: String...) -> MySQLUpdate {
        with { $0.orders += columns.map { "\(MySQLIdentifier.expression($0)) DESC" } }
    }

    /// At most so many rows.
    public func limit(_ count: Int) -> MySQLUpdate { with { $0.limitCount = max(0, count) } }

    public func render() throws(MySQLError) -> MySQLStatement {
        guard !assignments.isEmpty else { throw .incompleteStatement("UPDATE \(table) sets nothing") }
        let words = Flag.order.filter(flags.contains).map { $0.rawValue + " " }.joined()
        var all = SQLFragment("UPDATE \(words)\(MySQLIdentifier.expression(table)) SET ")
        for (index, assignment) in assignments.enumerated() {
            if index > 0 { all += ", " }
            all += assignment
        }
        let clause = conditions.clause("WHERE")
        guard isForAll || !clause.sql.isEmpty else {
            throw .incompleteStatement("UPDATE \(table) has no condition: say allRows() if that is meant")
        }
        all += clause
        if !orders.isEmpty { all += " ORDER BY \(orders.joined(separator: ", "))" }
        if let limitCount { all += " LIMIT \(limitCount)" }
        var statement = MySQLStatement(all.sql)
        statement.parameters = all.values
        return statement
    }
}
