import Glibc
import TestSupport
import Testing

/// The Redis client against a real server, and against one that the test plays. Tasks that go on at the same time may
/// report in any order.
@Suite struct RedisTests {
    private static func client(_ backend: String, _ to: String, _ options: [String] = []) throws -> ScenarioServer {
        try ScenarioServer("redis", Setup(backend: backend, transport: .ipv4), ["--to", to] + options)
    }

    private func withRedis(
        _ backend: String, server: [String] = [], _ options: [String] = [],
        _ body: @Sendable (ScenarioServer, RedisServer) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let redis = try RedisServer(server)
            let client = try Self.client(backend, "\(redis.endpoint)", options)
            try body(client, redis)
            try client.finish()
        }
    }

    /// A client whose server is the test.
    private func withAcceptor(
        _ backend: String, _ options: [String] = [], _ body: @Sendable (ScenarioServer, Acceptor) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor("ipv4", in: folder)
            let client = try Self.client(backend, "redis://\(acceptor.endpoint)", options)
            try body(client, acceptor)
            try client.finish()
        }
    }

    // MARK: A real server

    @Test(arguments: Setup.backends, [[], ["--resp3", "1"]])
    func commandsHaveTheirReplies(_ backend: String, _ options: [String]) async throws {
        try await withRedis(backend, options) { client, _ in
            try client.tell("ask SET k v")
            #expect(try client.tell("ask GET k") == "v")
            #expect(try client.tell("ask GET nothing") == "null")
            #expect(try client.tell("ask INCR n") == "1")
            #expect(try client.tell("ask RPUSH l a b") == "2")
            #expect(try client.tell("ask LRANGE l 0 -1") == "[a, b]")
            #expect(try client.tell("ask HSET h f 1") == "1")
            #expect(try client.tell("ask HGETALL h") == (options.isEmpty ? "[f, 1]" : "{f: 1}"))
            #expect(try client.tell("ask INCR l").hasPrefix("Redis: WRONGTYPE"))
            #expect(try client.tell("ask NOSUCH x").hasPrefix("Redis: ERR unknown command"))
            #expect(try client.tell("ask GET k") == "v")
            #expect(try client.tell("keys") == "ttffttttftt")
            #expect(try client.tell("many 5000") == "5000 right")
        }
    }

    @Test(arguments: ["SUBSCRIBE x", "multi", "select 1", "MONITOR", "client reply off", "AUTH x"])
    func whatConcernsAllIsRefused(_ command: String) async throws {
        try await withRedis("epoll") { client, _ in
            let reply = try client.tell("ask \(command)")
            #expect(reply.hasSuffix("needs a connection of its own"))
            #expect(try client.tell("ask PING") == "PONG")
            #expect(try client.tell("ask CLIENT ID") != "null")
        }
    }

    /// Killed and started again in the middle of use: what was not sent waits, what was sent fails.
    @Test(arguments: Setup.backends)
    func aServerMayDieAndComeBack(_ backend: String) async throws {
        try await withRedis(backend) { client, redis in
            #expect(try client.tell("ask SET k v") == "OK")
            redis.signal(SIGSTOP)
            try client.tell("do sent GET k")
            try client.tell("state")
            try redis.kill()
            #expect(try client.event("sent").contains("broke before the reply came"))
            try client.tell("do waiting INCR n")
            try client.tell("do too SET k w")
            try redis.restart()
            #expect(Set(try client.nextEvents(2)) == ["waiting 1", "too OK"])
            #expect(try client.tell("ask GET k") == "w")
            #expect(try client.tell("many 1000") == "1000 right")
            // Without anything that waits, too.
            try redis.kill()
            try redis.restart()
            #expect(try client.tell("ask PING") == "PONG")
        }
    }

    @Test(arguments: Setup.backends, [[], ["--resp3", "1"]])
    func loginAndDatabaseAreSaidAgain(_ backend: String, _ options: [String]) async throws {
        let server = ["--requirepass", "secret"]
        try await withRedis(backend, server: server, ["--password", "secret", "--database", "3"] + options) {
            client, redis in
            for _ in 0..<2 {
                #expect(try client.tell("ask SET k v") == "OK")
                #expect(try client.tell("ask CLIENT INFO").contains(" db=3 "))
                try redis.kill()
                try redis.restart()
            }
        }
    }

    @Test(arguments: [
        (["--password", "wrong"], "WRONGPASS"), ([], "NOAUTH"),
        (["--password", "secret", "--database", "99"], "ERR DB"),
        (["--password", "wrong", "--resp3", "1"], "WRONGPASS"),
    ])
    func aRefusedLoginIsSaidAtOnce(_ options: [String], _ reason: String) async throws {
        try await withRedis("epoll", server: ["--requirepass", "secret"], options) { client, redis in
            for _ in 0..<3 {
                let reply = try client.tell("ask GET k")
                #expect(reply.hasPrefix("Redis refuses the login: \(reason)"))
            }
        }
    }

    /// Over TLS, by way of a proxy that ends it. Login and commands leave after the handshake.
    @Test(arguments: Setup.backends)
    func serversAreReachedOverTLS(_ backend: String) async throws {
        try await withRedis("epoll", server: ["--requirepass", "secret"]) { _, redis in
            let secured = Setup(backend: backend, transport: .ipv4, isSecured: true)
            let proxy = try ScenarioServer("proxy", secured, ["--to", "\(redis.endpoint)"])
            let address = "rediss://:secret@\(proxy.endpoint)/1"
            let authority = TestCertificates.shared.certificate("localhost")
            let client = try Self.client(backend, address, ["--server-name", "localhost", "--server-ca", authority])
            #expect(try client.tell("ask SET k v") == "OK")
            #expect(try client.tell("keys") == "ttffttttftt")
            try client.finish()
            // Who does not know the authority does not log in.
            let stranger = try Self.client(backend, address, ["--command-timeout", "2000"])
            #expect(try stranger.tell("ask GET k").hasPrefix("Redis cannot be reached: TLS handshake"))
            try stranger.finish()
            try proxy.finish()
        }
    }

    // MARK: A server of the test's own

    /// Accepts the client and answers its PING.
    private static func greet(_ acceptor: Acceptor) throws -> Client {
        let peer = try acceptor.accept()
        #expect(try peer.read(14) == Array("*1\r\n$4\r\nPING\r\n".utf8))
        try peer.send("+PONG\r\n")
        return peer
    }

    private static func get(_ key: String) -> [UInt8] {
        Array("*2\r\n$3\r\nGET\r\n$\(key.utf8.count)\r\n\(key)\r\n".utf8)
    }

    /// Commands do not wait for the replies of earlier ones.
    @Test(arguments: Setup.backends)
    func commandsArePipelined(_ backend: String) async throws {
        try await withAcceptor(backend) { client, acceptor in
            for key in ["a", "b", "c"] { try client.tell("do \(key) GET \(key)") }
            let peer = try Self.greet(acceptor)
            #expect(try peer.read(3 * 20) == Self.get("a") + Self.get("b") + Self.get("c"))
            try peer.send("$1\r\n1\r\n:2\r\n*1\r")
            #expect(Set(try client.nextEvents(2)) == ["a 1", "b 2"])
            try client.tell("do d GET d")
            #expect(try peer.read(20) == Self.get("d"))
            try peer.send("\n+3\r\n_\r\n")
            #expect(Set(try client.nextEvents(2)) == ["c [3]", "d null"])
        }
    }

    /// Nothing but the greeting is sent before the server has answered it.
    @Test func commandsWaitForTheGreeting() async throws {
        try await withAcceptor("epoll", ["--password", "p", "--database", "2"]) { client, acceptor in
            try client.tell("do a GET a")
            let peer = try acceptor.accept()
            let greeting = Array("*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n".utf8)
            #expect(try peer.read(greeting.count) == greeting)
            try peer.send("+OK\r\n")
            #expect(!peer.isReadable(within: 0.05))
            try peer.send("+OK\r\n")
            #expect(try peer.read(20) == Self.get("a"))
            try peer.send("$-1\r\n")
            #expect(try client.nextEvent() == "a null")
        }
    }

    /// A login that was refused says nothing of later ones.
    @Test func aRefusedLoginIsForgotten() async throws {
        try await withAcceptor("epoll") { client, acceptor in
            try client.tell("do a GET a")
            let first = try acceptor.accept()
            _ = try first.read(14)
            try first.send("-NOAUTH Authentication required.\r\n")
            #expect(try client.nextEvent() == "a Redis refuses the login: NOAUTH Authentication required.")
            #expect(try first.readToEnd().bytes.isEmpty)
            // It is not asked again before somebody has a command.
            #expect(!acceptor.isAsked(within: 0.1))
            try client.tell("do b GET b")
            try acceptor.accept().close()
            let second = try Self.greet(acceptor)
            #expect(try second.read(20) == Self.get("b"))
            try second.send("+2\r\n")
            #expect(try client.nextEvent() == "b 2")
        }
    }

    /// A server that reads its data is asked again, and commands wait.
    @Test func aServerThatLoadsIsWaitedFor() async throws {
        try await withAcceptor("epoll") { client, acceptor in
            try client.tell("do a GET a")
            let first = try acceptor.accept()
            _ = try first.read(14)
            try first.send("-LOADING Redis is loading the dataset in memory\r\n")
            _ = try first.readToEnd()
            let second = try Self.greet(acceptor)
            #expect(try second.read(20) == Self.get("a"))
            try second.send("+late\r\n")
            #expect(try client.nextEvent() == "a late")
        }
    }

    /// The reply of a cancelled command is nobody's; those of the others stay in order.
    @Test(arguments: Setup.backends)
    func aCancelledCommandReturnsAtOnce(_ backend: String) async throws {
        try await withAcceptor(backend) { client, acceptor in
            try client.tell("do early GET early")
            try client.tell("cancel early")
            #expect(try client.nextEvent() == "early CancellationError()")
            let peer = try Self.greet(acceptor)
            for key in ["a", "b", "c"] { try client.tell("do \(key) GET \(key)") }
            // What was cancelled before it was sent is not sent.
            #expect(try peer.read(3 * 20) == Self.get("a") + Self.get("b") + Self.get("c"))
            try client.tell("cancel b")
            #expect(try client.nextEvent() == "b CancellationError()")
            try peer.send("+1\r\n+2\r\n+3\r\n")
            #expect(Set(try client.nextEvents(2)) == ["a 1", "c 3"])
        }
    }

    /// What was sent is not sent again; what was not is sent over the next connection.
    @Test(arguments: Setup.backends)
    func aLostConnectionFailsWhatWasSent(_ backend: String) async throws {
        try await withAcceptor(backend) { client, acceptor in
            try client.tell("do a GET a")
            try client.tell("do b GET b")
            let first = try Self.greet(acceptor)
            _ = try first.read(40)
            try first.send("+1\r\n")
            #expect(try client.nextEvent() == "a 1")
            first.close()
            #expect(try client.nextEvent().hasSuffix("the connection was closed (perhaps)"))
            try client.tell("do c GET c")
            let second = try Self.greet(acceptor)
            #expect(try second.read(20) == Self.get("c"))
            try second.send("+3\r\n")
            #expect(try client.nextEvent() == "c 3")
        }
    }

    @Test(arguments: ["garbage\r\n", "+PONG\r\n", "*1\r\n>1\r\n+x\r\n", "$3\r\nabcdef"])
    func garbageEndsTheConnection(_ garbage: String) async throws {
        try await withAcceptor("libevent", ["--max-reply", "1000"]) { client, acceptor in
            try client.tell("do a GET a")
            let first = try Self.greet(acceptor)
            _ = try first.read(20)
            try first.send("+1\r\n" + garbage)
            #expect(try client.nextEvent() == "a 1")
            let second = try Self.greet(acceptor)
            try client.tell("do b GET b")
            #expect(try second.read(20) == Self.get("b"))
            // Too long a reply.
            try second.send("$1000\r\n")
            #expect(try client.nextEvent().hasSuffix("(perhaps)"))
            _ = try Self.greet(acceptor)
        }
    }

    /// News that nobody has asked for belong to no command.
    @Test func newsAreNoReplies() async throws {
        try await withAcceptor("epoll") { client, acceptor in
            try client.tell("do a GET a")
            let peer = try Self.greet(acceptor)
            _ = try peer.read(20)
            try peer.send(">2\r\n+invalidate\r\n_\r\n+1\r\n>1\r\n+x\r\n")
            #expect(try client.nextEvent() == "a 1")
            try client.tell("do b GET b")
            _ = try peer.read(20)
            try peer.send("+2\r\n")
            #expect(try client.nextEvent() == "b 2")
        }
    }

    @Test(arguments: Setup.backends)
    func aServerThatDoesNotReplyTimesOut(_ backend: String) async throws {
        try await withAcceptor(backend, ["--command-timeout", "1000"]) { client, acceptor in
            try client.tell("do a GET a")
            let first = try Self.greet(acceptor)
            _ = try first.read(20)
            #expect(try client.nextEvent() == "a Redis did not reply in time (perhaps)")
            // Its replies would come for the wrong commands: the connection is made anew.
            #expect(try first.readToEnd().bytes.isEmpty)
            // A greeting without an answer holds neither commands nor the connection for ever.
            let second = try acceptor.accept()
            try client.tell("do b GET b")
            #expect(try second.readToEnd().bytes == Array("*1\r\n$4\r\nPING\r\n".utf8))
            #expect(try client.nextEvent().hasPrefix("b Redis cannot be reached: "))
            let third = try Self.greet(acceptor)
            try client.tell("do c GET c")
            #expect(try third.read(20) == Self.get("c"))
            try third.send("+3\r\n")
            #expect(try client.nextEvent() == "c 3")
        }
    }

    @Test(arguments: Setup.backends)
    func commandsDoNotWaitForEverForAServer(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let closed = try Acceptor("ipv4", in: folder).endpoint
            let client = try Self.client(backend, "\(closed)", ["--command-timeout", "1000", "--most", "2"])
            try client.tell("do a GET a")
            try client.tell("do b GET b")
            #expect(try client.tell("ask GET c") == "2 commands wait for Redis already")
            for (name, event) in zip(["a", "b"], try client.nextEvents(2).sorted()) {
                #expect(event.hasPrefix("\(name) Redis cannot be reached: connect \(closed) fail"))
                #expect(event.hasSuffix("Connection refused"))
            }
            try client.finish()
        }
    }

    @Test(arguments: Setup.backends)
    func aClientThatIsLetGoClosesItsConnection(_ backend: String) async throws {
        try await withAcceptor(backend) { client, acceptor in
            try client.tell("brief")
            let peer = try Self.greet(acceptor)
            _ = try peer.read("*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n".utf8.count)
            try peer.send("+x\r\n")
            #expect(try client.event("brief") == "brief x")
            #expect(try peer.readToEnd().bytes.isEmpty)
            #expect(!acceptor.isAsked(within: 0.1))
        }
    }

    @Test func closingFailsWhatWaits() async throws {
        try await withAcceptor("epoll") { client, acceptor in
            try client.tell("do a GET a")
            let peer = try Self.greet(acceptor)
            _ = try peer.read(20)
            try client.tell("close")
            #expect(try client.nextEvent().hasSuffix("the client was closed (perhaps)"))
            #expect(try peer.readToEnd().bytes.isEmpty)
            #expect(try client.tell("ask GET b") == "the Redis client was closed")
            #expect(!acceptor.isAsked(within: 0.1))
        }
    }

    /// A server that does not read: what is bounded is the number of commands, and none is dropped.
    @Test func aSlowServerLosesNothing() async throws {
        try await withAcceptor("epoll") { client, acceptor in
            let value = String(repeating: "v", count: 60_000)
            for number in 0..<60 { try client.tell("do \(number) SET k \(value)") }
            let peer = try Self.greet(acceptor)
            let command = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000\r\n\(value)\r\n"
            for number in 0..<60 {
                try peer.skip(command.utf8.count)
                try peer.send(":\(number)\r\n")
                #expect(try client.nextEvent() == "\(number) \(number)")
            }
        }
    }
}
