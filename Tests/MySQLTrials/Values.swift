import Apus
import ApusMySQL
import TrialSupport

/// Values of all kinds are the same over the text protocol and the binary one.
func values(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    try await db.query(
        """
        CREATE TEMPORARY TABLE kinds (id INT AUTO_INCREMENT PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED,
        medium MEDIUMINT, big BIGINT, ubig BIGINT UNSIGNED, yes BOOLEAN, f FLOAT, d DOUBLE, dec1 DECIMAL(30,10),
        c CHAR(10), v VARCHAR(100), t TEXT, e ENUM('a','b'), s SET('x','y'), j JSON, b BINARY(4), vb VARBINARY(100),
        bl BLOB, bi BIT(12), da DATE, dt DATETIME(6), ts TIMESTAMP NULL, ti TIME(3), y YEAR)
        """)
    let names = [
        "tiny", "small", "medium", "big", "ubig", "yes", "f", "d", "dec1", "c", "v", "t", "e", "s", "j", "b", "vb",
        "bl",
        "bi", "da", "dt", "ts", "ti", "y",
    ]
    let moment = MySQLDateTime(year: 2024, month: 2, day: 29, hour: 23, minute: 59, second: 58, microsecond: 123_456)
    let span = MySQLTime(isNegative: true, hours: 838, minutes: 59, seconds: 58, microseconds: 500_000)
    let given: [any MySQLParameter] = [
        -128, 65535, -8_388_608, Int.min, UInt.max, true, Float(1.1), 0.1,
        MySQLValue.decimal("12345678901234567890.0123456789"),
        "char", "väl\u{1F426}'\"\\?:x", "", "b", "x,y", "{\"a\": [1]}", [0, 255, 39, 92] as [UInt8], [] as [UInt8],
        [UInt8](0...255), 2748, MySQLDate(year: 2024, month: 2, day: 29), moment,
        MySQLDateTime(year: 2001, month: 2, day: 3, hour: 4), span, 1999,
    ]
    let expected: [MySQLValue] = [
        .integer(-128), .unsigned(65535), .integer(-8_388_608), .integer(.min), .unsigned(.max), .integer(1),
        .double(1.1),
        .double(0.1), .decimal("12345678901234567890.0123456789"), .text("char"), .text("väl\u{1F426}'\"\\?:x"),
        .text(""),
        .text("b"), .text("x,y"), .text("{\"a\": [1]}"), .bytes([0, 255, 39, 92]), .bytes([]), .bytes([UInt8](0...255)),
        .bytes([0x0A, 0xBC]), .date(MySQLDate(year: 2024, month: 2, day: 29)), .dateTime(moment),
        .dateTime(MySQLDateTime(year: 2001, month: 2, day: 3, hour: 4)), .time(span), .integer(1999),
    ]
    let list = names.joined(separator: ", ")
    let marks = names.map { _ in "?" }.joined(separator: ", ")
    let inserted = try await db.query(MySQLStatement("INSERT INTO kinds (\(list)) VALUES (\(marks))", given))
    expect(inserted.affectedRows, is: 1)
    expect(inserted.lastInsertID, is: 1)
    let nothing = names.map { _ in MySQLValue.null }
    let empty = try await db.query(MySQLStatement("INSERT INTO kinds (\(list)) VALUES (\(marks))", nothing))
    expect(empty.lastInsertID, is: 2)
    expect(db.lastInsertID, is: 2)

    let text = try await db.query("SELECT \(list) FROM kinds ORDER BY id")
    let binary = try await db.query("SELECT \(list) FROM kinds WHERE id > ? ORDER BY id", 0)
    expect(text.count, is: 2)
    expect(binary.count, is: 2)
    for (index, name) in names.enumerated() {
        expect(text[0].values[index], is: expected[index], "\(name) as text")
        expect(binary[0].values[index], is: expected[index], "\(name) as binary")
        expect(text[1].values[index].isNull && binary[1].values[index].isNull, "\(name) NULL")
    }
    expect(text.columns.map(\.name), is: names)
    expect(text.columns[0].table, is: "kinds")
    expect(text.columns[0].isNullable)
    let echo = try await db.query("SELECT ? AS a, ? AS b, ? AS c", String?.none, String?.some("z"), [UInt8?]().count)
    expect(echo[0].values, is: [.null, .text("z"), .integer(0)])
    try await sessions(db)
}

