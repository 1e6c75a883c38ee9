/// An INSERT that is put together, see `MySQLBuilder`.
public nonisolated struct MySQLInsert: MySQLBuilder {
    /// The parts that all statements have.
    public var parts: MySQLBuilderParts
    private let table: String
    private var flags: [Flag] = []
    private var columns: [String] = []
    private var rows: [[SQLFragment]] = []
    private var updates: [SQLFragment] = []
    private var fault: String?

    /// Words behind INSERT.
    public enum Flag: String, Sendable, Hashable {
        case lowPriority = "LOW_PRIORITY"
        case delayed = "DELAYED"
        case highPriority = "HIGH_PRIORITY"
        /// Rows whose keys are there already are left out.
        case ignore = "IGNORE"

        static let order: [Flag] = [.lowPriority, .delayed, .highPriority, .ignore]
    }

    /// An INSERT into a table, executed by `database`, if one is given, or by the `query` method of any.
    public init(_ table: String, on database: (any MySQLDatabase)? = nil) {
        parts = MySQLBuilderParts(database)
        self.table = table
    }

    private func with(_ change: (inout MySQLInsert) -> Void) -> MySQLInsert {
        var copy = self
        change(&copy)
        return copy
    }

    /// Sets a word behind INSERT.
    public func flag(_ flag: Flag) -> MySQLInsert { with { $0.flags.append(flag) } }
    /// Leaves rows out whose keys are there already.
    public func ignore() -> MySQLInsert { flag(.ignore) }

    /// One more row, by the names of its columns: `cols(["name": "Ann", "age": 31])`. All rows have the same columns.
    public func cols(_ values: KeyValuePairs<String, any MySQLParameter>) -> MySQLInsert {
        row(values.map(\.key), values.map { SQLFragment("?", [$0.value.mysqlValue]) })
    }

    /// A row whose values are bound by the names of their columns, with `bindValue`.
    public func cols(_ names: String...) -> MySQLInsert { row(names, names.map { SQLFragment(":\($0)") }) }

    /// Gives a column of the only row an expression, such as `NOW()`.
    public func set(_ column: String, _ expression: String, _ values: any MySQLParameter...) -> MySQLInsert {
        with {
            $0.columns.append(column)
            if $0.rows.isEmpty { $0.rows = [[]] }
            $0.rows[$0.rows.count - 1].append(SQLFragment(expression, values.map(\.mysqlValue)))
        }
    }

    /// Many rows with the same columns.
    public func values(_ columns: [String], _ rows: [[any MySQLParameter]]) -> MySQLInsert {
        rows.reduce(self) { insert, row in
            insert.row(columns, row.map { SQLFragment("?", [$0.mysqlValue]) })
        }
    }

    /// What is done instead where the key is there already: `onDuplicateKeyUpdate("hits = hits + ?", 1)`.
    public func onDuplicateKeyUpdate(_ assignment: String, _ values: any MySQLParameter...) -> MySQLInsert {
        with { $0.updates.append(SQLFragment(assignment, values.map(\.mysqlValue))) }
    }

    private func row(_ names: [String], _ values: [SQLFragment]) -> MySQLInsert {
        with {
            if $0.rows.isEmpty { $0.columns = names }
            if $0.columns != names || names.count != values.count { $0.fault = "its rows have different columns" }
            $0.rows.append(values)
        }
    }

    public func render() throws(MySQLError) -> MySQLStatement {
        if let fault { throw .incompleteStatement(fault) }
        guard !rows.isEmpty, rows.allSatisfy({ $0.count == columns.count }) else {
            throw .incompleteStatement("INSERT INTO \(table) has no values, or rows of different length")
        }
        let words = Flag.order.filter(flags.contains).map { $0.rawValue + " " }.joined()
        let names = columns.map(MySQLIdentifier.quoted).joined(separator: ", ")
        var all = SQLFragment("INSERT \(words)INTO \(MySQLIdentifier.expression(table)) (\(names)) VALUES ")
        for (index, row) in rows.enumerated() {
            if index > 0 { all += ", " }
            all += "("
            for (column, value) in row.enumerated() {
                if column > 0 { all += ", " }
                all += value
            }
            all += ")"
        }
        for (index, update) in updates.enumerated() {
            all += index == 0 ? " ON DUPLICATE KEY UPDATE " : ", "
            all += update
        }
        var statement = MySQLStatement(all.sql)
        statement.parameters = all.values
        return statement
    }
}
