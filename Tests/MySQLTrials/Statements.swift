import Apus
import ApusMySQL
import Glibc
import TestSupport
import TrialSupport

func isRefusal(_ error: (any Error)?, _ code: Int) -> Bool { (error as? MySQLError)?.code == code }

/// What the server refuses, and what does not get to it.
func errors(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    let syntax = await expectError { try await db.query("SELEKT 1") }
    expect(isRefusal(syntax, 1064), "\(syntax!)")
    expect("\(syntax!)".contains("SELEKT 1"), "\(syntax!)")
    let unknown = await expectError { try await db.query("SELECT * FROM nowhere WHERE a = ?", 1) }
    expect(isRefusal(unknown, 1146), "\(unknown!)")
    try await db.query("CREATE TEMPORARY TABLE one (id INT PRIMARY KEY)")
    try await db.query("INSERT INTO one VALUES (?)", 1)
    for _ in 0..<3 {
        let twice = await expectError { try await db.query("INSERT INTO one VALUES (?)", 1) }
        expect(isRefusal(twice, 1062), "\(twice!)")
        if case MySQLError.refused(_, let state, _, _)? = twice as? MySQLError { expect(state, is: "23000") }
    }
    // An error in the middle of the rows.
    for parameters in [[], [1]] as [[Int]] {
        let sql =
            "SELECT IF(seq < 5000, 1, (SELECT 1 UNION SELECT 2))\(parameters.isEmpty ? "" : " + ?") FROM seq_1_to_9999"
        let midway = await expectError { try await db.query(MySQLStatement(sql, parameters)) }
        expect(isRefusal(midway, 1242), "\(midway!)")
    }
    for (count, values) in [(1, []), (2, [1]), (1, [1, 2])] as [(Int, [Int])] where !values.isEmpty {
        let marks = Array(repeating: "?", count: count).joined(separator: ", ")
        let error = await expectError { try await db.query(MySQLStatement("SELECT \(marks)", values)) }
        let expected = MySQLError.wrongParameterCount(expected: count, given: values.count, sql: "SELECT \(marks)")
        expect(error as? MySQLError == expected, "\(error!)")
    }
    let several = await expectError { try await db.query("SELECT 1; SELECT 2") }
    expect(isRefusal(several, 1064), "several statements at once are not taken")
    let empty = await expectError { try await db.query("") }
    expect(isRefusal(empty, 1065), "\(empty!)")
    try await namedValues(db)
    let file = "/tmp/apus-trial-\(getpid())"
    let infile = await expectError { try await db.query("LOAD DATA LOCAL INFILE '\(file)' INTO TABLE one") }
    expect(infile is MySQLError, "\(String(describing: infile))")
    expect(try await db.single("SELECT COUNT(*) FROM one")?.int, is: 1, "the connection is the same")
    db.close()
    let closed = await expectError { try await db.query("SELECT 1") }
    expect(closed as? MySQLError == .closed)
    for address in [
        "", "mysql://", "http://a", "mysql://h:0/x", "mysql://h:x", "mysql://a,b/x", "mysql://h/x?what=1", "unix:",
    ] {
        _ = await expectError { _ = try MySQLConnection(address) }
    }
    let secret = await expectError { _ = try MySQLConnection("mysql://a:geheim@h:99999/x") }
    expect(!"\(secret!)".contains("geheim"), "\(secret!)")
}

private func namedValues(_ db: MySQLConnection) async throws {
    let sql = "SELECT :a + :b * :a, ':a', \":b\", '?', 'it''s \\' :a' /* :a ? */ -- :b\n, :c AS `:c` # :a"
    let row = try await db.query(sql, named: ["a": 2, "b": 3, "c": "z"])[0]
    expect(row.values[0].int, is: 8)
    expect(row.values.dropFirst().map { $0.string ?? "" }, is: [":a", ":b", "?", "it's ' :a", "z"])
    expect(row.columns.last?.name, is: ":c")
    for values in [["a": 1, "b": 2], ["a": 1, "b": 2, "c": 3, "d": 4]] {
        let error = await expectError { try await db.query(sql, named: values) }
        if case MySQLError.unboundName(let name, _)? = error as? MySQLError {
            expect(name, is: values.count == 2 ? "c" : "d")
        } else {
            expect(false, "\(error!)")
        }
    }
    expect(try await db.query("SELECT @v := :x", named: ["x": 5])[0][0].int, is: 5)
}