private func sessions(_ db: MySQLConnection) async throws {
    let changed = try await db.query("UPDATE kinds SET tiny = ? WHERE id IN (?, ?)", 1, 1, 2)
    expect(changed.affectedRows, is: 2)
    expect(changed.lastInsertID == nil)
    expect(db.lastSQL, is: "UPDATE kinds SET tiny = ? WHERE id IN (?, ?)")
    expect(try await db.query("UPDATE kinds SET tiny = 1").affectedRows, is: 0)
    expect(try await db.query("DELETE FROM kinds").affectedRows, is: 2)
    expect(try await db.single("SELECT @@character_set_client")?.string, is: "utf8mb4")
    expect(try await db.query("SELECT CAST('x' AS SIGNED)").warningCount, is: 1)
    // The same name twice, none at all, and more statements than are kept.
    let twice = try await db.query("SELECT 1 AS a, 2 AS a, 3 AS ``")
    expect(twice[0]["a"], is: .integer(2))
    expect(twice[0]["missing"] == nil)
    for round in 0..<2 {
        for number in 0..<150 {
            let sum = try await db.single("SELECT ? + \(number)", round)?.int
            if sum != round + number { expect(false, "\(number): \(sum ?? -1)") }
        }
    }
    let closed = try await db.row("SHOW SESSION STATUS LIKE 'Com_stmt_close'")?["Value"]?.int ?? -1
    expect(closed >= 300 - 64, "\(closed) statements were closed again")
    // A table that changes under a prepared statement.
    try await db.query("CREATE TEMPORARY TABLE growing (a INT)")
    try await db.query("INSERT INTO growing VALUES (1)")
    expect(try await db.query("SELECT * FROM growing WHERE a > ?", 0)[0].values, is: [.integer(1)])
    try await db.query("ALTER TABLE growing ADD b VARCHAR(10) DEFAULT 'x'")
    expect(try await db.query("SELECT * FROM growing WHERE a > ?", 0)[0].values, is: [.integer(1), .text("x")])
    try await db.query("ALTER TABLE growing CHANGE b c VARCHAR(10)")
    for _ in 0..<2 {
        let renamed = try await db.query("SELECT * FROM growing WHERE a > ?", 0)
        expect(renamed.columns.map(\.name), is: ["a", "c"])
    }
    try await db.query("ALTER TABLE growing DROP COLUMN c")
    expect(try await db.query("SELECT * FROM growing WHERE a > ?", 0)[0].values, is: [.integer(1)])
}

struct User: Codable, Equatable {
    enum Kind: String, Codable { case admin, guest }
    var id: Int
    var name: String
    var nick: String?
    var score: Double
    var isActive: Bool
    var kind: Kind
    var born: MySQLDate
    var seen: MySQLDateTime
    var photo: [UInt8]
    var level: UInt8
}

