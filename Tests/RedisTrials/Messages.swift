import Apus
import ApusRedis
import TestSupport
import TrialSupport

func messages(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let news = try await redis.subscribe("a", "b")
    var patterns: [String] = []
    let all = try await redis.pSubscribe("a*") { patterns.append("\($0.pattern ?? "") \($0.channel) \($0.string)") }
    var seen: [String] = []
    let other = try await redis.subscribe("a") { seen.append("\($0.channel) \($0.string)") }
    let shard = try await redis.sSubscribe("a")
    expect(try await redis.publish("a", "1"), is: 2)
    expect(try await redis.publish("ab", "2"), is: 1)
    expect(try await redis.publish("b", bytes("\r\n$")), is: 1)
    expect(try await redis.publish("c", "4"), is: 0)
    expect(try await redis.sPublish("a", "5"), is: 1)
    expect(Set(try await redis.pubSubChannels()), is: ["a", "b"])
    expect(try await redis.pubSubNumSub("a", "c"), is: ["a": 1, "c": 0])
    var iterator = news.makeAsyncIterator()
    expect(try await iterator.next(), is: RedisMessage(channel: "a", pattern: nil, payload: bytes("1")))
    expect(try await iterator.next(), is: RedisMessage(channel: "b", pattern: nil, payload: bytes("\r\n$")))
    for try await message in shard {
        expect(message.channel == "a" && message.string == "5")
        break
    }
    try await expectEventually { patterns.count == 2 && seen.count == 1 }
    expect(patterns, is: ["a* a 1", "a* ab 2"])
    expect(seen, is: ["a 1"])
    // One that is over takes its channel along only when nobody else has it.
    other.cancel()
    all.cancel()
    try await expectEventually { try await redis.publish("ab", "5") == 0 }
    expect(try await redis.publish("a", "6"), is: 1)
    expect(try await iterator.next()?.string, is: "6")
    expect(seen.count == 1 && patterns.count == 2)
    // A loop ends with its task, or with the subscription.
    let loop = Task { for try await message in news { expect(false, "\(message)") } }
    try await WorkerTimer.sleep(0)
    loop.cancel()
    expect(await expectError { try await loop.value } is CancellationError)
    news.cancel()
    for try await message in news { expect(false, "\(message)") }
    try await expectEventually { try await redis.publish("a", "7") == 0 }
    // One that nobody has any more.
    var lost: RedisSubscription? = try await redis.subscribe("lost")
    expect(try await redis.publish("lost", "1"), is: 1)
    expect(lost?.isOver, is: false)
    lost = nil
    try await expectEventually { try await redis.publish("lost", "2") == 0 }
    let last = try await redis.subscribe("x")
    redis.close()
    for try await message in last { expect(false, "\(message)") }
    await expectRedisError {
        _ = try await redis.subscribe("y")
    } where: {
        $0 == .closed
    }
}

/// After the server was killed, and after it has ended the connection, messages come again without anybody asking.
func resubscribing(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let news = try await redis.subscribe("a", "b")
    let patterns = try await redis.pSubscribe("p*")
    var iterators = (news.makeAsyncIterator(), patterns.makeAsyncIterator())
    for round in 0..<6 {
        if round % 2 == 0 {
            try fixture.server.kill()
            try fixture.server.restart()
        } else {
            let killed = try await redis.command("CLIENT", "KILL", "TYPE", "pubsub").integer
            expect(killed, is: 1)
        }
        try await expectEventually { await redis.reaches("b", "\(round)") }
        try await expectEventually { await redis.reaches("p1", "\(round)") }
        expect(try await iterators.0.next()?.string, is: "\(round)")
        expect(try await iterators.1.next()?.string, is: "\(round)")
    }
    // Rights that were taken away end it with the reason.
    let loop = Task { for try await _ in news {} }
    try await redis.command("ACL", "SETUSER", "default", "resetchannels")
    try await redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    await expectRedisError {
        try await loop.value
    } where: {
        if case .refused("NOPERM", _) = $0 { true } else { false }
    }
    await expectRedisError {
        _ = try await redis.subscribe("c")
    } where: {
        if case .refused("NOPERM", _) = $0 { true } else { false }
    }
    expect(news.isOver)
}

func slowReaders(_ words: [String]) async throws {
    let fixture = try Fixture(words) { $0.maxBufferedMessages = 10 }
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let news = try await redis.subscribe("a")
    var count = 0
    let quick = try await redis.subscribe("a") { _ in count += 1 }
    for number in 0..<1025 { try await redis.publish("a", number) }
    try await expectEventually { count == 1025 }
    expect(news.droppedMessages, is: 1015)
    var received: [String] = []
    for try await message in news {
        received.append(message.string)
        if received.count == 10 { break }
    }
    expect(received, is: (1015..<1025).map(String.init))
    quick.cancel()
}
