import Glibc
import TestSupport
import Testing

/// Who is let in, for how long, and as whom: the limits of accepting, time-outs, and load balancers that say whose
/// connection they hand on.
@Suite struct AcceptingTests {
    // MARK: The PROXY protocol

    private static let line = Array("PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n".utf8)
    /// Version 2, IPv6, with a TLV behind the addresses.
    private static let block: [UInt8] =
        [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x21, 0, 41]
        + [0x20, 0x01, 0x0D, 0xB8] + [0] * 11 + [7] + [0x20, 0x01, 0x0D, 0xB8] + [0] * 11 + [9]
        + [0xDC, 0x04, 0x01, 0xBB] + [0x04, 0, 2, 0xAA, 0xBB]
    private static let local: [UInt8] =
        [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x20, 0x00, 0, 0]
    private static let trusted = ["--trusted", "127.0.0.0/8,::1,unix"]

    @Test(arguments: Setup.all)
    func aTrustedProxySaysWhoseConnectionItIs(_ setup: Setup) async throws {
        try await withPuppet("text", setup, Self.trusted) { server in
            _ = try server.tell("on connect: addresses")
            let first = try server.connect(preamble: Self.line)
            #expect(
                try server.nextEvents(2) == [
                    "connect 1", "addresses: remote=192.0.2.7:56324 local=198.51.100.9:443 v4=true v6=false",
                ])
            try first.send("hello\n")
            #expect(try server.nextEvent() == "message hello")
            let second = try server.connect(preamble: Self.block)
            #expect(
                try server.nextEvents(2) == [
                    "connect 2",
                    "addresses: remote=[2001:db8::7]:56324 local=[2001:db8::9]:443 v4=false v6=true",
                ])
            second.close()
            #expect(try server.nextEvent() == "close 2")
            // A health check of the load balancer itself.
            _ = try server.connect(preamble: Self.local)
            #expect(try server.event("addresses").contains("192.0.2.7") == false)
        }
    }

    @Test(arguments: Setup.plain)
    func aProxyHeaderMayComeInPieces(_ setup: Setup) async throws {
        try await withPuppet("text", setup, Self.trusted) { server in
            for (number, header) in [Self.line, Self.block].enumerated() {
                let client = try server.connect()
                for byte in header { try client.send([byte]) }
                try client.send("to")
                try client.send("gether\n")
                #expect(try server.nextEvents(2) == ["connect \(2 * number + 1)", "message together"])
                client.close()
                try server.event("close")
                // All in one piece.
                let glued = try server.connect(preamble: header + Array("glued\n".utf8))
                #expect(try server.event("message") == "message glued")
                glued.close()
                try server.event("close")
            }
        }
    }

    @Test(arguments: Setup.tcp)
    func othersAreTakenAsTheyAre(_ setup: Setup) async throws {
        try await withPuppet("text", setup, ["--trusted", "192.0.2.0/24,2001:db8::/32,unix"]) { server in
            let client = try server.connect()
            try client.send(Self.line)
            #expect(try server.nextEvents(2) == ["connect 1", "message PROXY TCP4 192.0.2.7 198.51.100.9 56324 443"])
        }
    }

    @Test(arguments: Setup.plain)
    func aTrustedProxyWithoutHeaderIsRefused(_ setup: Setup) async throws {
        try await withPuppet("text", setup, Self.trusted + ["--handshake-timeout", "1"]) { server in
            let rude = try server.connect()
            try rude.send("GET / HTTP/1.1\r\n\r\n")
            _ = try rude.readToEnd()
            #expect(server.log.contains("PROXY header of"))
            let silent = try server.connect()
            _ = try silent.readToEnd()
            let partial = try server.connect()
            try partial.send("PROXY TC")
            partial.finishSending()
            _ = try partial.readToEnd()
            // The port is probed without a word.
            try server.connect().close()
            let proper = try server.connect(preamble: Self.line)
            try proper.send("x\n")
            try server.event("message")
            try server.finish()
            #expect(server.count("connect") == 1 && server.count("close") == 1)
        }
    }

    /// A place is taken by who has yet to say whose connection it is.
    @Test(arguments: Setup.plain)
    func whoOwesAHeaderCounts(_ setup: Setup) async throws {
        try await withPuppet("text", setup, Self.trusted + ["--max-connections", "1"]) { server in
            let silent = try server.connect()
            let waiting = try server.connect(preamble: Self.line + Array("patience\n".utf8))
            // The loop turns while the commands are answered.
            for _ in 0..<20 { #expect(try server.tell("state") == "no connection") }
            silent.close()
            #expect(try server.nextEvents(2) == ["connect 1", "message patience"])
            let last = try server.connect(preamble: Array(Self.line.dropLast(3)))
            waiting.close()
            try server.event("close 1")
            try server.finish()
            #expect(try last.readToEnd().bytes.isEmpty)
            #expect(server.count("connect") == 1)
        }
    }

    /// The listener is closed from a handler while a header is on its way, which is not the handler's client's.
    @Test(arguments: Setup.eachBackend)
    func aHeaderThatEndsWithTheListenerIsItsOwnClients(_ setup: Setup) async throws {
        try await withPuppet("text", setup, Self.trusted) { server in
            let owner = try server.connect(preamble: Self.line)
            try server.event("connect 1")
            let late = try Client(server.endpoint)
            try late.send(Array(Self.line.prefix(20)))
            // The handler blocks until the rest of the header is there, then closes the listener.
            let folder = try TemporaryFolder()
            let gate = folder.file("gate")
            mkfifo(gate, 0o600)
            _ = try server.tell("once message: await-writer \(gate); stop-listening")
            try owner.send("first\nsecond\nthird\n")
            try server.event("message first")
            try late.send(Array(Self.line.dropFirst(20)) + (setup.isSecured ? [] : Array("of another client\n".utf8)))
            // Waits until the handler does.
            Glibc.close(open(gate, O_WRONLY | O_CLOEXEC))
            try server.event("connect 2")
            #expect(try server.event("message") == "message second")
            #expect(try server.event("message") == "message third")
            if !setup.isSecured { #expect(try server.event("message") == "message of another client") }
        }
    }

    @Test func whatIsNoRangeKeepsTheProgramFromStarting() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let arguments = ["puppet", "start", "--single-process", "--pid-file", folder.file("pid")]
            let process = try ServerProcess("ConformanceServer", arguments + ["--trusted", "10.0.0.1/8"], in: folder)
            #expect(try process.waitForExit() == TestSupport.ExitStatus.code(64))
            #expect(process.errorText.contains("trusted proxy address \"10.0.0.1/8\": "))
        }
    }

    // MARK: How many

    @Test(arguments: Setup.all)
    func moreThanTheLimitWait(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text", "--max-connections", "2"]) { server in
            func greet(_ client: Client) throws {
                try client.send("hello\n")
                #expect(try client.readLine() == "hello")
            }
            let first = try server.connect()
            try greet(first)
            let second = try server.connect()
            try greet(second)
            // Over TLS the handshake itself would wait.
            let third = try Client(server.endpoint)
            let fourth = try Client(server.endpoint)
            try third.send(setup.isSecured ? Client.tlsHello() : Array("patience\n".utf8))
            #expect(!third.isReadable(within: 0.2))
            first.close()
            #expect(third.isReadable(within: Client.patience))
            #expect(!fourth.isReadable())
            for client in [second, third, fourth] { client.close() }
            try greet(server.connect())
        }
    }

    @Test(arguments: Setup.plain)
    func theLimitMayChangeWhileClientsWait(_ setup: Setup) async throws {
        try await withPuppet("text", setup, ["--max-connections", "1"]) { server in
            let first = try server.connect()
            try server.event("connect 1")
            let second = try server.connect()
            _ = try server.tell("max-connections 2")
            #expect(try server.nextEvent() == "connect 2")
            // One less than there are: a place is free when two have gone.
            _ = try server.tell("max-connections 1")
            let third = try server.connect()
            first.close()
            #expect(try server.nextEvent() == "close 1")
            second.close()
            #expect(try server.nextEvents(2) == ["close 2", "connect 3"])
            let fourth = try server.connect()
            _ = try server.tell("max-connections")
            #expect(try server.nextEvent() == "connect 4")
            for client in [third, fourth] { client.close() }
        }
    }

    @Test(arguments: Setup.tcp.filter { !$0.isSecured })
    func aLimitByAddressCountsThoseThatAreThere(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let first = try server.connect()
            try server.event("connect 1")
            _ = try server.tell("max-per-ip 1")
            #expect(try server.connect().readToEnd().bytes.isEmpty)
            first.close()
            try server.event("close 1")
            _ = try server.connect()
            #expect(try server.nextEvent() == "connect 2")
        }
    }

    @Test(arguments: Setup.tcp.filter { !$0.isSecured })
    func oneAddressGetsItsShareOnly(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text", "--max-per-ip", "2"]) { server in
            let clients = try (0..<2).map { _ in try server.connect() }
            for client in clients {
                try client.send("hello\n")
                #expect(try client.readLine() == "hello")
            }
            _ = try server.connect().readToEnd()
            #expect(server.log.contains("has 2 connections to text://"))
            clients[0].close()
            try server.event("close 1")
            let next = try server.connect()
            try next.send("again\n")
            #expect(try next.readLine() == "again")
            try server.finish()
            #expect(server.count("connect") == 3)
        }
    }

    // MARK: How long

    @Test(arguments: Setup.all)
    func whoIsSilentForTooLongIsClosed(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text", "--idle-timeout", "2"]) { server in
            let silent = try server.connect()
            let busy = try server.connect()
            while !silent.isReadable(within: 0.05) {
                try busy.send("still here\n")
                #expect(try busy.readLine() == "still here")
            }
            #expect(try silent.readToEnd().bytes.isEmpty)
            try busy.send("and now\n")
            #expect(try busy.readLine() == "and now")
            #expect(try server.event("close") == "close 1")
        }
    }

    @Test(arguments: Setup.eachBackend.filter(\.isSecured))
    func whoDoesNotShakeHandsIsClosed(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text", "--handshake-timeout", "1"]) { server in
            let hello = try Client.tlsHello()
            let silent = try Client(server.endpoint)
            try silent.send(Array(hello.prefix(100)))
            #expect(try silent.readToEnd().bytes.isEmpty)
            try server.event("close 1")
        }
    }

    @Test(arguments: Setup.all)
    func timersOfAConnectionEndWithIt(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try server.event("connect")
            for _ in 0..<20 { _ = try server.tell("later") }
            _ = try server.tell("tick")
            for _ in 0..<3 { try server.event("tick") }
            client.close()
            try server.event("close")
            // Two more connections live meanwhile: time enough for ten ticks.
            for _ in 0..<2 {
                let other = try server.connect()
                try server.event("connect")
                _ = try server.tell("tick")
                for _ in 0..<5 { #expect(try server.nextEvent() == "tick") }
                other.close()
                try server.event("close")
            }
            // Nothing is set for one that has closed.
            _ = try server.tell("tick")
            try server.finish()
            #expect(server.events.last == "stop")
            #expect(server.count("later") <= 20)
        }
    }

    // MARK: Where

    @Test(arguments: Setup.backends)
    func theFileOfASocketHasItsMode(_ backend: String) async throws {
        let setup = Setup(backend: backend, transport: .unix)
        try await withPuppet("text", setup, ["--socket-mode", "640"]) { server in
            guard case .unix(let path) = server.endpoint else { throw Failure("no Unix socket") }
            var info = stat()
            #expect(stat(path, &info) == 0)
            #expect(info.st_mode & 0o777 == 0o640)
        }
    }

    @Test(arguments: Setup.backends, [false, true])
    func everyIPv6AddressIsEveryIPv4AddressUnlessToldOtherwise(_ backend: String, _ isIPv6Only: Bool) async throws {
        let setup = Setup(backend: backend, transport: .ipv6)
        let options = ["--any-address", "yes"] + (isIPv6Only ? ["--ipv6-only", "yes"] : [])
        try await withPuppet("text", setup, options) { server in
            guard case .ipv6(let port) = server.endpoint else { throw Failure("no IPv6 endpoint") }
            _ = try server.tell("on connect: addresses")
            _ = try Client(.ipv6(port: port))
            try server.event("connect")
            if isIPv6Only {
                _ = try server.event("addresses")
                // That port may be somebody else's: who comes next is no client of IPv4.
                let other = try? Client(.ipv4(port: port))
                _ = try Client(.ipv6(port: port))
                #expect(try server.event("connect") == "connect 2")
                #expect(try server.event("addresses").hasSuffix("v4=false v6=true"))
                other?.close()
            } else {
                let client = try Client(.ipv4(port: port))
                #expect(try server.event("connect") == "connect 2")
                #expect(try server.event("addresses").hasSuffix("local=127.0.0.1:\(port) v4=true v6=false"))
                client.close()
            }
        }
    }
}
