import Apus
import ApusRedis
import TestSupport
import TrialSupport

func callbacks(_ words: [String]) async throws {
    let fixture = try Fixture(words) { $0.maxOutstandingCommands = 1000 }
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    var replies: [String] = []
    func note(_ name: String) -> @MainActor @Sendable (Result<RedisValue, RedisError>) -> Void {
        { result in
            switch result {
            case .success(let value): replies.append("\(name) \(value.string ?? "\(value.integer ?? -1)")")
            case .failure(.refused(let code, _)): replies.append("\(name) \(code)")
            case .failure(let error): replies.append("\(name) \(error)")
            }
        }
    }
    redis.send("SET", "k", "v", completion: note("a"))
    redis.send("GET", "k", completion: note("b"))
    redis.send("INCR", "k", completion: note("c"))
    redis.get("k") { result in note("d")(result.map { .bytes($0 ?? []) }) }
    redis.get("none") { result in note("e")(result.map { $0.map { .bytes($0) } ?? .status("nothing") }) }
    redis.send("RPUSH", "l", 1, completion: note("f"))
    redis.get("l") { result in note("g")(result.map { .bytes($0 ?? []) }) }
    redis.send("SUBSCRIBE", "x", completion: note("h"))
    expect(replies.isEmpty, "no callback before send has returned")
    try await expectEventually { replies.count == 8 }
    // The one that is refused here is told at the end of the turn.
    expect(replies.first, is: "h SUBSCRIBE needs a connection of its own")
    expect(Array(replies.dropFirst()), is: ["a OK", "b v", "c ERR", "d v", "e nothing", "f 1", "g WRONGTYPE"])
    // From within callbacks, in order, with far more than are sent together.
    var order: [Int] = []
    func ask(_ number: Int) {
        redis.send("ECHO", number) { result in
            order.append((try? result.get())?.integer ?? -1)
            if number < 5000 { ask(number + 100) }
        }
    }
    for number in 0..<100 { ask(number) }
    try await expectEventually { order.count == 5100 || order.count == 5001 }
    expect(order, is: Array(0..<order.count))
    // Too many at once.
    var refused = 0
    for _ in 0..<1100 {
        redis.send("PING") { result in
            if case .failure(.tooManyCommands(1000)) = result { refused += 1 }
        }
    }
    try await expectEventually { refused == 100 }
    redis.close()
    redis.send("PING", completion: note("z"))
    try await expectEventually { replies.last == "z the Redis client was closed" }
}

func batches(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    expect(try await redis.pipeline { _ in }.isEmpty)
    let replies = try await redis.pipeline {
        $0.set("a", "1")
        $0.incr("a")
        $0.lPush("a", "x")
        $0.get("a")
    }
    expect(replies.count, is: 4)
    if case .error(let text)? = replies.dropFirst(2).first {
        expect(text.hasPrefix("WRONGTYPE"))
    } else {
        expect(false)
    }
    expect(replies.last?.integer, is: 2)
    // Transactions of many tasks over one connection do not mix.
    let tasks = (0..<200).map { number in
        Task {
            try await redis.transaction { batch in
                batch.set("mine", "\(number)")
                batch.incr("count")
                batch.get("mine")
            }
        }
    }
    let plain = (0..<200).map { _ in Task { try await redis.set("mine", "disturbed") } }
    for (number, task) in tasks.enumerated() { expect(try await task.value.last?.string, is: "\(number)") }
    for task in plain { _ = try await task.value }
    expect(try await redis.get("count", as: Int.self), is: 200)
    let results = try await redis.transaction {
        $0.lPush("count", "x")
        $0.incr("count")
    }
    if case .error(let text)? = results.first { expect(text.hasPrefix("WRONGTYPE")) } else { expect(false) }
    expect(results.last?.integer, is: 201)
    // One that Redis does not take: none is carried out.
    await expectRedisError {
        _ = try await redis.transaction {
            $0.incr("count")
            $0.command("NOSUCHCOMMAND")
        }
    } where: {
        if case .transactionRefused(let text) = $0 { text.hasPrefix("ERR unknown") } else { false }
    }
    await expectRedisError {
        _ = try await redis.transaction { $0.command("WATCH", "x") }
    } where: {
        $0 == .notShareable("WATCH")
    }
    expect(try await redis.get("count", as: Int.self), is: 201)
    expect(try await redis.transaction { _ in }.isEmpty)
    // A cancelled one: its replies are nobody's, those behind it right.
    let cancelled = Task { try await redis.transaction { for _ in 0..<100 { $0.incr("count") } } }
    let behind = Task { try await redis.command("ECHO", "behind").string }
    try await WorkerTimer.sleep(0)
    cancelled.cancel()
    _ = try? await cancelled.value
    expect(try await behind.value, is: "behind")
    let large = String(repeating: "x", count: 400_000)
    expect(try await redis.transaction { for _ in 0..<4 { $0.set("large", large) } }.count, is: 4)
}

