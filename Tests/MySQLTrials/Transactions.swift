import Apus
import ApusMySQL
import Glibc
import TrialSupport

private struct Stop: Error {}

/// Transactions on a connection and over a pool.
func transactions(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    let pool = try MySQLPool(words[0], maxConnections: 4)
    let table = "accounts_\(getpid())"
    try await db.query("CREATE OR REPLACE TABLE \(table) (id INT PRIMARY KEY, amount INT) ENGINE=InnoDB")
    try await commits(db, table)
    try await db.query("DELETE FROM \(table)")
    try await commits(pool, table)
    try await db.query("DELETE FROM \(table)")
    try await ends(db, pool, table)
    try await db.query("DROP TABLE \(table)")
}

private func commits(_ db: any MySQLDatabase, _ table: String) async throws {
    let sum = try await db.transaction { transaction in
        try await transaction.query("INSERT INTO \(table) VALUES (?, ?)", 1, 100)
        try await transaction.query("INSERT INTO \(table) VALUES (2, 50)")
        return try await transaction.single("SELECT SUM(amount) FROM \(table)")?.int
    }
    expect(sum, is: 150)
    expect(try await db.single("SELECT COUNT(*) FROM \(table)")?.int, is: 2)
    let thrown = await expectError {
        try await db.transaction { transaction in
            try await transaction.query("UPDATE \(table) SET amount = 0")
            throw Stop()
        }
    }
    expect(thrown is Stop)
    expect(try await db.single("SELECT SUM(amount) FROM \(table)")?.int, is: 150)
    // An error of a statement may be got over.
    try await db.transaction { transaction in
        try await transaction.query("INSERT INTO \(table) VALUES (3, 1)")
        let twice = await expectError { try await transaction.query("INSERT INTO \(table) VALUES (3, 1)") }
        expect(isRefusal(twice, 1062))
    }
    expect(try await db.single("SELECT COUNT(*) FROM \(table)")?.int, is: 3)
    // Savepoints.
    try await db.transaction { outer in
        try await outer.query("INSERT INTO \(table) VALUES (4, 4)")
        _ = await expectError {
            try await outer.transaction { inner in
                try await inner.query("INSERT INTO \(table) VALUES (5, 5)")
                throw Stop()
            }
        }
        try await outer.transaction { try await $0.query("INSERT INTO \(table) VALUES (6, 6)") }
    }
    expect(try await db.column("SELECT id FROM \(table) ORDER BY id").compactMap(\.int), is: [1, 2, 3, 4, 6])
    // Many at once.
    try await inParallel(20) { _ in
        try await db.transaction { transaction in
            let old = try await transaction.single("SELECT amount FROM \(table) WHERE id = 1 FOR UPDATE")?.int ?? 0
            try await transaction.query("UPDATE \(table) SET amount = ? WHERE id = 1", old + 1)
        }
    }
    expect(try await db.single("SELECT amount FROM \(table) WHERE id = 1")?.int, is: 120)
}

private func ends(_ db: MySQLConnection, _ pool: MySQLPool, _ table: String) async throws {
    // By hand.
    let transaction = try await db.beginTransaction()
    try await transaction.query("INSERT INTO \(table) VALUES (1, 1)")
    try await transaction.rollback()
    expect(try await db.single("SELECT COUNT(*) FROM \(table)")?.int, is: 0)
    for attempt in [0, 1, 2] {
        let over = await expectError {
            switch attempt {
            case 0: try await transaction.query("INSERT INTO \(table) VALUES (1, 1)")
            case 1: try await transaction.commit()
            default: try await transaction.rollback()
            }
        }
        if case MySQLError.transactionOver? = over as? MySQLError {} else { expect(false, "\(over!)") }
    }
    // One that is let go of.
    for database in [db, pool] as [any MySQLDatabase] {
        var dropped: MySQLTransaction? = try await database.beginTransaction()
        try await dropped?.query("INSERT INTO \(table) VALUES (1, 1)")
        dropped = nil
        try await expectEventually { try await database.single("SELECT COUNT(*) FROM \(table)")?.int == 0 }
    }
    // The connection itself, in its own transaction.
    let inside = await expectError {
        _ = try await db.transaction { _ in try await db.query("SELECT 1") }
    }
    expect(inside as? MySQLError == .heldByTransaction, "\(inside!)")
    // A statement that commits.
    let implicit = await expectError {
        try await db.transaction { transaction in
            try await transaction.query("INSERT INTO \(table) VALUES (7, 7)")
            try await transaction.query("CREATE OR REPLACE TABLE \(table)_b (id INT)")
            try await transaction.query("INSERT INTO \(table) VALUES (8, 8)")
        }
    }
    if case MySQLError.transactionOver? = implicit as? MySQLError {} else { expect(false, "\(implicit!)") }
    expect(try await db.column("SELECT id FROM \(table)").compactMap(\.int), is: [7])
    try await db.query("DROP TABLE \(table)_b")
    try await deadlock(pool, table)
    // A transaction that was begun by a statement does not come to the next who borrows the connection.
    let single = try MySQLPool(addressOf(pool), maxConnections: 1)
    try await single.withConnection { connection in
        try await connection.query("START TRANSACTION")
        try await connection.query("INSERT INTO \(table) VALUES (9, 9)")
    }
    expect(try await single.single("SELECT COUNT(*) FROM \(table) WHERE id = 9")?.int, is: 0)
    expect(try await db.single("SELECT COUNT(*) FROM \(table) WHERE id = 9")?.int, is: 0)
    single.close()
}

private func addressOf(_ pool: MySQLPool) -> String { CommandLine.arguments.last ?? "" }

/// The server rolls back one of two that wait for one another; what that goes on with is refused.
private func deadlock(_ pool: MySQLPool, _ table: String) async throws {
    try await pool.query("REPLACE INTO \(table) VALUES (1, 0), (2, 0)")
    var meeting = 0
    var refusals: [MySQLError] = []
    try await inParallel(2) { number in
        do {
            try await pool.transaction { transaction in
                try await transaction.query("UPDATE \(table) SET amount = amount + 1 WHERE id = ?", 1 + number)
                meeting += 1
                try await expectEventually { meeting == 2 }
                do {
                    try await transaction.query("UPDATE \(table) SET amount = amount + 1 WHERE id = ?", 2 - number)
                } catch {
                    expect(isRefusal(error, 1213), "\(error)")
                    try await transaction.query("UPDATE \(table) SET amount = 1000")
                }
            }
        } catch {
            if let error = error as? MySQLError { refusals.append(error) }
        }
    }
    expect(refusals.count, is: 1)
    if case .transactionOver? = refusals.first {} else { expect(false, "\(refusals)") }
    expect(try await pool.column("SELECT amount FROM \(table) WHERE id < 3").compactMap(\.int), is: [1, 1])
}
