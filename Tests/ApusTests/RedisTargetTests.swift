import Testing

@testable import ApusRedis

@Suite struct `Redis addresses` {
    @Test(arguments: [
        ("localhost", "localhost:6379"), ("redis://localhost", "localhost:6379"), ("10.0.0.5:7000", "10.0.0.5:7000"),
        ("redis://[::1]", "[::1]:6379"), ("redis://[::1]:7000/", "[::1]:7000"), ("REDIS://h", "h:6379"),
        ("unix:/run/redis.sock", "unix:/run/redis.sock"), ("unix:///run/redis.sock", "unix:/run/redis.sock"),
    ])
    func `name a place`(_ text: String, _ address: String) throws {
        let target = try RedisTarget(text)
        #expect(target.address == address)
        #expect(!target.isSecured)
        #expect(target.greeting(speaksRESP3: false) == [["PING"]])
        #expect(target.greeting(speaksRESP3: true) == [["HELLO", "3"]])
    }

    @Test func `hold login and database`() throws {
        let full = try RedisTarget("rediss://ann:p%40ss:%2F@h:1/3")
        #expect(full.isSecured)
        #expect(full.address == "h:1")
        #expect(full.greeting(speaksRESP3: false) == [["AUTH", "ann", "p@ss:/"], ["SELECT", "3"]])
        #expect(full.greeting(speaksRESP3: true) == [["HELLO", "3", "AUTH", "ann", "p@ss:/"], ["SELECT", "3"]])
        let password = try RedisTarget("redis://:secret@h/0")
        #expect(password.greeting(speaksRESP3: false) == [["AUTH", "secret"]])
        #expect(password.greeting(speaksRESP3: true) == [["HELLO", "3", "AUTH", "default", "secret"]])
    }

    @Test func `may have a password that begins with an accent`() throws {
        let target = try RedisTarget("redis://ann:\u{301}x@h")
        #expect(target.greeting(speaksRESP3: false) == [["AUTH", "ann", "\u{301}x"]])
    }

    @Test(arguments: ["", "http://h", "redis://", "redis://h/x", "redis://h/-1", "redis://:x@"])
    func `that cannot be understood are refused`(_ text: String) {
        #expect(throws: RedisError.self) { try RedisTarget(text) }
    }

    @Test func `Errors have a code`() {
        #expect(RedisError(reply: "WRONGTYPE Operation") == .refused(code: "WRONGTYPE", "WRONGTYPE Operation"))
        #expect(RedisError(reply: "Not this") == .refused(code: "", "Not this"))
        #expect(RedisError(reply: "ERR") == .refused(code: "ERR", "ERR"))
        #expect(RedisError.timedOut.mayHaveBeenExecuted)
        #expect(!RedisError.unavailable("x").mayHaveBeenExecuted)
    }

    @Test func `Numbers are sent in decimal`() {
        #expect((-7).redisBytes == Array("-7".utf8))
        #expect(0.1.redisBytes == Array("0.1".utf8))
        #expect("é".redisBytes == [0xC3, 0xA9])
    }
}