/// A procedure yields several results.
func procedures(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    let name = "several_\(getpid())"
    try await db.query(
        "CREATE PROCEDURE \(name)(n INT) BEGIN SELECT n AS a; SELECT 'x' AS b, n + 1 AS c FROM seq_1_to_3; END")
    for statement in [MySQLStatement("CALL \(name)(5)"), MySQLStatement("CALL \(name)(?)", [5])] {
        let results = try await db.run(statement)
        expect(results.map { $0.columns.map(\.name) }, is: [["a"], ["b", "c"], []], statement.sql)
        expect(results[0][0].values, is: [.integer(5)])
        expect(results[1].map { $0.values[1].int }, is: [6, 6, 6])
        expect(try await db.query(statement).count, is: 1)
        var rows = 0
        for try await row in db.stream(statement) {
            rows += 1
            expect(row["a"]?.int, is: 5)
        }
        expect(rows, is: 1)
        expect(try await db.single("SELECT ?", 1)?.int, is: 1)
    }
    try await db.query("DROP PROCEDURE \(name)")
}

/// Rows are handed on one by one, in little memory, and others have their turn.
func streams(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    var ticks = 0
    let timer = WorkerTimer.every(0.001) { _ in ticks += 1 }
    for statement in [
        MySQLStatement("SELECT seq, REPEAT('x', 1000) AS x FROM seq_1_to_200000"),
        MySQLStatement("SELECT seq, REPEAT('x', 1000) AS x FROM seq_1_to_200000 WHERE seq > ?", [0]),
    ] {
        let before = residentBytes()
        var sum = 0
        for try await row in db.stream(statement) { sum += row[0].int ?? 0 }
        expect(sum, is: 200_000 * 200_001 / 2)
        let grown = residentBytes() - before
        expect(grown < 50_000_000, "200 MB were streamed: \(grown) bytes of memory more")
    }
    expect(ticks > 20, "\(ticks) ticks")
    // A result that comes faster than it is read, all at once.
    ticks = 0
    expect(try await db.query("SELECT seq, 'text' FROM seq_1_to_300000").count, is: 300_000)
    expect(ticks > 5, "\(ticks) ticks")
    timer.cancel()
    // A loop that ends before its rows: another connection is made.
    let first = try await db.single("SELECT CONNECTION_ID()")?.int
    for try await row in db.stream("SELECT seq FROM seq_1_to_1000000") where row[0].int == 3 { break }
    let second = try await db.single("SELECT CONNECTION_ID()")?.int
    expect(first != second, "the connection was closed")
    // In a transaction the rest is read past.
    try await db.transaction { transaction in
        let inside = try await transaction.single("SELECT CONNECTION_ID()")?.int
        for try await row in transaction.stream("SELECT seq FROM seq_1_to_100000") where row[0].int == 3 { break }
        expect(try await transaction.single("SELECT CONNECTION_ID()")?.int, is: inside)
    }
    var none = 0
    for try await _ in db.stream("SELECT 1 FROM seq_1_to_3 WHERE 1 = 0") { none += 1 }
    for try await _ in db.stream("DO 1") { none += 1 }
    expect(none, is: 0)
    let refused = await expectError { for try await _ in db.stream("SELECT nothing") {} }
    expect(isRefusal(refused, 1054), "\(refused!)")
    // Two loops over one connection follow one another.
    async let one = count(db.stream("SELECT 1 FROM seq_1_to_50000"))
    async let other = count(db.stream("SELECT 1 FROM seq_1_to_60000"))
    let counts = try await [one, other]
    expect(counts, is: [50000, 60000])
    // One that was never begun takes nothing, and one that is dropped in the middle gives the connection back.
    _ = db.stream("SELECT 1")
    var iterator: MySQLRowStream.AsyncIterator? = db.stream("SELECT seq FROM seq_1_to_100000").makeAsyncIterator()
    _ = try await iterator?.next(isolation: MainActor.shared)
    iterator = nil
    expect(try await db.single("SELECT 1")?.int, is: 1)
}

private func count(_ stream: MySQLRowStream) async throws -> Int {
    var count = 0
    for try await _ in stream { count += 1 }
    return count
}

func residentBytes() -> Int {
    let fields = (readText("/proc/self/statm") ?? "").split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
}

