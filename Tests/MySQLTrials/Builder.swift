import ApusMySQL
import Glibc
import TrialSupport

/// Statements that the builder puts together do what the same ones by hand do.
func builder(_ words: [String]) async throws {
    let db = try MySQLConnection(words[0])
    try await db.query(
        """
        CREATE TEMPORARY TABLE users
        (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), age INT, `order` INT, team INT)
        """
    )
    try await db.query("CREATE TEMPORARY TABLE teams (id INT PRIMARY KEY, name VARCHAR(50))")
    try await inserting(db)
    try await selecting(db)
    try await changing(db)
    try texts(db)
}

private func inserting(_ db: MySQLConnection) async throws {
    let one = try await db.insert("users").cols(["name": "Ann", "age": 31, "order": 1, "team": 1]).query()
    expect(one.lastInsertID, is: 1)
    let named = db.insert("users").cols("name", "age").bindValues(["name": "B'ob", "age": 17])
    expect(try await named.query().affectedRows, is: 1)
    let many = db.insert("users").values(
        ["name", "age", "team"], (0..<20).map { ["user \($0)", 20 + $0, $0 % 3] as [any MySQLParameter] })
    expect(try await many.query().affectedRows, is: 20)
    let expression = db.insert("users").cols(["name": "E"]).set("age", "? + 1", 5)
    try await expression.query()
    expect(try await db.single("SELECT age FROM users WHERE name = 'E'")?.int, is: 6)
    let again = db.insert("users").cols(["id": 1, "name": "Ann"])
    let error = await expectError { try await again.query() }
    expect(isRefusal(error, 1062))
    expect(try await again.ignore().query().affectedRows, is: 0)
    expect(try await again.onDuplicateKeyUpdate("age = age + ?", 1).query().affectedRows, is: 2)
    expect(try await db.single("SELECT age FROM users WHERE id = 1")?.int, is: 32)
    try await db.insert("teams").values(["id", "name"], [[0, "red"], [1, "green"], [7, "none"]]).query()
}

private func selecting(_ db: MySQLConnection) async throws {
    let users = db.select("id", "name").from("users")
    for (built, raw) in simplePairs(db, users) + joinedPairs(db, users) {
        let one = try await built.query()
        let other = try await db.query(raw)
        expect(one.map(\.values), is: other.map(\.values), raw)
        expect(one.columns.map(\.name), is: other.columns.map(\.name), raw)
        expect(!other.isEmpty, "\(raw) yields nothing, so nothing is compared")
    }
    expect(try await users.where("id = ?", 1).row()?["name"]?.string, is: "Ann")
    expect(try await users.orderByAscending("id").limit(2).column().compactMap(\.int), is: [1, 2])
    expect(try await db.select("COUNT(*)").from("users").single()?.int, is: 23)
    let page = try await users.calcFoundRows().limit(2).query()
    expect(page.count, is: 2)
    expect(try await db.single("SELECT FOUND_ROWS()")?.int, is: 23)
    var streamed = 0
    for try await _ in try db.stream(users) { streamed += 1 }
    expect(streamed, is: 23)
    expect(try await db.query(MySQLSelect(["id"]).from("users").where("id = ?", 2))[0][0].int, is: 2)
}

private func changing(_ db: MySQLConnection) async throws {
    expect(try await db.update("users").cols(["age": 40, "order": 2]).where("id = ?", 1).query().affectedRows, is: 1)
    expect(
        try await db.query("SELECT age, `order` FROM users WHERE id = 1")[0].values, is: [.integer(40), .integer(2)])
    try await db.update("users").set("age", "age + ?", 2).where("id = :id").bindValue("id", 1).query()
    expect(try await db.single("SELECT age FROM users WHERE id = 1")?.int, is: 42)
    let named = db.update("users").cols("name", "age").where("id = :id").bindValues(["name": "N", "age": 1, "id": 2])
    try await named.query()
    expect(try await db.query("SELECT name, age FROM users WHERE id = 2")[0].values, is: [.text("N"), .integer(1)])
    let oldest = db.update("users").flag(.ignore).cols(["team": 9]).where("age > ?", 1).orderByDescending("age").limit(
        1)
    expect(try await oldest.query().affectedRows, is: 1)
    expect(try await db.single("SELECT id FROM users WHERE team = 9")?.int, is: 1)
    let youngest = db.delete("users").flag(.quick).where("age > ?", 0).orderByAscending("age").limit(1)
    expect(try await youngest.query().affectedRows, is: 1)
    expect(try await db.single("SELECT COUNT(*) FROM users WHERE id = 2")?.int, is: 0)
    expect(try await db.delete("users").where("id = ?", 1).orWhere("name = ?", "E").query().affectedRows, is: 2)
    expect(try await db.update("users").cols(["age": 3]).allRows().query().affectedRows, is: 20)
    expect(try await db.delete("users").allRows().query().affectedRows, is: 20)
}

