import ApusRedis
import TrialSupport

func strings(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    expect(try await redis.set("a", "1"))
    expect(try await redis.get("a") == bytes("1"))
    expect(try await redis.get("none") == nil)
    expect(try await redis.get("a", as: Int.self) == 1)
    expect(try await redis.set("a", "2", ifKey: .isMissing), is: false)
    expect(try await redis.set("b", "2", expiry: .milliseconds(90_000), ifKey: .isMissing))
    expect(try await redis.setKeepingExpiry("b", "3"))
    guard case .seconds(let left) = try await redis.ttl("b") else { return expect(false, "no time to live") }
    expect(left > 30 && left <= 90)
    expect(try await redis.getSet("b", "4") == bytes("3"))
    expect(try await redis.ttl("b"), is: .unlimited)
    expect(try await redis.ttl("none"), is: .missing)
    try await redis.mSet(["x": 1, "y": "two", "z": bytes("\r\n")])
    expect(try await redis.mGet(["x", "none", "z"]), is: [bytes("1"), nil, bytes("\r\n")])
    expect(try await redis.mSetNX(["x": 1, "w": 1]), is: false)
    expect(try await redis.mSetNX(["v": 1, "w": 1]))
    expect(try await redis.incr("n"), is: 1)
    expect(try await redis.incr("n", by: 41), is: 42)
    expect(try await redis.decr("n", by: 2), is: 40)
    expect(try await redis.incrByFloat("n", 0.5), is: 40.5)
    expect(try await redis.append("s", "Hello "), is: 6)
    expect(try await redis.append("s", "World"), is: 11)
    expect(try await redis.getRange("s", -5, -1), is: bytes("World"))
    expect(try await redis.setRange("s", 6, "Redis"), is: 11)
    expect(try await redis.strLen("s"), is: 11)
    expect(try await redis.getEx("s", expiry: .seconds(100)) == bytes("Hello Redis"))
    expect(try await redis.getEx("s", expiry: .never) == bytes("Hello Redis"))
    expect(try await redis.ttl("s"), is: .unlimited)
    expect(try await redis.getDel("s") == bytes("Hello Redis"))
    expect(try await redis.getDel("s") == nil)
    expect(try await redis.setBit("bits", 7, true), is: false)
    expect(try await redis.getBit("bits", 7))
    expect(try await redis.setBit("other", 0, true), is: false)
    expect(try await redis.bitOp(.or, into: "both", "bits", "other"), is: 1)
    expect(try await redis.bitCount("both"), is: 2)
    expect(try await redis.bitCount("both", in: 0...0), is: 2)
    expect(try await redis.bitPos("bits", true), is: 7)
    expect(try await redis.bitPos("none", true), is: nil)
    expect(try await redis.bitField("f", "SET", "u8", 0, 255, "OVERFLOW", "FAIL", "INCRBY", "u8", 0, 1), is: [0, nil])
    await expectRedisError {
        try await redis.incr("z")
    } where: {
        if case .refused("ERR", _) = $0 { true } else { false }
    }
    let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    try await redis.set("large", large)
    expect(try await redis.get("large") == large)
}

