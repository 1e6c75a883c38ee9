import Apus
import ApusMySQL
import Glibc
import TestSupport
import TrialSupport

private func session(_ db: MySQLConnection) async throws {
    let text = try await db.query("SELECT 1 AS a, 'text' AS b, NULL AS c UNION SELECT 2, 'more', 1.5")
    let binary = try await db.query("SELECT ? AS a, ? AS b, NOW(6) AS c", 5, "value")
    let changed = try await db.query("DO 1")
    guard text.count == 2, binary.count == 1, changed.isEmpty else { throw Failure("it lacks rows") }
}

/// Servers that say something wrong at every byte: the client fails with an error of its kind, and goes on with a
/// server that is right. Words: address, port.
func hostileServers(_ words: [String]) async throws {
    let realPort = UInt16(words[1])!
    let recorder = try Recorder(to: realPort)
    let db = try MySQLConnection("mysql://trial:secret@127.0.0.1:\(recorder.port)/trial")
    try await session(db)
    db.close()
    let recording = try recorder.recording()
    expect(recording.replies.count > 4 && recording.byteCount > 300, "\(recording.replies.count) replies")
    // The recording itself is understood.
    expect(await outcome(recording, .stall) == nil, "the recording as it is")
    let before = residentBytes()
    let sockets = openSockets()
    var outcomes: [String: Int] = [:]
    for ending in [ScriptedServer.Ending.close, .reset, .garbage, .stall] {
        for start in stride(from: 0, to: recording.byteCount, by: 16) {
            let end = min(start + 16, recording.byteCount)
            let tasks = (start..<end).map { place in Task { await outcome(recording.prefix(place), ending) } }
            for (place, task) in zip(start..<end, tasks) {
                let error = await task.value
                // Noise may happen to be the end of a reply.
                if error == nil, ending == .garbage, place > recording.byteCount - 11 { continue }
                judge(error, "\(ending) at \(place)", &outcomes)
            }
        }
    }
    for change in [0x01, 0x80, 0xFF, 0x00] as [UInt8] {
        for start in stride(from: 0, to: recording.byteCount, by: 16) {
            let end = min(start + 16, recording.byteCount)
            let tasks = (start..<end).map { place in
                var wrong = recording
                wrong[place] = change == 0 ? 0 : wrong[place] ^ change
                return Task { await outcome(wrong, .close) }
            }
            // A changed character of a text is no fault that could be seen.
            for task in tasks { if let error = await task.value { judge(error, "changed", &outcomes) } }
        }
    }
    print(outcomes.sorted { $0.key < $1.key }.map { "\($0): \($1)" }.joined(separator: ", "))
    try await expectEventually { openSockets() <= sockets }
    print("memory: \(residentBytes() - before) bytes more")
    expect(try await MySQLConnection(words[0]).single("SELECT 1")?.int, is: 1)
    try await askForFile()
    try await stallInHandshake()
}

/// A server that says it speaks TLS, and then nothing: libmariadb waits for it, the loop does not.
private func stallInHandshake() async throws {
    let acceptor = try Acceptor("ipv4", in: TemporaryFolder())
    let hello = packet(greeting(speaksTLS: true), 0)
    let helper = Helper {
        let client = try acceptor.accept()
        try client.send(hello)
        return try client.readToEnd(within: 60).bytes.count
    }
    var options = MySQLOptions()
    options.connectTimeout = 0.3
    options.tls = .init()
    options.tls?.verifiesServer = false
    var ticks = 0
    let probe = WorkerTimer.every(0.001) { _ in ticks += 1 }
    let db = try MySQLConnection("mysql://a@\(acceptor.endpoint)", options: options)
    let error = await expectError { try await db.query("SELECT 1") }
    if case MySQLError.unavailable? = error as? MySQLError {} else { expect(false, "\(error!)") }
    probe.cancel()
    expect(ticks > 20, "the loop went on: \(ticks) ticks")
    expect(try helper.join() > 30, "it was asked for TLS")
}

private func judge(_ error: (any Error)?, _ what: String, _ outcomes: inout [String: Int]) {
    guard let error else { return expect(false, "\(what): no error") }
    guard let error = error as? MySQLError else { return expect(false, "\(what): \(error)") }
    expect(true)
    outcomes[String("\(error)".prefix { $0 != ":" && $0 != "," && $0 != "(" }), default: 0] += 1
}