func watching(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    try await redis.set("n", 10)
    let done = try await redis.watch("n") { connection, batch in
        let number = try await connection.get("n", as: Int.self) ?? 0
        batch.set("n", "\(number * 2)")
        batch.get("n")
    }
    expect(done?.last?.integer, is: 20)
    let failed = try await redis.watch("n") { connection, batch in
        let number = try await connection.get("n", as: Int.self) ?? 0
        try await redis.incr("n")
        batch.set("n", "\(number * 2)")
    }
    expect(failed == nil)
    expect(try await redis.get("n", as: Int.self), is: 21)
    expect(try await redis.watch("n") { _, _ in }?.isEmpty, is: true)
    // Many at once, each until it succeeds: none gets lost.
    let tasks = (0..<20).map { _ in
        Task {
            for _ in 0..<1000 {
                let result = try await redis.watch("sum") { connection, batch in
                    batch.set("sum", "\((try await connection.get("sum", as: Int.self) ?? 0) + 1)")
                }
                if result != nil { return }
            }
        }
    }
    for task in tasks { try await task.value }
    expect(try await redis.get("sum", as: Int.self), is: 20)
    try await expectEventually { try await redis.clientList().count == 1 }
}

func leases(_ words: [String]) async throws {
    let fixture = try Fixture(words) { $0.maxConnections = 2 }
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let first = try await redis.dedicatedConnection()
    let waiter = Task { try await first.blPop("a", "b", timeout: 0, as: String.self) }
    try await expectEventually { try await redis.info("clients")["blocked_clients"] == "1" }
    try await redis.rPush("b", "x")
    let popped = try await waiter.value
    expect(popped?.key == "b" && popped?.value == "x")
    expect(try await first.brPop("a", timeout: 0.01) == nil)
    try await redis.rPush("a", "1", "2")
    expect(try await first.blMove("a", .right, to: "c", .left, timeout: 1, as: String.self), is: "2")
    expect(try await first.blMove("none", .right, to: "c", .left, timeout: 0.01) == nil)
    try await redis.zAdd("z", [("m", 1), ("n", 2)])
    expect(try await first.bzPopMax("z", timeout: 1)?.value.string, is: "n")
    expect(try await first.bzPopMin("z", timeout: 1)?.value.score, is: 1)
    await expectRedisError {
        try await first.command("MONITOR")
    } where: {
        $0 == .notShareable("MONITOR")
    }
    // What one changes does not concern the others.
    try await first.command("SELECT", 5)
    try await first.set("mine", 1)
    expect(try await redis.exists("mine"), is: 0)
    // A third one waits for one of two.
    let second = try await redis.dedicatedConnection()
    let third = Task { try await redis.withConnection { try await $0.get("a", as: String.self) ?? "" } }
    try await WorkerTimer.sleep(0.01)
    second.close()
    let type = await expectError { _ = try await third.value }
    expect("\(type.map { "\($0)" } ?? "")".contains("WRONGTYPE"))
    await expectRedisError {
        try await second.ping()
    } where: {
        if case .connectionLost = $0 { true } else { false }
    }
    // A server that dies ends what waits there, and the place is free again.
    let blocked = Task { try await first.blPop("never", timeout: 0) }
    try await expectEventually { try await redis.info("clients")["blocked_clients"] == "1" }
    try fixture.server.kill()
    await expectRedisError {
        _ = try await blocked.value
    } where: {
        if case .connectionLost = $0 { true } else { false }
    }
    expect(!first.isOpen)
    try fixture.server.restart()
    let two = [try await redis.dedicatedConnection(), try await redis.dedicatedConnection()]
    let late = Task { try await redis.dedicatedConnection() }
    try await WorkerTimer.sleep(0)
    late.cancel()
    expect(await expectError { _ = try await late.value } is CancellationError)
    let last = Task { try await redis.dedicatedConnection() }
    try await WorkerTimer.sleep(0)
    redis.close()
    await expectRedisError {
        _ = try await last.value
    } where: {
        $0 == .closed
    }
    for connection in two { try await connection.ping() }
}

