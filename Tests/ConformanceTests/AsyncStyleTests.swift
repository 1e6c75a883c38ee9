import Glibc
import TestSupport
import Testing

/// The `async` forms: spec 03 §16.
@Suite struct AsyncStyleTests {
    @Test(arguments: Setup.all)
    func aLoopOverMessagesServesAConnection(_ setup: Setup) async throws {
        try await withScenario("async-echo", setup) { server in
            let client = try server.connect()
            try client.send("one\ntwo\nth")
            #expect(try client.readLine() == "one")
            #expect(try client.readLine() == "two")
            try client.send("ree\nbye\nignored\n")
            #expect(try client.readLine() == "three")
            #expect(try client.readLine() == "bye")
            #expect(try server.nextEvents(2) == ["loop over established", "close 1"])
            // What is left in the socket may turn the end into a reset.
            _ = try client.readToEnd()
            // The peer leaves in the middle of the loop.
            let other = try server.connect()
            try other.send("last")
            try other.send(" words\n")
            #expect(try other.readLine() == "last words")
            other.close()
            #expect(try server.event("close") == "close 2")
            #expect(server.count("loop over") == 1)
        }
    }

    /// What came before the peer's end is delivered before the loop ends.
    @Test(arguments: Setup.all)
    func theLoopSeesWhatCameBeforeTheEnd(_ setup: Setup) async throws {
        try await withScenario("async-echo", setup) { server in
            let client = try server.connect()
            try client.send("a\nb\nc\n")
            client.finishSending()
            #expect(try client.textToEnd() == "a\nb\nc\n")
            try server.event("close 1")
        }
    }

    /// A loop that always finds the next message there lets others have their turn.
    @Test(arguments: Setup.eachBackend)
    func aLoopOverManyMessagesHoldsUpNobody(_ setup: Setup) async throws {
        try await withScenario("async-echo", setup, ["--numbered", "yes"]) { server in
            let clients = try [server.connect(), server.connect()]
            for (number, client) in clients.enumerated() {
                try client.send("hello\n")
                #expect(try client.readLine() == "\(number)")
            }
            // Both are ready when it looks again. Lines of two bytes: some thousands in one read.
            server.process.signal(SIGSTOP)
            try clients[0].send("a\n" * 30_000)
            try clients[1].send("b\n")
            server.process.signal(SIGCONT)
            let before = try #require(Int(try clients[1].readLine()))
            #expect(before < 20_000, "\(before) of 30,000 came first")
            for _ in 0..<30_000 { _ = try clients[0].readLine() }
        }
    }

    /// Runs a client scenario against an echo server, both over the same transport.
    private func withClient(
        _ setup: Setup, _ body: @Sendable (_ client: ScenarioServer, _ echo: ScenarioServer) throws -> Void
    ) async throws {
        try await TestThreads.heavy.run {
            let echo = try ScenarioServer("echo", setup, ["--protocol", "text"])
            var options = ["--to", "\(echo.endpoint)"]
            if setup.isSecured {
                let ca = TestCertificates.shared.certificate("localhost")
                options += ["--server-name", "localhost", "--server-ca", ca]
            }
            let client = try ScenarioServer("async-client", Setup(backend: setup.backend, transport: .ipv4), options)
            try body(client, echo)
            try client.finish()
            try echo.finish()
        }
    }