/// What comes of a session with a server that says this; nil when all is well.
private func outcome(_ script: Recording, _ ending: ScriptedServer.Ending) async -> (any Error)? {
    do {
        let server = try ScriptedServer(script, then: ending)
        var options = MySQLOptions()
        options.connectTimeout = 0.3
        options.timeout = 0.3
        let db = try MySQLConnection("mysql://trial:secret@127.0.0.1:\(server.port)/trial", options: options)
        defer { db.close() }
        try await session(db)
        return nil
    } catch {
        return error
    }
}

/// Sockets that are open. The runtime opens other descriptors when it likes.
func openSockets() -> Int {
    let names = (try? TemporaryFolder().names(in: "/proc/self/fd")) ?? []
    return names.count { name in
        var target = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/fd/\(name)", &target, 63)
        return String(decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .hasPrefix("socket:")
    }
}

/// A server that asks for a file of ours does not get it.
private func askForFile() async throws {
    let folder = try TemporaryFolder()
    let secret = folder.file("secret")
    try writeText("geheim", to: secret)
    let acceptor = try Acceptor("ipv4", in: folder)
    let hello = packet(greeting(), 0)
    let ok = packet(okay, 2)
    let request = packet([0xFB] + Array(secret.utf8), 1)
    let helper = Helper { () -> [UInt8] in
        let client = try acceptor.accept()
        try client.send(hello)
        _ = try client.readAvailable(atMost: 65536)
        try client.send(ok)
        _ = try client.readAvailable(atMost: 65536)
        try client.send(request)
        return try client.readToEnd().bytes
    }
    var options = MySQLOptions()
    options.timeout = 1
    let db = try MySQLConnection("mysql://a@\(acceptor.endpoint)", options: options)
    let error = await expectError { try await db.query("SELECT 1") }
    expect(error is MySQLError, "\(error!)")
    db.close()
    expect(!String(decoding: try helper.join(), as: UTF8.self).contains("geheim"), "the file was sent")
}

/// Connections that are lost: by KILL, which the trial asks for itself.
func reconnecting(_ words: [String]) async throws {
    let other = try MySQLConnection(words[0])
    let db = try MySQLConnection(words[0])
    let table = "lost_\(getpid())"
    try await other.query("CREATE OR REPLACE TABLE \(table) (id INT)")
    func kill(_ id: Int?) async throws { try await other.query("KILL CONNECTION \(id ?? 0)") }
    func id() async throws -> Int? { try await db.single("SELECT CONNECTION_ID()")?.int }
    // While it is not used: whatever comes next is executed, once.
    for statement in ["INSERT INTO \(table) VALUES (1)", "SELECT 1"] {
        let before = try await id()
        try await kill(before)
        try await db.query(statement)
        expect(try await id() != before)
    }
    try await kill(id())
    try await db.query("INSERT INTO \(table) VALUES (?)", 1)
    expect(try await other.single("SELECT COUNT(*) FROM \(table)")?.int, is: 2)
    try await kill(id())
    try await expectEventually { !db.isConnected }
    try await db.ping()
    try await kill(id())
    try await db.transaction { try await $0.query("INSERT INTO \(table) VALUES (3)") }
    expect(try await other.single("SELECT COUNT(*) FROM \(table)")?.int, is: 3)

    // While it executes: what reads is executed anew, what writes is not.
    let first = try await id()
    let read = Task {
        try await db.row("SELECT SLEEP(IF(CONNECTION_ID() = \(first ?? 0), 30, 0)), CONNECTION_ID() AS id")
    }
    try await running(other, first)
    try await kill(first)
    expect(try await read.value?["id"]?.int != first)
    for statement in [
        MySQLStatement("INSERT INTO \(table) SELECT SLEEP(30)"), MySQLStatement("DO SLEEP(30)"),
        MySQLStatement("INSERT INTO \(table) SELECT SLEEP(?)", [30]),
    ] {
        let second = try await id()
        let write = Task { try await db.query(statement) }
        try await running(other, second)
        try await kill(second)
        let error = await expectError { _ = try await write.value }
        if case MySQLError.connectionLost? = error as? MySQLError {} else { expect(false, "\(error!)") }
        expect((error as? MySQLError)?.mayHaveBeenExecuted == true)
    }
    expect(try await other.single("SELECT COUNT(*) FROM \(table)")?.int, is: 3)
    try await inTransaction(db, other, table)
    try await other.query("DROP TABLE \(table)")
}

private func running(_ other: MySQLConnection, _ id: Int?) async throws {
    try await expectEventually {
        try await other.single(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ? AND state LIKE 'User sleep'", id ?? 0)?
            .int == 1
    }
}

/// Nothing of a transaction is executed over another connection.
private func inTransaction(_ db: MySQLConnection, _ other: MySQLConnection, _ table: String) async throws {
    for isRead in [true, false] {
        let error = await expectError {
            try await db.transaction { transaction in
                try await transaction.query("INSERT INTO \(table) VALUES (10)")
                let id = try await transaction.single("SELECT CONNECTION_ID()")?.int
                try await other.query("KILL CONNECTION \(id ?? 0)")
                try await transaction.query(isRead ? "SELECT 1" : "INSERT INTO \(table) VALUES (11)")
            }
        }
        if case MySQLError.connectionLost? = error as? MySQLError {
        } else if case MySQLError.closed? = error as? MySQLError {
        } else {
            expect(false, "\(error!)")
        }
        expect(try await db.single("SELECT COUNT(*) FROM \(table) WHERE id >= 10")?.int, is: 0)
    }
    // Also one that was begun by a statement.
    try await db.query("BEGIN")
    let id = try await db.single("SELECT CONNECTION_ID()")?.int
    let read = Task { try await db.query("SELECT SLEEP(30)") }
    try await running(other, id)
    try await other.query("KILL CONNECTION \(id ?? 0)")
    let lost = await expectError { _ = try await read.value }
    if case MySQLError.connectionLost? = lost as? MySQLError {} else { expect(false, "\(lost!)") }
}

/// Traffic goes on while the test kills the server and starts it again, as it is told by lines: this trial asks by
/// `kill` and `start`, and reads when it is done. Words: address, the file that the test writes.
func serverKills(_ words: [String]) async throws {
    var options = MySQLOptions()
    options.connectTimeout = 30
    options.timeout = 30
    var waits = ConnectionPoolOptions()
    waits.waitTimeout = 60
    let pool = try MySQLPool(words[0], maxConnections: 8, options: options, pool: waits)
    try await pool.query("CREATE TABLE IF NOT EXISTS traffic (id BIGINT PRIMARY KEY)")
    var acknowledged: Set<Int> = []
    var unsure: Set<Int> = []
    var sent = 0
    var failures: [String: Int] = [:]
    var isOver = false
    let writers = (0..<16).map { _ in
        Task {
            while !isOver {
                sent += 1
                let id = sent
                do {
                    try await pool.query("INSERT INTO traffic VALUES (?)", id)
                    acknowledged.insert(id)
                } catch {
                    guard let error = error as? MySQLError else {
                        expect(false, "\(error)")
                        return
                    }
                    failures[String("\(error)".prefix { $0 != ":" }), default: 0] += 1
                    if error.mayHaveBeenExecuted { unsure.insert(id) }
                }
            }
        }
    }
    var reads = 0
    let reader = Task {
        while !isOver {
            if (try? await pool.single("SELECT COUNT(*) FROM traffic")) != nil { reads += 1 }
        }
    }
    for round in 1...3 {
        let enough = acknowledged.count + 200
        try await expectEventually { acknowledged.count >= enough }
        print("kill")
        fflush(nil)
        try await expectEventually { readText(words[1]) == "\(round)" }
    }
    let enough = acknowledged.count + 200
    try await expectEventually { acknowledged.count >= enough }
    isOver = true
    for task in writers { await task.value }
    await reader.value
    let there = Set(try await pool.column("SELECT id FROM traffic").compactMap(\.int))
    expect(
        acknowledged.subtracting(there).isEmpty, "acknowledged and not there: \(acknowledged.subtracting(there).count)")
    expect(there.subtracting(acknowledged).subtracting(unsure).isEmpty, "there and said to have failed")
    expect(reads > 0)
    expect(pool.connectionCount <= 8, "\(pool.connectionCount) connections")
    expect(openSockets() <= 8, "\(openSockets()) sockets")
    print("\(acknowledged.count) acknowledged, \(reads) reads, failures: \(failures)")
}