func logins(_ words: [String]) async throws {
    let fixture = try Fixture(words, ["--requirepass", "secret"])
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    var connects = 0
    var disconnects = 0
    redis.onConnect = { connects += 1 }
    redis.onDisconnect = { _ in disconnects += 1 }
    await expectRedisError {
        try await redis.ping()
    } where: {
        if case .loginFailed(let text) = $0 { text.hasPrefix("NOAUTH") } else { false }
    }
    let right = try client(of: fixture.server, words) { $0.password = "secret" }
    right.onConnect = { connects += 1 }
    right.onDisconnect = { _ in disconnects += 1 }
    await expectRedisError {
        try await right.authenticate(password: "wrong")
    } where: {
        if case .refused("WRONGPASS", _) = $0 { true } else { false }
    }
    try await right.authenticate(password: "secret")
    try await right.select(4)
    try await right.set("here", 1)
    expect(try await right.command("CLIENT", "INFO").string?.contains(" db=4 "), is: true)
    // Said again after a restart, before what waited; a connection of one's own says it, too.
    for round in 1...2 {
        try fixture.server.kill()
        try await expectEventually { disconnects == round }
        let waiting = Task { try await right.command("CLIENT", "INFO").string }
        try fixture.server.restart()
        expect(try await waiting.value?.contains(" db=4 "), is: true)
        expect(connects, is: round + 1)
        let own = try await right.withConnection { try await $0.command("CLIENT", "INFO").string }
        expect(own?.contains(" db=4 "), is: true)
    }
}

func tls(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let certificates = TestCertificates.shared
    // A port that was free a moment ago.
    guard case .ipv4(let port) = try Acceptor("ipv4", in: folder).endpoint else { return }
    let server = try RedisServer([
        "--tls-port", "\(port)", "--bind", "127.0.0.1", "--tls-cert-file", certificates.certificate("localhost"),
        "--tls-key-file", certificates.key("localhost"), "--tls-ca-cert-file", certificates.certificate("localhost"),
        "--tls-auth-clients", "no", "--requirepass", "secret",
    ])
    defer { withExtendedLifetime(server) {} }
    var options = RedisOptions()
    options.timeout = 60
    options.speaksRESP3 = words.first == "3"
    options.connect.tls = TLSClientOptions()
    options.connect.tls?.authoritiesFile = certificates.certificate("localhost")
    options.connect.tls?.serverName = "localhost"
    let redis = try RedisClient("rediss://:secret@127.0.0.1:\(port)/1", options: options)
    let large = [UInt8](repeating: 7, count: 1_000_000)
    try await redis.set("large", large)
    expect(try await redis.get("large") == large)
    let tasks = (0..<500).map { number in Task { try await redis.command("ECHO", number).integer == number } }
    for task in tasks { expect(try await task.value) }
    let news = try await redis.subscribe("c")
    try server.kill()
    try server.restart()
    try await expectEventually { await redis.reaches("c", "hello") }
    for try await message in news {
        expect(message.string, is: "hello")
        break
    }
    // Who does not know the authority does not talk to it.
    options.timeout = 2
    options.connect.tls = nil
    let stranger = try RedisClient("rediss://:secret@127.0.0.1:\(port)", options: options)
    await expectRedisError {
        try await stranger.ping()
    } where: {
        if case .unavailable(let text) = $0 { text.contains("TLS handshake") } else { false }
    }
}