func keys(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    try await redis.set("a", 1)
    expect(try await redis.exists("a", "b", "a"), is: 2)
    expect(try await redis.touch("a", "b"), is: 1)
    expect(try await redis.expire("a", in: 100))
    expect(try await redis.persist("a"))
    expect(try await redis.persist("a"), is: false)
    expect(try await redis.expire("a", .atMilliseconds(4_000_000_000_000)))
    expect(try await redis.expire("a", .at(unixSeconds: 4_000_000_000)))
    expect(try await redis.expire("a", .never))
    expect(try await redis.type(of: "a"), is: "string")
    expect(try await redis.type(of: "b"), is: nil)
    try await redis.rename("a", to: "b")
    try await redis.set("a", 2)
    expect(try await redis.renameNX("a", to: "b"), is: false)
    expect(try await redis.copy("a", to: "b"), is: false)
    expect(try await redis.copy("a", to: "b", replaces: true))
    expect(try await redis.copy("a", to: "b", database: 1))
    expect(try await redis.move("a", toDatabase: 2))
    expect(try await redis.randomKey(), is: "b")
    expect(try await redis.keys(matching: "?"), is: ["b"])
    let dumped = try await redis.dump("b")
    expect(try await redis.dump("none") == nil)
    try await redis.restore("c", dumped ?? [], milliseconds: 100_000)
    expect(try await redis.get("c") == bytes("2"))
    await expectRedisError {
        try await redis.restore("c", dumped ?? [])
    } where: {
        if case .refused("BUSYKEY", _) = $0 { true } else { false }
    }
    expect(try await redis.delete("b", "none"), is: 1)
    expect(try await redis.unlink("c"), is: 1)
    expect(try await redis.delete(), is: 0)
    try await redis.rPush("l", 3, 1, 2)
    try await redis.mSet(["of_1": "one", "of_3": "three"])
    expect(try await redis.sort("l", as: Int.self), is: [1, 2, 3])
    var options = RedisSortOptions()
    options.isDescending = true
    options.limit = (0, 2)
    options.get = ["#", "of_*"]
    expect(try await redis.sort("l", options, as: String.self), is: ["3", "three", "2", nil])
    expect(try await redis.sort("l", into: "sorted", options), is: 4)
    options = RedisSortOptions()
    options.by = "nosort"
    options.isAlphabetical = true
    expect(try await redis.sort("l", options, as: Int.self), is: [3, 1, 2])
}

func hashes(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    expect(try await redis.hSet("h", ["a": 1, "b": "two"]), is: 2)
    expect(try await redis.hSet("h", "a", 3), is: false)
    expect(try await redis.hSetNX("h", "a", 4), is: false)
    expect(try await redis.hGet("h", "a", as: Int.self), is: 3)
    expect(try await redis.hGet("h", "c") == nil)
    expect(try await redis.hMGet("h", ["a", "c", "b"], as: String.self), is: ["a": "3", "b": "two"])
    expect(try await redis.hGetAll("h", as: String.self), is: ["a": "3", "b": "two"])
    expect(try await redis.hGetAll("none").isEmpty)
    expect(try await redis.hExists("h", "a"))
    expect(try await redis.hIncrBy("h", "a", 2), is: 5)
    expect(try await redis.hIncrByFloat("h", "a", 0.25), is: 5.25)
    expect(Set(try await redis.hKeys("h")), is: ["a", "b"])
    expect(Set(try await redis.hVals("h", as: String.self)), is: ["5.25", "two"])
    expect(try await redis.hLen("h"), is: 2)
    expect(try await redis.hStrLen("h", "b"), is: 3)
    expect(Set(try await redis.hRandField("h", count: 5)), is: ["a", "b"])
    expect(try await redis.hDel("h", "a", "c"), is: 1)
}

func lists(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    expect(try await redis.lPush("l", "b", "a"), is: 2)
    expect(try await redis.rPush("l", "c", "d"), is: 4)
    expect(try await redis.lPushX("none", "x"), is: 0)
    expect(try await redis.rPushX("l", "a"), is: 5)
    expect(try await redis.lRange("l", as: String.self), is: ["a", "b", "c", "d", "a"])
    expect(try await redis.lPos("l", "a", count: 0), is: [0, 4])
    expect(try await redis.lIndex("l", -2, as: String.self), is: "d")
    expect(try await redis.lIndex("l", 9) == nil)
    try await redis.lSet("l", 1, "B")
    expect(try await redis.lInsert("l", "x", before: true, pivot: "c"), is: 6)
    expect(try await redis.lInsert("l", "x", before: false, pivot: "none"), is: nil)
    expect(try await redis.lRem("l", "a", count: -1), is: 1)
    expect(try await redis.lLen("l"), is: 5)
    expect(try await redis.lPop("l", as: String.self), is: "a")
    expect(try await redis.rPop("l", as: String.self), is: "d")
    expect(try await redis.lMove("l", .left, to: "m", .right, as: String.self), is: "B")
    expect(try await redis.lMove("none", .left, to: "m", .right) == nil)
    try await redis.lTrim("l", 0, 0)
    expect(try await redis.lPop("l", count: 9, as: String.self), is: ["x"])
    expect(try await redis.lPop("l", count: 9).isEmpty)
    expect(try await redis.rPop("m", count: 9, as: String.self), is: ["B"])
    expect(try await redis.lPop("l") == nil)
}