private func texts(_ db: MySQLConnection) throws {
    let hostile = db.select("na`me", "a b", "x; DROP TABLE y").from("t`").where("a = ?", "' OR 1=1 --")
    let statement = try hostile.statement()
    expect(statement.parameters, is: [.text("' OR 1=1 --")])
    expect(!statement.sql.contains("OR 1=1"))
    expect(MySQLIdentifier.quoted("a`b"), is: "`a``b`")
    // A backquote with an accent is one character to Swift, and the end of the name to the server.
    let accented = "a`\u{301}; DROP TABLE users"
    expect(Array(MySQLIdentifier.quoted(accented).utf8), is: Array("`a``\u{301}; DROP TABLE users`".utf8))
    let expressions = [
        "id": "`id`", "u.id": "`u`.`id`", "u.*": "`u`.*", "*": "*", "COUNT(*)": "COUNT(*)", "a AS b": "`a` AS `b`",
        "COUNT(x) as n": "COUNT(x) AS `n`", "shop.users u": "`shop`.`users` `u`", "1": "1", "a+1": "a+1",
        "age DESC": "age DESC", "größe": "`größe`", "a..b": "a..b", "": "",
    ]
    for (given, expected) in expressions { expect(MySQLIdentifier.expression(given), is: expected, given) }
    let incomplete: [any MySQLBuilder] = [
        db.update("t").where("a = 1"), db.update("t").cols(["a": 1]), db.delete("t"), db.insert("t"),
        db.select().from("t").offset(1), db.insert("t").cols(["a": 1]).cols(["b": 2]),
    ]
    for builder in incomplete {
        do {
            _ = try builder.statement()
            expect(false, "\(builder) is complete")
        } catch {
            if case .incompleteStatement = error { expect(true) } else { expect(false, "\(error)") }
        }
    }
    let first = db.select("a").from("t")
    _ = first.where("b = ?", 1)
    expect(try first.statement().sql, is: "SELECT `a` FROM `t`")
}

private func simplePairs(_ db: MySQLConnection, _ users: MySQLSelect) -> [(MySQLSelect, String)] {
    [
        (users, "SELECT id, name FROM users"),
        (
            db.select().from("users").where("age > ?", 25).orderByAscending("id"),
            "SELECT * FROM users WHERE age > 25 ORDER BY id"
        ),
        (
            users.where("age > ?", 25).where("age < ?", 30).orWhere("name = ?", "Ann").orderByDescending("age", "id"),
            "SELECT id, name FROM users WHERE (age > 25) AND (age < 30) OR (name = 'Ann') ORDER BY age DESC, id DESC"
        ),
        (
            users.where("age > :low AND name LIKE :p").bindValue("low", 25).bindValue("p", "user%").orderByAscending(
                "id"),
            "SELECT id, name FROM users WHERE age > 25 AND name LIKE 'user%' ORDER BY id"
        ),
        (
            users.where("age > ? AND age < :high", 25).bindValue("high", 30),
            "SELECT id, name FROM users WHERE age > 25 AND age < 30"
        ),
        (users.orderByAscending("id").limit(3).offset(2), "SELECT id, name FROM users ORDER BY id LIMIT 3 OFFSET 2"),
        (users.orderByAscending("id").setPaging(4).page(3), "SELECT id, name FROM users ORDER BY id LIMIT 4 OFFSET 8"),
        (users.orderByAscending("id").page(1, size: 5), "SELECT id, name FROM users ORDER BY id LIMIT 5"),
        (
            db.select("order").from("users").where("`order` IS NOT NULL"),
            "SELECT `order` FROM users WHERE `order` IS NOT NULL"
        ),
    ]
}

private func joinedPairs(_ db: MySQLConnection, _ users: MySQLSelect) -> [(MySQLSelect, String)] {
    [
        (
            db.select("u.name", "t.name AS team").from("users u").innerJoin(
                "teams AS t", on: "t.id = u.team AND t.id >= ?", 0
            )
            .where("u.age > ?", 21).orderByAscending("u.id"),
            """
            SELECT u.name, t.name AS team FROM users u INNER JOIN teams t ON t.id = u.team AND t.id >= 0
            WHERE u.age > 21 ORDER BY u.id
            """
        ),
        (
            db.select("t.id", "COUNT(u.id) AS n").from("teams t").leftJoin("users u", on: "u.team = t.id").groupBy(
                "t.id"
            )
            .having("n > ?", 1).orHaving("t.id = ?", 7).orderByAscending("t.id"),
            """
            SELECT t.id, COUNT(u.id) AS n FROM teams t LEFT JOIN users u ON u.team = t.id GROUP BY t.id
            HAVING n > 1 OR t.id = 7 ORDER BY t.id
            """
        ),
        (
            db.select("t.name", "u.name").from("users u").rightJoin("teams t", on: "u.team = t.id").where(
                "t.id = ?", 7),
            "SELECT t.name, u.name FROM users u RIGHT JOIN teams t ON u.team = t.id WHERE t.id = 7"
        ),
        (
            db.select("MAX(a)").fromSubSelect(
                db.select("age AS a").from("users").where("age < :x").bindValue("x", 30), as: "s"),
            "SELECT MAX(a) FROM (SELECT age AS a FROM users WHERE age < 30) AS s"
        ),
        (
            db.select("seq").from("seq_1_to_3").where("seq > ?", 1).unionAll(
                db.select("seq").from("seq_1_to_9").where("seq > ?", 7)
            )
            .union(db.select("5")).orderByAscending("seq").limit(10),
            """
            (SELECT seq FROM seq_1_to_3 WHERE seq > 1) UNION ALL (SELECT seq FROM seq_1_to_9 WHERE seq > 7)
            UNION (SELECT 5) ORDER BY seq LIMIT 10
            """
        ),
        (
            db.select("team").distinct().from("users").orderByAscending("team"),
            "SELECT DISTINCT team FROM users ORDER BY team"
        ),
        (users.where("id = ?", 1).forUpdate(), "SELECT id, name FROM users WHERE id = 1 FOR UPDATE"),
        (
            users.flag(.noCache).flag(.bigResult).flag(.highPriority).flag(.straightJoin).distinct(),
            "SELECT DISTINCT HIGH_PRIORITY STRAIGHT_JOIN SQL_BIG_RESULT SQL_NO_CACHE id, name FROM users"
        ),
    ]
}
