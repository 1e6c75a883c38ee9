import CMariaDB

/// Statements that the server has prepared for one connection.
struct StatementCache {
    private struct Entry {
        let statement: UnsafeMutablePointer<MYSQL_STMT>
        var lastUse: Int
    }

    private var entries: [String: Entry] = [:]
    private var uses = 0
    /// Of no further use, and still to be closed on the server.
    private var retired: [UnsafeMutablePointer<MYSQL_STMT>] = []

    var count: Int { entries.count }

    mutating func use(_ sql: String) -> UnsafeMutablePointer<MYSQL_STMT>? {
        uses += 1
        entries[sql]?.lastUse = uses
        return entries[sql]?.statement
    }

    mutating func keep(_ statement: UnsafeMutablePointer<MYSQL_STMT>, for sql: String) {
        uses += 1
        entries[sql] = Entry(statement: statement, lastUse: uses)
    }

    mutating func take(_ sql: String) -> UnsafeMutablePointer<MYSQL_STMT>? {
        entries.removeValue(forKey: sql)?.statement
    }

    mutating func takeOldest() -> UnsafeMutablePointer<MYSQL_STMT>? {
        entries.min { $0.value.lastUse < $1.value.lastUse }.flatMap { take($0.key) }
    }

    mutating func retire(_ sql: String) {
        if let statement = take(sql) { retired.append(statement) }
    }

    mutating func takeRetired() -> UnsafeMutablePointer<MYSQL_STMT>? { retired.popLast() }

    /// Frees what the server knows no more, since the handle was closed.
    mutating func freeAll() {
        for statement in entries.values.map(\.statement) + retired { mysql_stmt_close(statement) }
        entries = [:]
        retired = []
    }
}