func sets(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    expect(try await redis.sAdd("s", "a", "b", "a"), is: 2)
    expect(try await redis.sAdd("t", "b", "c"), is: 2)
    expect(Set(try await redis.sMembers("s", as: String.self)), is: ["a", "b"])
    expect(try await redis.sIsMember("s", "a"))
    expect(try await redis.sMIsMember("s", "a", "z"), is: [true, false])
    expect(try await redis.sCard("s"), is: 2)
    expect(Set(try await redis.sUnion("s", "t", as: String.self)), is: ["a", "b", "c"])
    expect(try await redis.sInter("s", "t", as: String.self), is: ["b"])
    expect(try await redis.sDiff("s", "t", as: String.self), is: ["a"])
    expect(try await redis.sUnionStore("u", "s", "t"), is: 3)
    expect(try await redis.sInterStore("i", "s", "t"), is: 1)
    expect(try await redis.sDiffStore("d", "s", "t"), is: 1)
    expect(try await redis.sMove("s", to: "t", "a"))
    expect(try await redis.sRandMember("s", as: String.self), is: ["b"])
    expect(try await redis.sPop("s", as: String.self), is: ["b"])
    expect(try await redis.sPop("s").isEmpty)
    expect(try await redis.sRem("t", "a", "z"), is: 1)
    expect(try await redis.pfAdd("p", "a", "b", "c"))
    expect(try await redis.pfAdd("q", "c", "d"))
    expect(try await redis.pfCount("p", "q"), is: 4)
    try await redis.pfMerge("r", "p", "q")
    expect(try await redis.pfCount("r"), is: 4)
}

func sortedSets(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    expect(try await redis.zAdd("z", [("a", 1), ("b", 2.5), ("c", .infinity)]), is: 3)
    expect(try await redis.zAdd("z", "a", score: 1.5), is: false)
    expect(try await redis.zAdd("z", [("a", 0), ("b", 3)], ifMember: .isHigher, countsChanged: true), is: 1)
    expect(try await redis.zScore("z", "c"), is: .infinity)
    expect(try await redis.zScore("z", "x"), is: nil)
    expect(try await redis.zMScore("z", "a", "x"), is: [1.5, nil])
    expect(try await redis.zIncrBy("z", "a", -0.5), is: 1)
    expect(try await redis.zCard("z"), is: 3)
    expect(try await redis.zRank("z", "b"), is: 1)
    expect(try await redis.zRevRank("z", "c"), is: 0)
    expect(try await redis.zRank("z", "x"), is: nil)
    expect(try await redis.zRange("z", as: String.self), is: ["a", "b", "c"])
    expect(try await redis.zRange("z", .places(0, 0), isReversed: true, as: String.self), is: ["c"])
    expect(try await redis.zRange("z", .scores(1...3), isReversed: true, as: String.self), is: ["b", "a"])
    expect(try await redis.zRange("z", .scoresBetween("(1", "+inf"), limit: (0, 1), as: String.self), is: ["b"])
    expect(
        try await redis.zRangeWithScores("z", .scores(0...9)),
        is: [RedisScored(member: bytes("a"), score: 1), RedisScored(member: bytes("b"), score: 3)])
    expect(try await redis.zCount("z", .scores(1...3)), is: 2)
    try await redis.zAdd("y", [("a", 0), ("b", 0), ("c", 0)])
    expect(try await redis.zCount("y", .lexical("[b", "+")), is: 2)
    expect(try await redis.zRange("y", .lexical("-", "(c"), as: String.self), is: ["a", "b"])
    expect(try await redis.zRemRange("y", .lexical("-", "[a")), is: 1)
    expect(try await redis.zRemRange("y", .places(0, 0)), is: 1)
    expect(try await redis.zRemRange("y", .scores(0...0)), is: 1)
    try await redis.zAdd("w", "a", score: 10)
    expect(try await redis.zUnionStore("u", ["z", "w"], weights: [2, 1]), is: 3)
    expect(try await redis.zScore("u", "a"), is: 12)
    expect(try await redis.zInterStore("i", ["z", "w"], aggregate: .max), is: 1)
    expect(try await redis.zInter(["z", "w"], aggregate: .min).map(\.score), is: [1])
    expect(try await redis.zUnion(["z", "w"]).map(\.string), is: ["b", "a", "c"])
    expect(try await redis.zDiff(["z", "w"]).map(\.string), is: ["b", "c"])
    expect(try await redis.zRandMember("w"), is: [RedisScored(member: bytes("a"), score: 10)])
    expect(try await redis.zPopMin("z").map(\.string), is: ["a"])
    expect(try await redis.zPopMax("z", count: 2).map(\.score), is: [.infinity, 3])
    expect(try await redis.zPopMax("z").isEmpty)
    expect(try await redis.zRem("w", "a", "b"), is: 1)
}

