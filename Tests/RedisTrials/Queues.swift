import Apus
import ApusRedis
import Glibc
import TestSupport
import TrialSupport

nonisolated struct Mail: Codable, Sendable, Equatable {
    var to: String
    var number: Int
}

nonisolated struct Refusal: Error {}

private func options(_ words: [String]) -> RedisQueueOptions {
    var options = RedisQueueOptions(isReliable: words.contains("reliable"))
    options.retrySeconds = 0.05
    options.maxAttempts = 2
    options.prefix = "test:"
    return options
}

func queues(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let queue = RedisQueue(redis, options: options(words))
    var received: [Mail] = []
    try await queue.send("mail", Mail(to: "early", number: 0))
    try await queue.send("mail", Mail(to: "é", number: 1))
    expect(try await queue.waitingCount("mail"), is: 2)
    expect(try await redis.type(of: "test:{redis-queue}-waitingmail"), is: "list")
    queue.subscribe("mail", as: Mail.self) { received.append($0) }
    try await expectEventually { received.count == 2 }
    expect(received, is: [Mail(to: "early", number: 0), Mail(to: "é", number: 1)])
    // What is delayed comes later, and not before.
    let sent = ContinuousClock.now
    try await queue.send("mail", Mail(to: "late", number: 2), delay: 1.2)
    try await queue.send("mail", Mail(to: "now", number: 3))
    expect(try await queue.delayedCount(), is: 1)
    try await expectEventually { received.count == 4 }
    expect(ContinuousClock.now - sent >= .seconds(1.1))
    expect(received.map(\.to), is: ["early", "é", "now", "late"])
    // Nothing is taken after the end of a subscription, and nothing lost.
    await queue.unsubscribe("mail")
    try await queue.send("mail", Mail(to: "nobody", number: 4))
    try await WorkerTimer.sleep(0.01)
    expect(try await queue.waitingCount("mail"), is: 1)
    expect(received.count, is: 4)
    // Several queues and handlers that wait: one message of each queue at a time.
    var running = 0
    var most = 0
    var done = 0
    for name in ["a", "b"] {
        for number in 0..<10 { try await queue.send(name, number) }
        queue.subscribe(name, as: Int.self) { _ in
            running += 1
            most = max(most, running)
            try await WorkerTimer.sleep(0.001)
            running -= 1
            done += 1
        }
    }
    try await expectEventually { done == 20 }
    expect(most <= 2)
    await queue.close()
}