    /// A client whose connections end at a listening socket of the test.
    private func withAcceptor(
        _ setup: Setup, _ options: [String] = [], on threads: TestThreads = .light,
        _ body: @Sendable (ScenarioServer, Acceptor) throws -> Void
    ) async throws {
        try await threads.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor(setup.transport.rawValue, in: folder)
            let client = try ScenarioServer("async-client", setup, ["--to", "\(acceptor.endpoint)"] + options)
            try body(client, acceptor)
            try client.finish()
        }
    }

    @Test(arguments: Setup.all)
    func writesWaitForRoomAndReadsKeepOrder(_ setup: Setup) async throws {
        try await withClient(setup) { client, echo in
            #expect(try client.tell("echo 400") == "read 400 state closed")
            #expect(try client.tell("echo 1") == "read 1 state closed")
            try echo.finish()
            #expect(echo.count("close") == 2)
        }
    }

    /// More than all buffers hold: what does not fit waits in `write`, and nothing is dropped.
    @Test(arguments: Setup.plain)
    func writesWaitForAPeerThatDoesNotRead(_ setup: Setup) async throws {
        try await withAcceptor(setup, on: .heavy) { client, acceptor in
            try client.tell("flood 200")
            let peer = try acceptor.accept()
            // Nothing is read before the kernel is full: what would then be dropped waits.
            #expect(try client.nextEvent() == "waiting")
            for number in 0..<200 {
                let line = try peer.readLine()
                guard line.hasPrefix("\(number) f"), line.utf8.count == 100_001 + "\(number)".utf8.count else {
                    throw Failure("line \(number) is \(line.prefix(20)) of \(line.utf8.count) bytes")
                }
            }
            #expect(try client.nextEvent() == "flooded")
            #expect(try peer.readToEnd().bytes.isEmpty)
        }
    }

    /// A loop that does not ask for more holds little of what follows; the rest waits with the peer.
    @Test(arguments: Setup.plain)
    func aSlowLoopSlowsThePeerDown(_ setup: Setup) async throws {
        try await withAcceptor(setup) { client, acceptor in
            try client.tell("slow")
            let peer = try acceptor.accept()
            try client.event("connected")
            let line = Array(("z" * 99_999 + "\n").utf8)
            // More than the kernel's buffers hold: it cannot all be taken.
            var sent = 0
            while sent < 64 << 20, let count = peer.trySend(line), count > 0 || !peer.isBlocked { sent += count }
            #expect(sent < 40 << 20)
            #expect(try client.event("line").hasPrefix("line zzz"))
            try client.tell("next")
            let event = try client.event("line")
            let held = try #require(event.split(separator: "=").last.flatMap { Int($0) })
            // The line that was next, and one read.
            #expect(held <= 100_000 + 65_536)
            peer.close()
        }
    }

    @Test(arguments: Setup.plain)
    func aSecondLifeHasItsOwnReader(_ setup: Setup) async throws {
        try await withAcceptor(setup) { client, acceptor in
            try client.tell("twice")
            let first = try acceptor.accept()
            try first.send("a\n")
            #expect(try client.nextEvent() == "first a")
            first.close()
            #expect(try client.nextEvents(2) == ["end", "late nothing"])
            let second = try acceptor.accept()
            try second.send("b\nc\n")
            #expect(try client.nextEvents(2) == ["second b, nothing", "second c, nothing"])
            second.close()
            #expect(try client.nextEvent() == "end")
        }
    }

    /// Nobody reads yet, but the end of the other side is seen, and so is its silence.
    @Test(arguments: Setup.plain)
    func aConnectionThatNobodyReadsStillEnds(_ setup: Setup) async throws {
        try await withAcceptor(setup) { client, acceptor in
            try client.tell("idle")
            let peer = try acceptor.accept()
            #expect(try client.nextEvent() == "connected")
            peer.close()
            #expect(try client.nextEvent() == "close")
            try client.tell("next")
            #expect(try client.nextEvent() == "end")
        }
        try await withAcceptor(setup, ["--idle-timeout", "1"]) { client, acceptor in
            try client.tell("idle")
            let peer = try acceptor.accept()
            #expect(try client.nextEvents(2) == ["connected", "close"])
            #expect(try peer.readToEnd().bytes.isEmpty)
        }
    }

    /// What came before the end waits for its reader.
    @Test(arguments: Setup.plain)
    func whatCameBeforeTheEndIsReadLate(_ setup: Setup) async throws {
        try await withAcceptor(setup) { client, acceptor in
            try client.tell("idle")
            let peer = try acceptor.accept()
            #expect(try client.nextEvent() == "connected")
            try peer.send("one\ntwo\nhalf")
            peer.finishSending()
            try client.tell("state")
            try client.tell("next")
            #expect(Set(try client.nextEvents(4)) == ["line one", "line two", "close", "end"])
        }
    }

    @Test(arguments: Setup.backends)
    func failuresAreThrown(_ backend: String) async throws {
        let setup = Setup(backend: backend, transport: .ipv4)
        let folder = try TemporaryFolder()
        let closed = try Acceptor("ipv4", in: folder).endpoint
        let silent = try Acceptor("ipv4", in: folder, backlog: 0)
        try await withClient(setup) { client, _ in
            let refused = try client.tell("fail \(closed)")
            #expect(refused.hasPrefix("connect \(closed) fail after 0."))
            #expect(refused.hasSuffix("Connection refused"))
            #expect(try client.tell("fail nowhere") != "connected")
            #expect(try client.tell("fail host:99999") == "address \"host:99999\": expected a port of 1 to 65535")
            let first = try Client(silent.endpoint)
            #expect(try client.tell("cancel \(silent.endpoint)") == "cancelled")
            first.close()
        }
    }
}
