import Apus
import ApusMySQL
import Glibc
import TestSupport
import TrialSupport

/// Runs `body` so many times at once, and waits for all. Throws what one of them threw.
func inParallel(_ count: Int, _ body: @escaping @MainActor (Int) async throws -> Void) async throws {
    let tasks = (0..<count).map { number in Task { try await body(number) } }
    for task in tasks { try await task.value }
}

private final class Thing {
    let number: Int
    var isClosed = false
    init(_ number: Int) { self.number = number }
    nonisolated deinit {}
}

private struct Unwell: Error {}

/// The pool by itself, over things that are no connections.
func poolOfAnything(_ words: [String]) async throws {
    var made: [Thing] = []
    var creating = 0
    var isServerGone = false
    var unwell: Set<Int> = []
    var options = ConnectionPoolOptions()
    options.waitTimeout = 0.2
    options.maxWaiting = 5
    func makePool(_ most: Int, _ options: ConnectionPoolOptions) -> ConnectionPool<Thing> {
        made = []
        return ConnectionPool(most, options: options) {
            creating += 1
            defer { creating -= 1 }
            try await WorkerTimer.sleep(0.01)
            if isServerGone { throw Unwell() }
            made.append(Thing(made.count))
            return made.last!
        } close: {
            expect(!$0.isClosed, "closed once")
            $0.isClosed = true
        } heartbeat: {
            if unwell.contains($0.number) { throw Unwell() }
        }
    }
    let pool = makePool(2, options)
    // Those that are being made count.
    let three = (0..<3).map { _ in Task { try await pool.get() } }
    try await WorkerTimer.sleep(0.002)
    expect(creating, is: 2)
    expect(pool.connectionCount, is: 2)
    let first = try await three[0].value
    let second = try await three[1].value
    expect(first !== second)
    let late = await expectError { _ = try await three[2].value }
    expect(late as? ConnectionPoolError == .timedOut(after: 0.2), "\(late!)")
    // First come, first served, past those who have given up.
    var order: [Int] = []
    let waiting = (0..<4).map { number in
        Task {
            let thing = try await pool.get()
            order.append(number)
            try await WorkerTimer.sleep(0.001)
            try pool.put(thing)
        }
    }
    try await WorkerTimer.sleep(0.01)
    expect(pool.waitingCount, is: 4)
    waiting[1].cancel()
    try await expectEventually { pool.waitingCount == 3 }
    try pool.put(first)
    for index in [0, 2, 3] { try await waiting[index].value }
    expect(order, is: [0, 2, 3])
    // What is put back.
    let foreign = Thing(99)
    expect(throwing { try pool.put(foreign) }, is: .foreignConnection)
    expect(throwing { try pool.put(first) }, is: .notInUse)
    try pool.put(second)
    expect(pool.idleCount, is: 2)
    try await pool.withConnection { expect($0 === second, "the one used last") }
    let thrown = await expectError { try await pool.withConnection { _ in throw Unwell() } }
    expect(thrown is Unwell)
    expect(pool.idleCount, is: 2)
    try await refusals(pool, made, first, second) { isServerGone = $0 }
    options.idleTimeout = 0.5
    options.heartbeatInterval = 0.1
    try await lookingAfter({ makePool($0, options) }, setUnwell: { unwell = $0 })
}

private func lookingAfter(_ makePool: (Int) -> ConnectionPool<Thing>, setUnwell: (Set<Int>) -> Void) async throws {
    // Looked after once a second.
    var pool = makePool(3)
    let all = [try await pool.get(), try await pool.get(), try await pool.get()]
    for thing in all { try pool.put(thing) }
    try await expectEventually { pool.connectionCount == 1 }
    expect(all.map(\.isClosed), is: [true, true, false])
    setUnwell([2])
    try await expectEventually { all[2].isClosed && pool.connectionCount == 0 }
    // It is gone when nobody has it, and what is in it is closed.
    setUnwell([])
    let last = try await pool.get()
    try pool.put(last)
    pool = makePool(1)
    expect(last.isClosed)
}