func queueFailures(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let queue = RedisQueue(redis, options: options(words))
    queue.logger = { _ in }
    var failures: [String] = []
    queue.onConsumeFailure = { failure in
        failures.append("\(failure.queue) \(failure.attempts)/\(failure.maxAttempts) \(failure.error)")
        if failure.queue == "patient" { failure.maxAttempts = 3 }
    }
    var tries: [String: Int] = [:]
    func fail(_ name: String, times: Int, _ error: any Error = Refusal()) {
        queue.subscribe(name, as: Mail.self) { mail in
            tries[name, default: 0] += 1
            if tries[name, default: 0] <= times { throw error }
        }
    }
    fail("once", times: 1)
    fail("always", times: .max)
    fail("never", times: .max, RedisQueueUnretryable("hopeless"))
    fail("patient", times: .max)
    for name in ["once", "always", "never", "patient"] { try await queue.send(name, Mail(to: name, number: 7)) }
    // One attempt and two more; one and three more.
    try await expectEventually {
        let count = try await queue.failed().count
        return tries == ["once": 2, "always": 3, "never": 1, "patient": 4] && count == 3
    }
    let failed = try await queue.failed()
    expect(failed.contains { $0.contains(#""hopeless""#) && $0.contains(#""attempts":1"#) })
    expect(failed.contains { $0.contains(#""queue":"always""#) && $0.contains(#""attempts":3"#) })
    expect(failed.contains { $0.contains(#""max_attempts":3"#) && $0.contains(#""attempts":4"#) })
    expect(failures.contains("always 3/2 Refusal()"))
    expect(failures.filter { $0.hasPrefix("once") }, is: ["once 1/2 Refusal()"])
    expect(try await queue.delayedCount(), is: 0)
    await queue.close()
}

/// What redis-queue of PHP has written is read, and the other way round.
func queuesOfOthers(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    var chosen = options(words)
    chosen.prefix = ""
    let queue = RedisQueue(redis, options: chosen)
    var log: [String] = []
    queue.logger = { log.append($0) }
    var received: [[String: String]] = []
    let php = #"{"id":"17000000001234","time":1700000000,"delay":0,"attempts":0,"queue":"mail","data":{"to":"a"}}"#
    let numbered = #"{"id":5,"time":1700000000.5,"delay":1,"attempts":1,"queue":"mail","data":{"to":"b"},"more":1}"#
    let delayed = #"{"id":"6","time":1700000000,"delay":9,"attempts":0,"queue":"mail","data":{"to":"c"}}"#
    try await redis.lPush("{redis-queue}-waitingmail", php, numbered, "no JSON", #"{"queue":"mail","data":7}"#)
    try await redis.zAdd("{redis-queue}-delayed", [(delayed, 1_700_000_009), ("neither", 1)])
    queue.subscribe("mail") { (data: [String: String]) in received.append(data) }
    try await expectEventually {
        let count = try await queue.failed().count
        return received.count == 3 && count == 3
    }
    expect(Set(received.map { $0["to"] ?? "" }), is: ["a", "b", "c"])
    expect(Set(try await queue.failed()), is: ["no JSON", #"{"queue":"mail","data":7}"#, "neither"])
    expect(log.count { $0.contains("goes to the failed ones") }, is: 2)
    await queue.unsubscribe("mail")
    try await queue.send("mail", ["to": "d"], delay: 3)
    let written = try await redis.zRangeWithScores("{redis-queue}-delayed")
    expect(written.count, is: 1)
    let due = try await redis.time() + 3
    expect(abs((written.first?.score ?? 0) - due) < 60)
    for part in [
        #""delay":3"#, #""attempts":0"#, #""queue":"mail""#, #""data":{"to":"d"}"#, #""id":"17"#, #""time":17"#,
    ] { expect(written.first?.string.contains(part) ?? false, "\(part) in \(written.first?.string ?? "")") }
    await queue.close()
}

/// The server is killed while messages come and go: what was accepted is handled.
func queueOutages(_ words: [String]) async throws {
    // What was written outlives the server that is killed, also when nobody has waited for the disk.
    let fixture = try Fixture(words, ["--appendonly", "yes", "--appendfsync", "no", "--appenddirname", "."])
    var chosen = options(words)
    chosen.consumerTimeout = 1
    defer { withExtendedLifetime(fixture) {} }
    let queue = RedisQueue(fixture.redis, options: chosen)
    queue.logger = { _ in }
    var handled: Set<Int> = []
    queue.subscribe("work", as: Int.self) { handled.insert($0) }
    var accepted: Set<Int> = []
    var number = 0
    for _ in 0..<3 {
        for _ in 0..<100 {
            number += 1
            do {
                try await queue.send("work", number, delay: number % 10 == 0 ? 0.1 : 0)
                accepted.insert(number)
            } catch let error as RedisError {
                expect(error.mayHaveBeenExecuted, "\(error)")
            }
        }
        try fixture.server.kill()
        try fixture.server.restart()
    }
    // As long as it goes on it may take its time.
    while !accepted.isSubset(of: handled) {
        let before = handled.count
        try await expectEventually("\(accepted.subtracting(handled).count) are missing") { handled.count > before }
        if handled.count == before { break }
    }
    await queue.close()
}

/// Consumers of a reliable queue are killed in the middle of their work: each message is handled.
func killedConsumers(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let queue = RedisQueue(redis, options: options(["reliable"]))
    let count = 60
    for number in 0..<count { try await queue.send("work", number) }
    let folder = try TemporaryFolder()
    for round in 1...3 {
        let consumer = try ServerProcess(
            "RedisTrials", ["consumer", "\(fixture.server.endpoint)", "slow"], in: folder)
        // One is being handled, and will not be finished.
        try await expectEventually { try await redis.get("begun", as: Int.self) ?? 0 >= round * 5 }
        consumer.signal(SIGKILL)
        _ = try consumer.waitForExit()
    }
    let last = try ServerProcess("RedisTrials", ["consumer", "\(fixture.server.endpoint)"], in: folder)
    try await expectEventually { try await redis.sCard("handled") == count }
    let left = { try await redis.keys(matching: "test:{redis-queue}-processing:*").filter { !$0.hasSuffix(":alive") } }
    try await expectEventually {
        let waiting = try await queue.waitingCount("work")
        return try await left().isEmpty && waiting == 0
    }
    expect(try await queue.failed().isEmpty)
    expect(try await redis.get("begun", as: Int.self) ?? 0 >= count + 1, "what was killed was begun again")
    last.signal(SIGKILL)
    _ = try last.waitForExit()
}

/// A process of `killedConsumers`; never ends by itself.
func consumer(_ words: [String]) async throws {
    var chosen = options(["reliable"])
    chosen.consumerTimeout = 1
    let redis = try RedisClient(words[0])
    let queue = RedisQueue(redis, options: chosen)
    let isSlow = words.contains("slow")
    queue.subscribe("work", as: Int.self) { number in
        try await redis.incr("begun")
        if isSlow { try await WorkerTimer.sleep(0.02) }
        try await redis.sAdd("handled", number)
    }
    try await WorkerTimer.sleep(1e6)
}
