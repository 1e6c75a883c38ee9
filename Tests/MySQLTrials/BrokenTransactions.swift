import Apus
import ApusMySQL
import Glibc
import TrialSupport

/// Tasks that share a transaction which breaks, or is over before it is their turn: none is left waiting, and none does
/// anything outside of it. Words: address.
func sharedTransactions(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    let other = try MySQLConnection(words[0])
    let table = "shared_\(getpid())"
    try await db.query("CREATE OR REPLACE TABLE \(table) (id INT PRIMARY KEY) ENGINE=InnoDB")
    try await broken(db, other, "\(table)_b")
    try await ended(db, other, table)
    try await savepoints(db, table)
    try await db.query("DROP TABLE \(table)")
}

/// A statement of `id` waits for `other`, which has the lock of this process.
private func waiting(_ other: MySQLConnection, _ id: Int) async throws {
    try await expectEventually {
        try await other.single(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ? AND state LIKE 'User lock'", id)?
            .int == 1
    }
}

private let lock = "GET_LOCK('trial_\(getpid())', 300)"
private let releasing = "DO RELEASE_ALL_LOCKS()"

private func isOver(_ error: (any Error)?) -> Bool {
    if case MySQLError.transactionOver? = error as? MySQLError { true } else { false }
}

/// Three tasks of which the first one breaks it: by losing the connection, by a deadlock, by what commits.
private func broken(_ db: MySQLConnection, _ other: MySQLConnection, _ table: String) async throws {
    let deadlock = """
        BEGIN NOT ATOMIC DO \(lock); SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'x'; END
        """
    let statements = ["DO \(lock)", deadlock, "CREATE OR REPLACE TABLE \(table) AS SELECT \(lock) AS a"]
    for (statement, isStreamed) in statements.flatMap({ [($0, false), ($0, true)] }) {
        try await other.query("DO \(lock)")
        let transaction = try await db.beginTransaction()
        let id = try await transaction.single("SELECT CONNECTION_ID()")?.int ?? 0
        let first = Task {
            guard isStreamed else {
                _ = try await transaction.query(MySQLStatement(statement))
                return
            }
            for try await _ in transaction.stream(MySQLStatement(statement)) {}
        }
        try await waiting(other, id)
        var begun = 0
        var errors: [(any Error)?] = []
        for _ in 0..<2 {
            Task {
                begun += 1
                do {
                    try await transaction.query("SELECT 1")
                    errors.append(nil)
                } catch {
                    errors.append(error)
                }
            }
        }
        try await expectEventually { begun == 2 }
        if statement.hasPrefix("DO") { try await other.query("KILL CONNECTION \(id)") }
        try await other.query(releasing)
        _ = try? await first.value
        try await expectEventually(statement) { errors.count == 2 }
        for error in errors { expect(isOver(error), "\(statement): \(String(describing: error))") }
        try? await transaction.rollback()
        try await db.query(releasing)
    }
    try await db.query("DROP TABLE \(table)")
}

/// A statement of a savepoint that waits behind the end of the transaction.
private func ended(_ db: MySQLConnection, _ other: MySQLConnection, _ table: String) async throws {
    for commits in [true, false] {
        try await other.query("DO \(lock)")
        let transaction = try await db.beginTransaction()
        let id = try await transaction.single("SELECT CONNECTION_ID()")?.int ?? 0
        let inner = try await transaction.beginTransaction()
        let first = Task { try await transaction.query("DO \(lock)") }
        try await waiting(other, id)
        var ends: [String] = []
        var begun = 0
        for row in 1...2 {
            Task {
                begun += 1
                if begun == 1 {
                    try? await commits ? transaction.commit() : transaction.rollback()
                    ends.append("end")
                } else {
                    let error = await expectError {
                        try await inner.query("INSERT INTO \(table) VALUES (\(row))")
                    }
                    ends.append(isOver(error) ? "over" : "\(String(describing: error))")
                }
            }
        }
        try await expectEventually { begun == 2 }
        try await other.query(releasing)
        try await expectEventually { ends.count == 2 }
        expect(ends.sorted(), is: ["end", "over"])
        _ = try await first.value
        try await db.query(releasing)
        expect(try await db.single("SELECT COUNT(*) FROM \(table)")?.int, is: 0)
    }
}

/// A savepoint that outlives its transaction has nothing to say any more.
private func savepoints(_ db: MySQLConnection, _ table: String) async throws {
    let transaction = try await db.beginTransaction()
    let kept = try await transaction.beginTransaction()
    let undone = try await transaction.beginTransaction()
    try await undone.query("INSERT INTO \(table) VALUES (1)")
    try await transaction.commit()
    let id = try await db.single("SELECT CONNECTION_ID()")?.int
    expect(isOver(await expectError { try await undone.rollback() }))
    expect(isOver(await expectError { try await kept.query("INSERT INTO \(table) VALUES (2)") }))
    expect(isOver(await expectError { try await kept.commit() }))
    expect(try await db.single("SELECT CONNECTION_ID()")?.int, is: id)
    expect(try await db.column("SELECT id FROM \(table)").compactMap(\.int), is: [1])
}
