import Glibc
import TestSupport
import Testing

/// `pipe` and protocols that change: spec 03 §7 and §9, the protocol switch of §17.
@Suite struct PipeTests {
    /// A proxy in front of a listening socket of the test. TLS is between client and proxy.
    private func withProxy(
        _ setup: Setup, _ options: [String] = [],
        _ body: @Sendable (_ proxy: ScenarioServer, _ upstream: Acceptor) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor(setup.transport.rawValue, in: folder)
            let proxy = try ScenarioServer(
                "proxy", setup, ["--to", "\(acceptor.endpoint)"] + options, hasControl: true)
            try body(proxy, acceptor)
            try proxy.finish()
            #expect(proxy.count("too much") == 0)
        }
    }

    @Test(arguments: Setup.all)
    func bytesGoBothWaysAndEndsAreHandedOn(_ setup: Setup) async throws {
        try await withProxy(setup) { proxy, acceptor in
            let client = try proxy.connect()
            // Before the other side is there.
            try client.send("early ")
            let upstream = try acceptor.accept()
            try client.send("words")
            #expect(try String(decoding: upstream.read(11), as: UTF8.self) == "early words")
            try upstream.send("answer")
            #expect(try String(decoding: client.read(6), as: UTF8.self) == "answer")
            // The client is done, the server still has something to say.
            try client.send("last")
            client.finishSending()
            #expect(try upstream.textToEnd() == "last")
            try upstream.send("more than that")
            #expect(try String(decoding: client.read(14), as: UTF8.self) == "more than that")
            upstream.finishSending()
            #expect(try client.textToEnd() == "")
            let ends = Set(try proxy.nextEvents(4))
            #expect(
                ends == [
                    "client 1", "upstream 1", "client close 1 read=15 written=20",
                    "upstream close 1 read=20 written=15",
                ])
        }
    }

    /// The answer fills the queue and drains more than once, after the client has ended what it sends.
    @Test(arguments: Setup.all)
    func aLongAnswerReachesAClientThatHasFinished(_ setup: Setup) async throws {
        try await withProxy(setup, ["--max-send", "65536"]) { proxy, acceptor in
            let client = try proxy.connect(receiveBuffer: 4096)
            let upstream = try acceptor.accept()
            client.finishSending()
            #expect(try upstream.readToEnd().bytes.isEmpty)
            let block = pattern(64256)
            var sent = 0
            var read = 0
            while sent < 100 * block.count {
                let start = sent % block.count
                let taken = upstream.trySend(Array(block[start...])) ?? 0
                sent += taken
                if taken == 0 { read += try client.readAvailable(atMost: 65536).count }
            }
            upstream.finishSending()
            #expect(try read + client.readToEnd().bytes.count == sent)
        }
    }

    @Test(arguments: Setup.all)
    func theServerMayEndFirst(_ setup: Setup) async throws {
        try await withProxy(setup) { proxy, acceptor in
            let client = try proxy.connect()
            let upstream = try acceptor.accept()
            try upstream.send("goodbye")
            upstream.finishSending()
            #expect(try client.textToEnd() == "goodbye")
            try client.send("and you")
            #expect(try String(decoding: upstream.read(7), as: UTF8.self) == "and you")
            client.close()
            #expect(try upstream.readToEnd().bytes.isEmpty)
            try proxy.event("client close")
        }
    }

    /// A peer that closed and one that only ended what it sends look alike: who then stays silent is given up.
    @Test(arguments: Setup.all)
    func whoIsSilentAfterOneEndIsGivenUp(_ setup: Setup) async throws {
        try await withProxy(setup, ["--close-timeout", "1"]) { proxy, acceptor in
            let client = try proxy.connect()
            let upstream = try acceptor.accept()
            client.finishSending()
            #expect(try upstream.readToEnd().bytes.isEmpty)
            try upstream.send("x")
            #expect(try client.read(1) == [0x78])
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    @Test(arguments: Setup.all)
    func whoVanishesTakesTheOtherAlong(_ setup: Setup) async throws {
        try await withProxy(setup) { proxy, acceptor in
            for number in 1...4 {
                let client = try proxy.connect()
                let upstream = try acceptor.accept()
                try client.send("x")
                _ = try upstream.read(1)
                switch number {
                case 1: client.reset()
                case 2: upstream.reset()
                case 3: _ = try proxy.tell("destroy \(number)")
                default: _ = try proxy.tell("close \(number)")
                }
                if number != 1 { _ = try client.readToEnd() }
                if number != 2 { _ = try upstream.readToEnd() }
            }
            try proxy.finish()
            #expect(proxy.count("client close") == 4 && proxy.count("upstream close") == 4)
        }
    }

    @Test(arguments: Setup.plain)
    func aServerThatIsNotThereClosesTheClient(_ setup: Setup) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let nobody = try Acceptor("ipv4", in: folder).endpoint
            let proxy = try ScenarioServer("proxy", setup, ["--to", "\(nobody)"], hasControl: true)
            let client = try proxy.connect()
            _ = try client.sendWhilePossible(Array("anybody there?".utf8))
            #expect(try client.readToEnd().bytes.isEmpty)
            try proxy.event("error 1")
            try proxy.finish()
            #expect(proxy.count("client close") == 1 && proxy.count("upstream close") == 1)
        }
    }

    /// Neither side reads: the limit and a block are held, the rest waits with the peers.
    @Test(arguments: Setup.plain)
    func memoryIsBoundedWhenNobodyReads(_ setup: Setup) async throws {
        try await withProxy(setup, ["--max-send", "200000"]) { proxy, acceptor in
            let client = try proxy.connect(receiveBuffer: 4096)
            let upstream = try acceptor.accept()
            let block = pattern(64256)
            var toServer = 0
            var toClient = 0
            var isQuiet = false
            while !isQuiet {
                let sent = (client.trySend(block) ?? 0, upstream.trySend(block) ?? 0)
                toServer += sent.0
                toClient += sent.1
                isQuiet = sent == (0, 0) && client.isBlocked && upstream.isBlocked
            }
            #expect(toServer > 200_000 && toClient > 200_000)
            try upstream.skip(toServer)
            try client.skip(toClient)
            // All of it flows again.
            try client.send("end")
            #expect(try String(decoding: upstream.read(3), as: UTF8.self) == "end")
            try upstream.send("END")
            #expect(try String(decoding: client.read(3), as: UTF8.self) == "END")
        }
    }

    @Test(arguments: Setup.plain)
    func aPausedSourceWhoseDestinationDiesIsClosed(_ setup: Setup) async throws {
        try await withProxy(setup, ["--max-send", "100000"]) { proxy, acceptor in
            let client = try proxy.connect()
            let upstream = try acceptor.accept()
            while client.trySend(pattern(64256)) ?? 0 > 0 || !client.isBlocked {}
            upstream.reset()
            _ = try client.readToEnd()
            try proxy.finish()
            #expect(proxy.count("client close") == 1 && proxy.count("upstream close") == 1)
        }
    }

    @Test(arguments: Setup.all)
    func oneWayPipesCloseTheirDestination(_ setup: Setup) async throws {
        try await withProxy(setup, ["--one-way", "yes"]) { proxy, acceptor in
            let client = try proxy.connect()
            let upstream = try acceptor.accept()
            try client.send("only there")
            client.finishSending()
            #expect(try upstream.textToEnd() == "only there")
            try proxy.finish()
            #expect(proxy.count("client close") == 1 && proxy.count("upstream close") == 1)
        }
    }

    @Test(arguments: Setup.plain)
    func aPauseOfTheUserIsTheUsersToEnd(_ setup: Setup) async throws {
        try await withProxy(setup, ["--max-send", "100000"]) { proxy, acceptor in
            let client = try proxy.connect()
            let upstream = try acceptor.accept()
            try proxy.event("upstream 1")
            var sent = 0
            while let count = client.trySend(pattern(64256)), count > 0 || !client.isBlocked { sent += count }
            try proxy.tell("pause 1")
            let before = try proxy.tell("counters 1").split(separator: " ")[0]
            // All that was taken in drains: room alone is no reason to read on.
            let taken = Int(before.dropFirst("read=".count))!
            try upstream.skip(taken)
            #expect(try proxy.tell("counters 1") == "\(before) pending=0")
            try proxy.tell("resume 1")
            try upstream.skip(sent - taken)
        }
    }

    @Test(arguments: Setup.plain)
    func aPipeMayLeadElsewhere(_ setup: Setup) async throws {
        try await withProxy(setup, ["--one-way", "yes"]) { proxy, acceptor in
            let client = try proxy.connect()
            let first = try acceptor.accept()
            try client.send("one")
            #expect(try String(decoding: first.read(3), as: UTF8.self) == "one")
            try proxy.tell("repipe 1")
            let second = try acceptor.accept()
            try client.send("two")
            #expect(try String(decoding: second.read(3), as: UTF8.self) == "two")
            // Where the bytes went before is of no concern any more.
            first.close()
            try proxy.event("upstream close")
            try client.send("three")
            #expect(try String(decoding: second.read(5), as: UTF8.self) == "three")
            second.close()
            _ = try client.readToEnd()
            try proxy.finish()
            #expect(proxy.count("next close") == 1 && proxy.count("client close") == 1)
        }
    }

    /// Whoever is piped to has no use without the one that is piped.
    @Test(arguments: Setup.plain)
    func aSourceThatHasClosedClosesItsDestination(_ setup: Setup) async throws {
        try await withProxy(setup) { proxy, acceptor in
            let client = try proxy.connect()
            _ = try acceptor.accept()
            try proxy.event("upstream 1")
            client.reset()
            try proxy.event("client close")
            try proxy.tell("late 1")
            try proxy.event("next close")
        }
    }

    /// Without room for anything that waits, what the kernel takes at once still flows.
    @Test(arguments: Setup.plain)
    func noRoomToWaitIsNoReasonToStop(_ setup: Setup) async throws {
        try await withProxy(setup, ["--max-send", "0"]) { proxy, acceptor in
            let client = try proxy.connect()
            let upstream = try acceptor.accept()
            for _ in 0..<3 {
                try client.send("ask")
                #expect(try String(decoding: upstream.read(3), as: UTF8.self) == "ask")
                try upstream.send("answer")
                #expect(try String(decoding: client.read(6), as: UTF8.self) == "answer")
            }
        }
    }

    /// The client has ended what it sends before the way to a TLS server is secured.
    @Test(arguments: Setup.eachBackend)
    func anEarlyEndIsHandedOnAfterTheHandshake(_ setup: Setup) async throws {
        try await TestThreads.heavy.run {
            let secured = Setup(backend: setup.backend, transport: .ipv4, isSecured: true)
            let echo = try ScenarioServer("echo", secured, ["--protocol", "raw"])
            let authority = TestCertificates.shared.certificate("localhost")
            let proxy = try ScenarioServer(
                "proxy", setup,
                ["--to", "\(echo.endpoint)", "--server-name", "localhost", "--server-ca", authority], hasControl: true)
            // Data and end wait for the proxy before it has begun to connect.
            echo.process.signal(SIGSTOP)
            let client = try proxy.connect()
            client.finishSending()
            try proxy.event("client 1")
            try proxy.tell("counters 1")
            echo.process.signal(SIGCONT)
            #expect(try client.readToEnd().bytes.isEmpty)
            let other = try proxy.connect()
            try other.send("words")
            other.finishSending()
            #expect(try other.textToEnd() == "words")
            try proxy.finish()
            try echo.finish()
        }
    }

    // MARK: Other protocols

    @Test(arguments: Setup.all, ["/text", "/later"])
    func whatFollowsTheRequestBelongsToTheNewProtocol(_ setup: Setup, _ path: String) async throws {
        try await withScenario("upgrade", setup) { server in
            let client = try server.connect()
            try client.send("GET /first HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read(through: "plain")
            try client.send("GET \(path)?own HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\nhalf a ")
            _ = try client.read(through: "text\r\n\r\n")
            #expect(try client.readLine() == "echo GET / HTTP/1.1")
            try client.send("line\n")
            #expect(try client.readLine() == "echo half a line")
            try client.send("throw\n")
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try server.nextEvents(3) == ["request /first", "request \(path)", "text close 1"])
            // The callback of the protocol before it is called where there is no other.
            let other = try server.connect()
            try other.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try other.read(through: "text\r\n\r\n")
            other.close()
            #expect(try server.nextEvents(2) == ["request \(path)", "http close 2"])
            try server.finish()
            #expect(server.count("http close") == 1 && server.count("text close") == 1)
        }
    }

    @Test(arguments: Setup.all)
    func aRequestBecomesAPipe(_ setup: Setup) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor("ipv4", in: folder)
            let server = try ScenarioServer("upgrade", setup, ["--to", "\(acceptor.endpoint)"])
            let client = try server.connect()
            try client.send("GET /pipe HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n\r\n")
            let upstream = try acceptor.accept()
            #expect(try String(decoding: upstream.read(18), as: UTF8.self) == "GET / HTTP/1.1\r\n\r\n")
            try upstream.send("what?")
            _ = try client.read(through: "what?")
            client.close()
            #expect(try upstream.readToEnd().bytes.isEmpty)
            upstream.close()
            try server.event("http close")
            try server.finish()
        }
    }
}