func geo(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let palermo = RedisCoordinate(longitude: 13.361389, latitude: 38.115556)
    let catania = RedisCoordinate(longitude: 15.087269, latitude: 37.502669)
    expect(try await redis.geoAdd("g", ["Palermo": palermo, "Catania": catania]), is: 2)
    let distance = try await redis.geoDist("g", "Palermo", "Catania", in: .kilometres) ?? 0
    expect(abs(distance - 166.27) < 0.1)
    expect(try await redis.geoDist("g", "Palermo", "x"), is: nil)
    let places = try await redis.geoPos("g", "Palermo", "x")
    expect(places.count == 2 && places[1] == nil && abs((places[0]?.longitude ?? 0) - 13.361389) < 0.001)
    expect(try await redis.geoHash("g", "Palermo", "x"), is: ["sqc8b49rny0", nil])
    let here = RedisCoordinate(longitude: 15, latitude: 37)
    let near = try await redis.geoSearch("g", around: here, .radius(200, .kilometres))
    expect(near.map(\.member), is: ["Catania", "Palermo"])
    expect(near.count == 2 && near[0].distance < near[1].distance)
    let box = RedisGeoArea.box(width: 400, height: 400, .kilometres)
    expect(try await redis.geoSearch("g", aroundMember: "Palermo", box, limit: 1).map(\.member), is: ["Palermo"])
}

func streams(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let first = try await redis.xAdd("s", ["a": 1])
    expect(try await redis.xAdd("s", ["a": 2], id: "9999999999999-1"), is: "9999999999999-1")
    expect(try await redis.xLen("s"), is: 2)
    expect(try await redis.xRange("s").map { $0["a"] }, is: ["1", "2"])
    expect(try await redis.xRange("s", limit: 1).map(\.id), is: [first])
    expect(try await redis.xRevRange("s").map { $0["a"] }, is: ["2", "1"])
    expect(try await redis.xRead(["s": first])["s"]?.map { $0["a"] }, is: ["2"])
    expect(try await redis.xRead(["s": "$", "none": "0"]).isEmpty)
    try await redis.xGroupCreate("s", "g", from: "0")
    expect(try await redis.xReadGroup("g", "me", ["s": ">"], limit: 1)["s"]?.map(\.id), is: [first])
    expect(try await redis.xReadGroup("g", "you", ["s": ">"])["s"]?.map { $0["a"] }, is: ["2"])
    expect(try await redis.xReadGroup("g", "you", ["s": ">"]).isEmpty)
    expect(try await redis.xPending("s", "g", consumer: "me").map(\.deliveries), is: [1])
    expect(try await redis.xAck("s", "g", first, "1-1"), is: 1)
    let claimed = try await redis.xAutoClaim("s", "g", "me", idleMilliseconds: 0)
    expect(claimed.next, is: "0-0")
    expect(claimed.entries.map { $0["a"] }, is: ["2"])
    expect(try await redis.xClaim("s", "g", "you", idleMilliseconds: 0, "9999999999999-1").count, is: 1)
    expect(try await redis.xPending("s", "g").map(\.consumer), is: ["you"])
    expect(try await redis.xGroupDelConsumer("s", "g", "you"), is: 1)
    try await redis.xGroupSetID("s", "g", "$")
    expect(try await redis.xInfo("s")["length"]?.integer, is: 2)
    expect(try await redis.xGroupDestroy("s", "g"))
    expect(try await redis.xDel("s", first), is: 1)
    try await redis.xAdd("s", ["a": 3], limit: .exactly(entries: 1))
    expect(try await redis.xTrim("s", to: .exactly(entries: 0)), is: 1)
    let reader = Task { try await redis.withConnection { try await $0.xRead(["s": "$"], timeout: 60) } }
    try await expectEventually { try await redis.info("clients")["blocked_clients"] == "1" }
    try await redis.xAdd("s", ["late": "yes"])
    expect(try await reader.value["s"]?.first?["late"], is: "yes")
}

