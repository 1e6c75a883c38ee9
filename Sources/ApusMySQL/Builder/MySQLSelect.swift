/// A SELECT that is put together, see `MySQLBuilder`. Names of columns and tables are quoted, expressions are not, see
/// `MySQLIdentifier.expression`.
public nonisolated struct MySQLSelect: MySQLBuilder {
    /// The parts that all statements have.
    public var parts: MySQLBuilderParts
    private var columns: [String]
    private var flags: [Flag] = []
    private var sources: [SQLFragment] = []
    private var joins: [SQLFragment] = []
    private var conditions = SQLConditions()
    private var groups: [String] = []
    private var groupConditions = SQLConditions()
    private var orders: [String] = []
    private var limitCount: Int?
    private var offsetCount: Int?
    private var pageSize = 10
    private var lock = ""
    private var unions: [(keyword: String, select: SQLFragment)] = []

    /// Words behind SELECT.
    public enum Flag: String, Sendable, Hashable {
        case distinct = "DISTINCT"
        case highPriority = "HIGH_PRIORITY"
        case straightJoin = "STRAIGHT_JOIN"
        case smallResult = "SQL_SMALL_RESULT"
        case bigResult = "SQL_BIG_RESULT"
        case bufferResult = "SQL_BUFFER_RESULT"
        case cache = "SQL_CACHE"
        case noCache = "SQL_NO_CACHE"
        case calcFoundRows = "SQL_CALC_FOUND_ROWS"

        /// MySQL takes them in this order.
        static let order: [Flag] = [
            .distinct, .highPriority, .straightJoin, .smallResult, .bigResult, .bufferResult, .cache, .noCache,
            .calcFoundRows,
        ]
    }

    /// A SELECT of columns or expressions, of all columns when none are named. It is executed by `database`, if one is
    /// given, or by the `query` method of any.
    public init(_ columns: [String] = [], on database: (any MySQLDatabase)? = nil) {
        parts = MySQLBuilderParts(database)
        self.columns = columns
    }

    private func with(_ change: (inout MySQLSelect) -> Void) -> MySQLSelect {
        var copy = self
        change(&copy)
        return copy
    }

    /// Selects further columns.
    public func columns(_ more: String...) -> MySQLSelect { with { $0.columns += more } }

    /// Sets a word behind SELECT.
    public func flag(_ flag: Flag) -> MySQLSelect { with { $0.flags.append(flag) } }
    /// Rows that are the same are there once.
    public func distinct() -> MySQLSelect { flag(.distinct) }
    /// The server counts the rows that there would be without LIMIT: ask it with `SELECT FOUND_ROWS()` on the same
    /// connection.
    public func calcFoundRows() -> MySQLSelect { flag(.calcFoundRows) }
    /// Rows are locked until the end of the transaction.
    public func forUpdate() -> MySQLSelect { with { $0.lock = " FOR UPDATE" } }

    // MARK: Where from

    /// Selects from a table.
    public func from(_ table: String) -> MySQLSelect {
        with { $0.sources.append(SQLFragment(MySQLIdentifier.expression(table))) }
    }

    /// Selects from what another SELECT yields, which is called `name`. What that has bound by name goes with it.
    public func fromSubSelect(_ select: MySQLSelect, as name: String) -> MySQLSelect {
        with {
            $0.sources.append(select.enclosed(as: name))
            $0.adopt(select)
        }
    }

    /// Joins a table: `condition` stands behind ON.
    public func innerJoin(_ table: String, on condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        join("INNER JOIN", table, condition, values)
    }

    /// Joins a table; rows without a counterpart in it have NULL there.
    public func leftJoin(_ table: String, on condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        join("LEFT JOIN", table, condition, values)
    }

    /// Joins a table; its rows without a counterpart have NULL elsewhere.
    public func rightJoin(_ table: String, on condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        join("RIGHT JOIN", table, condition, values)
    }

    /// Joins a table, as `innerJoin` does.
    public func join(_ table: String, on condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        join("JOIN", table, condition, values)
    }

    private func join(
        _ keyword: String, _ table: String, _ condition: String, _ values: [any MySQLParameter]
    ) -> MySQLSelect {
        with {
            let sql = " \(keyword) \(MySQLIdentifier.expression(table)) ON \(condition)"
            $0.joins.append(SQLFragment(sql, values.map(\.mysqlValue)))
        }
    }

    // MARK: Which

    /// Only rows for which the condition holds, and those before.
    public func `where`(_ condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        with { $0.conditions.add("AND", condition, values) }
    }

    /// Also rows for which the condition holds.
    public func orWhere(_ condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        with { $0.conditions.add("OR", condition, values) }
    }

    /// Makes groups of rows that have the same values there.
    public func groupBy(_ columns: String...) -> MySQLSelect { with { $0.groups += columns } }

    /// Only groups for which the condition holds, and those before.
    public func having(_ condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        with { $0.groupConditions.add("AND", condition, values) }
    }

    /// Also groups for which the condition holds.
    public func orHaving(_ condition: String, _ values: any MySQLParameter...) -> MySQLSelect {
        with { $0.groupConditions.add("OR", condition, values) }
    }

    // MARK: In which order, and how many

    /// Sorts by columns, smallest first.
    public func orderByAscending(_ columns: String...) -> MySQLSelect {
        with { $0.orders += columns.map { "\(MySQLIdentifier.expression($0)) ASC" } }
    }

    /// Sorts by columns, greatest first.
    public func orderByDescending(_ columns: String...) -> MySQLSelect {
        with { $0.orders += columns.map { "\(MySQLIdentifier.expression($0)) DESC" } }
    }

    /// At most so many rows.
    public func limit(_ count: Int) -> MySQLSelect { with { $0.limitCount = max(0, count) } }
    /// Without the first so many rows. It takes a limit.
    public func offset(_ count: Int) -> MySQLSelect { with { $0.offsetCount = max(0, count) } }
    /// The rows of a page, which are counted from 1.
    public func page(_ page: Int, size: Int? = nil) -> MySQLSelect {
        with {
            if let size { $0.pageSize = max(1, size) }
            $0.limitCount = $0.pageSize
            $0.offsetCount = (max(1, page) - 1).multipliedReportingOverflow(by: $0.pageSize).partialValue
        }
    }
    /// How many rows a page has: 10 unless set.
    public func setPaging(_ size: Int) -> MySQLSelect { with { $0.pageSize = max(1, size) } }

    // MARK: With others

    /// Adds the rows of another SELECT that are not there yet. Order and limit of this one are those of all.
    public func union(_ select: MySQLSelect) -> MySQLSelect { union("UNION", select) }
    /// Adds the rows of another SELECT.
    public func unionAll(_ select: MySQLSelect) -> MySQLSelect { union("UNION ALL", select) }

    private func union(_ keyword: String, _ select: MySQLSelect) -> MySQLSelect {
        with {
            $0.unions.append((keyword, select.whole))
            $0.adopt(select)
        }
    }

    private mutating func adopt(_ select: MySQLSelect) {
        parts.named.merge(select.parts.named) { own, _ in own }
    }

    // MARK: The statement

    public func render() throws(MySQLError) -> MySQLStatement {
        if offsetCount != nil, limitCount == nil { throw .incompleteStatement("OFFSET takes a LIMIT") }
        let whole = whole
        var statement = MySQLStatement(whole.sql)
        statement.parameters = whole.values
        return statement
    }

    private var whole: SQLFragment {
        var all = SQLFragment("")
        if unions.isEmpty {
            all += core
        } else {
            all += "("
            all += core
            all += ")"
            for (keyword, select) in unions {
                all += " \(keyword) ("
                all += select
                all += ")"
            }
        }
        if !orders.isEmpty { all += " ORDER BY \(orders.joined(separator: ", "))" }
        if let limitCount { all += " LIMIT \(limitCount)" }
        if let offsetCount, offsetCount > 0 { all += " OFFSET \(offsetCount)" }
        all += lock
        return all
    }

    /// What stands before ORDER BY.
    private var core: SQLFragment {
        let names = columns.isEmpty ? "*" : columns.map(MySQLIdentifier.expression).joined(separator: ", ")
        let words = Flag.order.filter(flags.contains).map { $0.rawValue + " " }.joined()
        var core = SQLFragment("SELECT \(words)\(names)")
        for (index, source) in sources.enumerated() {
            core += index == 0 ? " FROM " : ", "
            core += source
        }
        for join in joins { core += join }
        core += conditions.clause("WHERE")
        if !groups.isEmpty { core += " GROUP BY \(groups.map(MySQLIdentifier.expression).joined(separator: ", "))" }
        core += groupConditions.clause("HAVING")
        return core
    }

    private func enclosed(as name: String) -> SQLFragment {
        var fragment = SQLFragment("(")
        fragment += whole
        fragment += ") AS \(MySQLIdentifier.quoted(name))"
        return fragment
    }
}