/// What takes too long ends, and so does what is cancelled.
func timeouts(_ words: [String]) async throws {
    var options = MySQLOptions()
    options.timeout = 0.3
    options.waitTimeout = 0.15
    options.maxWaiting = 2
    let db = try MySQLConnection(words[0], options: options)
    for statement in [MySQLStatement("SELECT SLEEP(30)"), MySQLStatement("SELECT SLEEP(?)", [30])] {
        let error = await expectError { try await db.query(statement) }
        expect(error as? MySQLError == .timedOut(sql: statement.sql), "\(error!)")
        expect(try await db.single("SELECT 1")?.int, is: 1)
    }
    // Others wait for their turn, not for ever and not too many.
    let slow = Task { try await db.query("SELECT SLEEP(0.25)") }
    try await WorkerTimer.sleep(0.02)
    let waiting = (0..<2).map { _ in Task { try await db.query("SELECT 1") } }
    try await WorkerTimer.sleep(0.01)
    let tooMany = await expectError { try await db.query("SELECT 1") }
    expect(tooMany as? MySQLError == .tooManyWaiting(2), "\(tooMany!)")
    for task in waiting {
        let busy = await expectError { _ = try await task.value }
        expect(busy as? MySQLError == .busy(seconds: 0.15), "\(busy!)")
    }
    _ = try await slow.value
    expect(try await db.single("SELECT 1")?.int, is: 1)
    // A server that is there and does not answer.
    options.connectTimeout = 0.3
    let folder = try TemporaryFolder()
    let silent = try Acceptor("ipv4", in: folder)
    let mute = try MySQLConnection("mysql://\(silent.endpoint)/x", options: options)
    let error = await expectError { try await mute.query("SELECT 1") }
    if case MySQLError.unavailable? = error as? MySQLError {
    } else {
        expect(false, "\(error!)")
    }
}

/// A task that is cancelled stops waiting at once, whatever for.
func cancellation(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    let first = try await db.single("SELECT CONNECTION_ID()")?.int
    for statement in [MySQLStatement("SELECT SLEEP(30)"), MySQLStatement("SELECT SLEEP(?)", [30])] {
        let began = ContinuousClock.now
        let task = Task { try await db.query(statement) }
        let queued = Task { try await db.query("SELECT 2") }
        try await WorkerTimer.sleep(0.05)
        queued.cancel()
        task.cancel()
        for outcome in [await task.result, await queued.result] {
            if case .failure(let error) = outcome {
                expect(error is CancellationError, "\(error)")
            } else {
                expect(false, "it was not cancelled")
            }
        }
        expect(ContinuousClock.now - began < .seconds(20))
        expect(try await db.single("SELECT 1")?.int, is: 1)
    }
    expect(try await db.single("SELECT CONNECTION_ID()")?.int != first, "another connection")
    // In a transaction: it is rolled back.
    try await db.query("CREATE OR REPLACE TABLE cancelled_\(getpid()) (id INT)")
    let task = Task {
        try await db.transaction { transaction in
            try await transaction.query("INSERT INTO cancelled_\(getpid()) VALUES (1)")
            try await WorkerTimer.sleep(30)
        }
    }
    try await WorkerTimer.sleep(0.1)
    task.cancel()
    _ = await task.result
    expect(try await db.single("SELECT COUNT(*) FROM cancelled_\(getpid())")?.int, is: 0)
    let stream = Task { for try await _ in db.stream("SELECT SLEEP(30)") {} }
    try await WorkerTimer.sleep(0.05)
    stream.cancel()
    _ = await stream.result
    expect(try await db.single("SELECT 1")?.int, is: 1)
    try await db.query("DROP TABLE cancelled_\(getpid())")
}

/// Closures instead of async.
func callbacks(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    var answers: [String] = []
    db.query("SELECT ? AS a", 5) { result in
        answers.append((try? result.get()[0]["a"]?.string) ?? "failed")
    }
    db.query("SELEKT") { if case .failure(let error) = $0 { answers.append("\((error as? MySQLError)?.code ?? 0)") } }
    db.transaction {
        try await $0.single("SELECT 6")?.int
    } completion: {
        answers.append("\((try? $0.get()) ?? 0)")
    }
    try await expectEventually { answers.count == 3 }
    expect(answers, is: ["5", "1064", "6"])
}