func scripts(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    let script = RedisScript("return {KEYS[1], ARGV[1], tonumber(ARGV[2]) + 1}")
    expect(try await redis.knows(script), is: false)
    // Once in whole, then by its hash.
    for _ in 0..<2 {
        let reply = try await redis.run(script, keys: ["k"], ["é", 41])
        expect(reply, is: .array([.bytes(bytes("k")), .bytes(bytes("é")), .integer(42)]))
        expect(try await redis.knows(script))
    }
    try await redis.scriptFlush()
    try await redis.load(script)
    expect(try await redis.knows(script))
    await expectRedisError {
        try await redis.run(RedisScript("return redis.call('incr')"))
    } where: {
        if case .refused("ERR", _) = $0 { true } else { false }
    }
    let library = "#!lua name=mine\nredis.register_function('twice', function(keys, args) return args[1] * 2 end)"
    expect(try await redis.functionLoad(library), is: "mine")
    expect(try await redis.functionLoad(library, replaces: true), is: "mine")
    expect(try await redis.fCall("twice", [21]).integer, is: 42)
    expect(try await redis.command("EVAL", "return redis.status_reply('fine')", 0), is: .status("fine"))
}

func server(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    try await redis.ping()
    expect(try await redis.info()["redis_version"]?.isEmpty, is: false)
    expect(try await redis.info("server")["used_memory"], is: nil)
    try await redis.configSet("maxmemory-policy", "allkeys-lru")
    expect(try await redis.configGet("maxmemory-p*"), is: ["maxmemory-policy": "allkeys-lru"])
    try await redis.set("a", 1)
    expect(try await redis.dbSize(), is: 1)
    try await redis.flushDB()
    expect(try await redis.dbSize(), is: 0)
    try await redis.flushAll()
    expect(try await redis.time() > 1.7e9)
    expect(try await redis.lastSave() > 1_700_000_000)
    expect(try await redis.wait(forReplicas: 0, milliseconds: 1), is: 0)
    let id = try await redis.clientID()
    expect(try await redis.clientList().contains { $0["id"] == "\(id)" })
    expect(try await redis.clientKill(id: 999_999), is: false)
    // Its own connection: the reply comes before the end, and the next command goes over another one.
    expect(try await redis.clientKill(id: id))
    try await expectEventually {
        let next = try? await redis.clientID()
        return next != nil && next != id
    }
}

func scans(_ words: [String]) async throws {
    let fixture = try Fixture(words)
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    for number in 0..<500 {
        try await redis.set("key:\(number)", number)
        try await redis.sAdd("set", "member:\(number)")
        try await redis.hSet("hash", "field:\(number)", number)
        try await redis.zAdd("zset", "member:\(number)", score: Double(number))
    }
    var found: Set<String> = []
    for try await key in redis.scan(matching: "key:*", pageSize: 7) { found.insert(key) }
    expect(found.count, is: 500)
    found = []
    for try await key in redis.scan(type: "hash") { found.insert(key) }
    expect(found, is: ["hash"])
    found = []
    for try await member in redis.sScan("set", matching: "*:1*", as: String.self) { found.insert(member) }
    expect(found.count, is: 111)
    var fields: [String: String] = [:]
    for try await field in redis.hScan("hash") { fields[field.name] = field.string }
    expect(fields.count == 500 && fields.allSatisfy { $0 == "field:\($1)" })
    var sum = 0.0
    var members: Set<String> = []
    for try await member in redis.zScan("zset") where members.insert(member.string).inserted { sum += member.score }
    expect(sum, is: 124_750)
    for try await _ in redis.scan(matching: "none") { expect(false, "nothing is there") }
    await expectError { for try await _ in redis.hScan("set") {} }
}