/// Rows become values of Codable types.
func decoding(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    let sql = """
        SELECT 7 AS id, 'Ann' AS name, NULL AS nick, 1.5 AS score, 1 AS isActive, 'guest' AS kind,
        DATE'2001-02-03' AS born, TIMESTAMP'2024-01-02 03:04:05' AS seen, x'00FF' AS photo, 200 AS level
        """
    let ann = User(
        id: 7, name: "Ann", nick: nil, score: 1.5, isActive: true, kind: .guest,
        born: MySQLDate(year: 2001, month: 2, day: 3),
        seen: MySQLDateTime(year: 2024, month: 1, day: 2, hour: 3, minute: 4, second: 5), photo: [0, 255], level: 200)
    expect(try await db.query(sql).decode(User.self), is: [ann])
    expect(try await db.query(sql + " WHERE 1 = ?", 1).decode(User.self), is: [ann])
    expect(try await db.row("SELECT 5 AS n")?.decode(Int.self), is: 5)
    expect(try await db.row("SELECT 'admin'")?.decode(User.Kind.self), is: .admin)
    expect(try await db.row("SELECT 5 AS n, 6 AS m")?.decode(Int8.self, column: "m"), is: 6)
    expect(try await db.query("SELECT 1 UNION SELECT 2 ORDER BY 1").decode(Int.self), is: [1, 2])
    for (bad, reason) in [
        ("SELECT 300", "300"), ("SELECT -1", "-1"), ("SELECT 'x'", "x"), ("SELECT NULL", "NULL"), ("SELECT 1.5", "1.5"),
        ("SELECT 1, 2", "one column"),
    ] {
        let error = await expectError { _ = try await db.row(bad)?.decode(UInt8.self) }
        expect(error is DecodingError && "\(error!)".contains(reason), "\(bad): \(error!)")
    }
    let missing = await expectError { _ = try await db.row("SELECT 1 AS id")?.decode(User.self) }
    expect("\(missing!)".contains("name"))
    expect(try await db.row("SELECT 1 AS a, 'x' AS b")?.dictionary, is: ["a": .integer(1), "b": .text("x")])
}

/// Statements, values and rows of more than 16 MiB, which is where packets are split.
func largeValues(_ words: [String]) async throws {
    var options = MySQLOptions()
    options.maxPacketBytes = 100 * 1024 * 1024
    let db = try MySQLConnection(words[0], options: options)
    let packet = 0xFF_FFFF
    var ticks = 0
    let timer = WorkerTimer.every(0.001) { _ in ticks += 1 }
    for size in [packet - 100, packet - 2, packet - 1, packet, packet + 1, 2 * packet, 40_000_000] {
        let text = String(repeating: "x", count: size)
        expect(try await db.single("SELECT LENGTH(?)", text)?.int, is: size)
        let bytes = try await db.single("SELECT REPEAT('ab', ?)", size / 2)?.string
        expect(bytes?.utf8.count, is: size / 2 * 2)
        expect(bytes == String(repeating: "ab", count: size / 2))
    }
    expect(try await db.single("SELECT LENGTH('\(String(repeating: "y", count: 17_000_000))')")?.int, is: 17_000_000)
    timer.cancel()
    expect(ticks > 10, "the loop went on: \(ticks) ticks")
    // More than the options allow.
    var small = MySQLOptions()
    small.maxPacketBytes = 1024 * 1024
    small.maxResultBytes = 4 * 1024 * 1024
    let tight = try MySQLConnection(words[0], options: small)
    let row = await expectError { try await tight.query("SELECT REPEAT('a', 2000000)") }
    if case MySQLError.connectionLost? = row as? MySQLError {} else { expect(false, "\(row!)") }
    expect(try await tight.single("SELECT 1")?.int, is: 1)
    let rows = await expectError { try await tight.query("SELECT REPEAT('a', 1000) FROM seq_1_to_100000") }
    if case MySQLError.tooLarge? = rows as? MySQLError {} else { expect(false, "\(rows!)") }
    expect(try await tight.single("SELECT 1")?.int, is: 1)
    let text = String(repeating: "z", count: 3_000_000)
    let sent = await expectError { try await tight.query("SELECT LENGTH(?)", text) }
    if case MySQLError.tooLarge? = sent as? MySQLError {} else { expect(false, "\(sent!)") }
    expect(try await tight.single("SELECT 1")?.int, is: 1)
    // More than the server takes.
    options.maxPacketBytes = .max
    let wide = try MySQLConnection(words[0], options: options)
    let refused = await expectError {
        try await wide.query("SELECT LENGTH(?)", [UInt8](repeating: 1, count: 300_000_000))
    }
    if case MySQLError.tooLarge? = refused as? MySQLError {
    } else if case MySQLError.connectionLost? = refused as? MySQLError {
    } else {
        expect(false, "\(refused!)")
    }
    expect(try await wide.single("SELECT 1")?.int, is: 1)
}