private func refusals(
    _ pool: ConnectionPool<Thing>, _ made: [Thing], _ first: Thing, _ second: Thing, setGone: (Bool) -> Void
) async throws {
    // Closing one makes place for another.
    pool.closeConnection(first)
    expect(first.isClosed)
    expect(pool.connectionCount, is: 1)
    setGone(true)
    let held = try await pool.get()
    let failed = await expectError { _ = try await pool.get() }
    expect(failed is Unwell, "what creation throws comes to who waits: \(failed!)")
    expect(pool.connectionCount, is: 1)
    setGone(false)
    // One that waits is served when one in use is closed.
    let held2 = try await pool.get()
    let next = Task { try await pool.get() }
    try await WorkerTimer.sleep(0.005)
    pool.closeConnection(held)
    let another = try await next.value
    expect(another !== held)
    // As many as may wait.
    let waiting = (0..<5).map { _ in Task { try await pool.get() } }
    try await WorkerTimer.sleep(0.005)
    let many = await expectError { _ = try await pool.get() }
    expect(many as? ConnectionPoolError == .tooManyWaiting(5))
    pool.close()
    for task in waiting {
        let closed = await expectError { _ = try await task.value }
        expect(closed as? ConnectionPoolError == .closed)
    }
    expect(!another.isClosed)
    try pool.put(another)
    try pool.put(held2)
    expect(another.isClosed && held2.isClosed)
    expect(pool.connectionCount, is: 0)
    let over = await expectError { _ = try await pool.get() }
    expect(over as? ConnectionPoolError == .closed)
}

private func throwing(_ body: () throws -> Void) -> ConnectionPoolError? {
    do {
        try body()
        return nil
    } catch { return error as? ConnectionPoolError }
}

/// Statements over a pool.
func pool(_ words: [String]) async throws {
    var options = ConnectionPoolOptions()
    options.waitTimeout = 3
    let pool = try MySQLPool(words[0], maxConnections: 3, pool: options)
    var ids: Set<Int> = []
    try await inParallel(30) { _ in
        try await ids.insert(pool.row("SELECT CONNECTION_ID() AS id, SLEEP(0.003)")?["id"]?.int ?? 0)
    }
    expect(ids.count, is: 3)
    expect(pool.connectionCount, is: 3)
    expect(pool.idleCount, is: 3)
    let held = (0..<3).map { _ in Task { try await pool.query("SELECT SLEEP(60)") } }
    try await WorkerTimer.sleep(0.02)
    let late = await expectError { try await pool.query("SELECT 1") }
    expect(late as? ConnectionPoolError == .timedOut(after: 3), "\(late!)")
    for task in held { task.cancel() }
    for task in held { _ = await task.result }
    expect(try await pool.single("SELECT 1")?.int, is: 1)
    var rows = 0
    for try await _ in pool.stream("SELECT 1 FROM seq_1_to_1000") { rows += 1 }
    expect(rows, is: 1000)
    for try await _ in pool.stream("SELECT 1 FROM seq_1_to_1000000") { break }
    let refused = await expectError { for try await _ in pool.stream("SELEKT") {} }
    expect(isRefusal(refused, 1064))
    try await expectEventually { pool.idleCount == pool.connectionCount }
    try await pool.withConnection { connection in
        try await connection.query("SET @a = 5")
        expect(try await connection.single("SELECT @a")?.int, is: 5)
    }
    pool.close()
    let closed = await expectError { try await pool.query("SELECT 1") }
    expect(closed as? ConnectionPoolError == .closed)
}

/// Slow statements do not hold up others, nor anything else on the loop. Times are printed, not judged.
func load(_ words: [String]) async throws {
    let tasks = Int(words[1]) ?? 1000
    let pool = try MySQLPool(words[0], maxConnections: 50)
    // Connections are there already, as in a server that has run for a while.
    try await inParallel(50) { _ in try await pool.query("SELECT SLEEP(0.05)") }
    expect(pool.connectionCount, is: 50)
    var delays: [Double] = []
    var last = ContinuousClock.now
    let probe = WorkerTimer.every(0.001) { _ in
        let now = ContinuousClock.now
        delays.append((now - last) / .milliseconds(1))
        last = now
    }
    let began = ContinuousClock.now
    var done = 0
    try await inParallel(tasks) { _ in
        if try await pool.single("SELECT SLEEP(0.1)")?.int == 0 { done += 1 }
    }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    probe.cancel()
    expect(done, is: tasks)
    expect(pool.connectionCount, is: 50)
    delays.sort()
    let p99 = delays[min(delays.count - 1, delays.count * 99 / 100)]
    print("\(tasks) statements of 100 ms over 50 connections: \(seconds) s")
    print(
        "1 ms timer: \(delays.count) ticks, median \(delays[delays.count / 2]) ms, p99 \(p99) ms, most \(delays.last!)"
    )
}
