/// A piece of a statement, and the values of its `?`.
nonisolated struct SQLFragment: Sendable, Hashable {
    var sql: String
    var values: [MySQLValue] = []

    init(_ sql: String, _ values: [MySQLValue] = []) {
        self.sql = sql
        self.values = values
    }

    static func += (fragment: inout SQLFragment, more: SQLFragment) {
        fragment.sql += more.sql
        fragment.values += more.values
    }

    static func += (fragment: inout SQLFragment, more: String) { fragment.sql += more }
}

/// Conditions that are joined by AND and OR.
nonisolated struct SQLConditions: Sendable, Hashable {
    private var joined: SQLFragment?

    mutating func add(_ keyword: String, _ condition: String, _ values: [any MySQLParameter]) {
        let fragment = SQLFragment("(\(condition))", values.map(\.mysqlValue))
        guard var all = joined else {
            joined = fragment
            return
        }
        all += " \(keyword) "
        all += fragment
        joined = all
    }

    /// ` WHERE …`, or nothing.
    func clause(_ keyword: String) -> SQLFragment {
        guard let joined else { return SQLFragment("") }
        var clause = SQLFragment(" \(keyword) ")
        clause += joined
        return clause
    }
}
