import Glibc
import TestSupport
import Testing

/// Peers that reset, vanish or stand still, in every state of a connection: memory is bounded, and `onClose` comes
/// once.
@Suite struct PeerTroubleTests {
    /// What the connection is doing when its peer resets it.
    enum Moment: String, CaseIterable {
        case idle, midMessage, paused, outputWaits, pausedAndOutputWaits, closing, ending, operation
    }

    @Test(arguments: Setup.all, Moment.allCases)
    func aResetClosesOnce(_ setup: Setup, _ moment: Moment) async throws {
        try await withPuppet("raw", setup, ["--linger", "60000"]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try server.event("connect")
            switch moment {
            case .idle: break
            case .midMessage: try client.send("x")
            case .paused: _ = try server.tell("pause")
            case .outputWaits, .closing: _ = try server.tell("send 900000")
            case .pausedAndOutputWaits:
                _ = try server.tell("pause")
                _ = try server.tell("send 900000")
            case .ending: _ = try server.tell("end")
            case .operation: _ = try server.tell("hold")
            }
            if moment == .closing { _ = try server.tell("close") }
            client.reset()
            try server.event("close 1")
            #expect(try server.tell("state") == "closed open=false")
            #expect(try server.tell("send 1").hasPrefix("failed"))
            try server.finish()
            #expect(server.count("close") == 1)
        }
    }

    @Test(arguments: Setup.eachBackend.filter(\.isSecured), [0, 1, 100, 10_000])
    func aResetInTheHandshakeClosesOnce(_ setup: Setup, _ count: Int) async throws {
        try await withPuppet("raw", setup) { server in
            let client = try Client(server.endpoint)
            try client.send(Array(try Client.tlsHello().prefix(count)))
            // With nothing sent the kernel may hold the connection back.
            if count > 0 { try server.event("connect") }
            if count == 10_000 { _ = client.isReadable(within: 5) }
            client.reset()
            if count > 0 { try server.event("close 1") }
            try server.finish()
            #expect(server.count("close") == server.count("connect"))
        }
    }

    /// The power fails at the other end: only probes can tell.
    @Test(arguments: Setup.tcp)
    func aPeerThatVanishesIsFoundByProbes(_ setup: Setup) async throws {
        try await withPuppet("text", setup, ["--keep-alive", "yes"]) { server in
            let client = try server.connect()
            try client.send("hello\n")
            try server.event("message")
            try client.vanish()
            try server.event("close 1")
            try server.finish()
            #expect(server.count("close") == 1)
        }
    }

    /// A client that stands still takes nothing: the server holds its limit. It goes on, or is killed.
    @Test(arguments: Setup.all, [SIGCONT, SIGKILL])
    func aPeerThatStandsStillCostsItsLimit(_ setup: Setup, _ signal: Int32) async throws {
        try await TestThreads.heavy.run {
            let server = try ScenarioServer("puppet", setup, ["--protocol", "raw"])
            var options = ["--protocol", "raw", "--to", "\(server.endpoint)"]
            if setup.isSecured { options += ["--server-name", "any", "--insecure", "yes"] }
            let peer = try ScenarioServer(
                "puppet", Setup(backend: setup.backend, transport: .ipv4), options)
            _ = try peer.tell("send 1")
            _ = try peer.tell("connect")
            try server.event("message")
            peer.process.signal(SIGSTOP)
            _ = try server.tell("limit 500000")
            var sent = 0
            var failures = 0
            while failures < 3, sent < 2000 {
                if try server.tell("send 100000").hasPrefix("failed") { failures += 1 } else { sent += 1 }
            }
            #expect(failures == 3)
            let pending = try #require(server.tell("counters").split(separator: "=").last.flatMap { Int($0) })
            #expect(pending >= 500_000 && pending < 700_000)
            peer.process.signal(signal)
            if signal == SIGCONT {
                try server.event("drain")
                // The queue is empty; whether the kernel takes more at this moment is the peer's doing.
                #expect(try !server.tell("send 5").hasPrefix("failed"))
                _ = try server.tell("close")
                try peer.event("close")
                try peer.finish()
            }
            try server.event("close 1")
            try server.finish()
            #expect(server.count("close") == 1)
        }
    }
}
