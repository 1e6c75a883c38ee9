import Glibc
import TestSupport
import Testing

/// Outgoing connections: spec 03 §12, and the traces of §17 that begin with `connect`.
@Suite struct OutgoingTests {
    /// A puppet that connects to a listening socket of the test.
    private func withDialer(
        _ setup: Setup, _ wireProtocol: String = "text", _ options: [String] = [], backlog: Int32 = 16,
        _ body: @Sendable (ScenarioServer, Acceptor) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor(setup.transport.rawValue, in: folder, backlog: backlog)
            let options = ["--protocol", wireProtocol, "--to", "\(acceptor.endpoint)"] + options
            let server = try ScenarioServer("puppet", setup, options)
            try body(server, acceptor)
            try server.finish()
        }
    }

    /// A puppet whose connection is established, and the other end of it.
    private func connected(_ server: ScenarioServer, _ acceptor: Acceptor) throws -> Client {
        #expect(try server.tell("connect") == "done")
        let peer = try acceptor.accept()
        try server.event("connect")
        return peer
    }

    @Test(arguments: Setup.plain)
    func whatIsSentBeforeConnectingArrivesInOrder(_ setup: Setup) async throws {
        try await withDialer(setup, "raw") { server, acceptor in
            #expect(try server.tell("state") == "initial open=false")
            #expect(try server.tell("raw one-") == "queued 4")
            #expect(try server.tell("raw two-") == "queued 8")
            _ = try server.tell("on connect: raw three-; state")
            #expect(try server.tell("connect") == "done")
            let peer = try acceptor.accept()
            #expect(try String(decoding: peer.read(14), as: UTF8.self) == "one-two-three-")
            #expect(
                try server.nextEvents(3) == [
                    "connect 1", "raw three-: queued 14", "state: established open=true",
                ])
            try server.event("drain 0")
            #expect(try server.tell("raw four") == "sent 0")
            try peer.send("answer")
            #expect(try server.event("message") == "message answer")
        }
    }

    @Test(arguments: Setup.plain)
    func addressesAreThoseOfBothEnds(_ setup: Setup) async throws {
        try await withDialer(setup) { server, acceptor in
            _ = try connected(server, acceptor)
            let addresses = try server.tell("addresses")
            switch setup.transport {
            case .unix: #expect(addresses.hasPrefix("remote= local="))
            case .ipv4: #expect(addresses.hasPrefix("remote=\(acceptor.endpoint) local=127.0.0.1:"))
            case .ipv6: #expect(addresses.hasPrefix("remote=\(acceptor.endpoint) local=[::1]:"))
            }
            let expected = [Setup.Transport.ipv4: "v4=true v6=false", .ipv6: "v4=false v6=true"][setup.transport]
            #expect(addresses.hasSuffix(expected ?? "v4=false v6=false"))
        }
    }

    /// What a protocol remembers of a connection is over with it, also for what is sent from its last callback.
    @Test(arguments: Setup.plain)
    func aSecondLifeHasItsOwnProtocolState(_ setup: Setup) async throws {
        try await withDialer(setup, "counted") { server, acceptor in
            _ = try server.tell("send 1")
            let first = try connected(server, acceptor)
            _ = try server.tell("send 2")
            #expect(try first.readLine() == "0 x")
            #expect(try first.readLine() == "1 xx")
            try first.send("0 hello\n")
            #expect(try server.event("message") == "message hello")
            _ = try server.tell("once close: reconnect; send 3")
            first.close()
            let second = try acceptor.accept()
            #expect(try second.readLine() == "0 xxx")
            try second.send("0 again\n1 and again\n")
            #expect(try server.event("message") == "message again")
            #expect(try server.event("message") == "message and again")
            _ = try server.tell("send 4")
            #expect(try second.readLine() == "1 xxxx")
            // The last callbacks are gone with this life; the state is not that of the first one either.
            second.close()
            try server.event("close")
            _ = try server.tell("connect")
            let third = try acceptor.accept()
            _ = try server.tell("send 5")
            #expect(try third.readLine() == "0 xxxxx")
        }
    }

    /// An operation of the life before, which its end has cancelled, ends in this one.
    @Test(arguments: Setup.plain)
    func aSecondLifeWaitsForNoOperationOfTheFirst(_ setup: Setup) async throws {
        try await withDialer(setup) { server, acceptor in
            let first = try connected(server, acceptor)
            _ = try server.tell("hold")
            _ = try server.tell("once close: connect")
            first.reset()
            let second = try acceptor.accept()
            try server.event("connect")
            _ = try server.tell("once message: hold")
            try second.send("one\ntwo\n")
            try server.event("message one")
            second.reset()
            try server.event("close")
        }
    }

    /// Fast open puts the first bytes into the request for the connection. Without any there is none to send.
    @Test(arguments: Setup.tcp.filter { !$0.isSecured })
    func fastOpenLetsTheServerSpeakFirst(_ setup: Setup) async throws {
        try await withDialer(setup, "text", ["--fast-open", "yes"]) { server, acceptor in
            let first = try connected(server, acceptor)
            #expect(try server.tell("addresses").hasPrefix("remote=\(acceptor.endpoint) "))
            try first.send("welcome\n")
            #expect(try server.event("message") == "message welcome")
            _ = try server.tell("once close: connect; send 5")
            first.close()
            let second = try acceptor.accept()
            #expect(try second.readLine() == "xxxx")
            try second.send("thanks\n")
            #expect(try server.event("message") == "message thanks")
            #expect(try server.tell("addresses").hasPrefix("remote=\(acceptor.endpoint) "))
        }
    }

    @Test(arguments: Setup.tcp.filter { !$0.isSecured })
    func aClosedPortIsAnErrorAndAClose(_ setup: Setup) async throws {
        let folder = try TemporaryFolder()
        let closed = try Acceptor(setup.transport.rawValue, in: folder).endpoint
        try await withPuppet("text", setup, ["--to", "\(closed)"]) { server in
            _ = try server.tell("on error: state; send 5")
            #expect(try server.tell("send 5") == "queued 5")
            #expect(try server.tell("connect") == "done")
            let error = try server.event("error")
            #expect(error.hasPrefix("error 1 connect \(closed) fail after 0.0"))
            #expect(error.hasSuffix(" seconds: Connection refused"))
            #expect(
                try server.nextEvents(3) == ["state: closing open=false", "send 5: failed 5", "close 1"])
            #expect(try server.tell("state") == "closed open=false")
            #expect(try server.tell("send 5") == "failed 0")
            try server.finish()
            #expect(server.count("close") == 1 && server.count("connect") == 0)
        }
    }

    @Test(arguments: Setup.plain)
    func aConnectionIsMadeAgainFromOnClose(_ setup: Setup) async throws {
        try await withDialer(setup) { server, acceptor in
            _ = try server.tell("on close: reconnect 0.05; state; send 6")
            for round in 1...3 {
                let peer = round == 1 ? try connected(server, acceptor) : try acceptor.accept()
                if round > 1 {
                    // What was sent while nothing was there follows the connection.
                    try server.event("connect 1")
                    #expect(try peer.readLine() == "xxxxx")
                }
                try peer.send("round \(round)\n")
                #expect(try server.event("message") == "message round \(round)")
                peer.close()
                #expect(try server.event("close") == "close 1")
                #expect(
                    try server.nextEvents(3) == [
                        "reconnect 0.05: done", "state: initial open=false", "send 6: queued 6",
                    ])
            }
        }
    }

    @Test(arguments: Setup.backends)
    func aConnectionIsTriedAgainFromOnError(_ backend: String) async throws {
        let setup = Setup(backend: backend, transport: .unix)
        let folder = try TemporaryFolder()
        try await withPuppet("text", setup, ["--to", "unix:\(folder.file("acceptor"))"]) { server in
            _ = try server.tell("on error: reconnect 0.02")
            #expect(try server.tell("send 5") == "queued 5")
            _ = try server.tell("connect")
            #expect(try server.event("error").hasSuffix("No such file or directory"))
            try server.event("error")
            let acceptor = try Acceptor("unix", in: folder)
            let peer = try acceptor.accept()
            try server.event("connect")
            #expect(try peer.readLine() == "xxxx")
            #expect(server.count("close") == 0)
        }
    }

    @Test(arguments: Setup.backends)
    func aReconnectCanBeGivenUp(_ backend: String) async throws {
        try await withDialer(Setup(backend: backend, transport: .ipv4)) { server, acceptor in
            _ = try server.tell("on close: reconnect 0.05")
            let peer = try connected(server, acceptor)
            // Nothing to do for a connection that is open.
            _ = try server.tell("reconnect")
            _ = try server.tell("connect")
            #expect(try server.tell("state") == "established open=true")
            peer.close()
            try server.event("reconnect")
            #expect(try server.tell("cancel-reconnect") == "done")
            #expect(try server.tell("state") == "closed open=false")
            #expect(!acceptor.isAsked(within: 0.2))
        }
    }

    /// Given up between an attempt that failed and the next one: it ends once, and nothing keeps the process.
    @Test(arguments: Setup.backends)
    func aReconnectCanBeGivenUpAfterAnError(_ backend: String) async throws {
        let folder = try TemporaryFolder()
        let closed = try Acceptor("ipv4", in: folder).endpoint
        try await withPuppet("text", Setup(backend: backend, transport: .ipv4), ["--to", "\(closed)"]) { server in
            _ = try server.tell("on error: reconnect 30")
            _ = try server.tell("connect")
            try server.event("error")
            #expect(try server.tell("cancel-reconnect") == "done")
            #expect(try server.event("close") == "close 1")
            #expect(try server.tell("state") == "closed open=false")
        }
    }

    /// An operation of the connection that ended does not end the next one.
    @Test(arguments: Setup.backends)
    func anOperationEndsWithItsConnection(_ backend: String) async throws {
        try await withDialer(Setup(backend: backend, transport: .ipv4)) { server, acceptor in
            _ = try server.tell("once connect: hold")
            _ = try server.tell("once close: reconnect 0.05")
            try connected(server, acceptor).reset()
            let peer = try acceptor.accept()
            try server.event("connect")
            #expect(try server.tell("state") == "established open=true")
            #expect(server.count("close") == 1)
            peer.close()
        }
    }

    @Test(arguments: Setup.backends)
    func aServerThatDoesNotAnswerIsGivenUp(_ backend: String) async throws {
        let setup = Setup(backend: backend, transport: .ipv4)
        try await withDialer(setup, "text", ["--timeout", "0.3"], backlog: 0) { server, acceptor in
            // The kernel completes one connection beyond the backlog and drops what follows.
            let first = try Client(acceptor.endpoint)
            _ = try server.tell("connect")
            let error = try server.event("error")
            #expect(error.hasPrefix("error 1 connect \(acceptor.endpoint) fail after 0.3"))
            #expect(error.hasSuffix("timed out"))
            #expect(try server.event("close") == "close 1")
            // Given up while it is under way.
            _ = try server.tell("connect")
            #expect(try server.tell("state") == "connecting open=false")
            #expect(try server.tell("close") == "done")
            #expect(try server.tell("state") == "closed open=false")
            first.close()
        }
    }

    @Test(arguments: Setup.backends)
    func theLocalAddressCanBeChosen(_ backend: String) async throws {
        try await withDialer(Setup(backend: backend, transport: .ipv4), "text", ["--from", "127.0.0.9"]) {
            server, acceptor in
            _ = try connected(server, acceptor)
            #expect(try server.tell("addresses").contains("local=127.0.0.9:"))
        }
        try await withDialer(Setup(backend: backend, transport: .ipv4), "text", ["--from", "::1"]) { server, acceptor in
            _ = try server.tell("connect")
            #expect(try server.event("error").hasSuffix("no connection from ::1 to \(acceptor.endpoint)"))
        }
    }

    @Test(arguments: Setup.backends)
    func namesAreLookedUp(_ backend: String) async throws {
        let setup = Setup(backend: backend, transport: .ipv4)
        let folder = try TemporaryFolder()
        let acceptor = try Acceptor("ipv4", in: folder)
        let port = "\(acceptor.endpoint)".split(separator: ":")[1]
        try await withPuppet("text", setup, ["--to", "text://localhost:\(port)"]) { server in
            let peer = try connected(server, acceptor)
            try peer.send("by name\n")
            #expect(try server.event("message") == "message by name")
        }
        // No name has a part of 64 bytes: no name server is asked.
        let name = "a" * 64 + ".example"
        try await withPuppet("text", setup, ["--to", "\(name):80"]) { server in
            _ = try server.tell("connect")
            let error = try server.event("error")
            #expect(error.hasPrefix("error 1 connect \(name):80 fail after"))
            #expect(error.contains("seconds: \(name): "))
            try server.event("close")
        }
    }

    @Test(arguments: Setup.plain, ["raw", "text", "frame"])
    func theSendBufferHasTheSameLimits(_ setup: Setup, _ wireProtocol: String) async throws {
        try await withDialer(setup, wireProtocol) { server, acceptor in
            let peer = try connected(server, acceptor)
            try server.tell("squeeze")
            try server.tell("limit 100")
            let filled = try #require(Int(try server.tell("fill")))
            #expect(try server.tell("send 60") == "queued 60")
            #expect(try server.tell("send 60") == "queued 120")
            #expect(try server.nextEvent() == "full 120")
            #expect(try server.tell("send 5") == "failed 120")
            #expect(try server.nextEvent() == "error 2 send buffer full and drop package")
            _ = try server.tell("close")
            try peer.skip(filled + 120)
            #expect(try peer.readToEnd().bytes.isEmpty)
            #expect(try server.nextEvents(2) == ["drain 0", "close 1"])
        }
    }

    /// A graceful stop has no other end than that of the last connection.
    @Test(arguments: Setup.plain)
    func aStopClosesWhatIsOut(_ setup: Setup) async throws {
        try await withDialer(setup, "raw") { server, acceptor in
            let peer = try connected(server, acceptor)
            try server.tell("squeeze")
            let filled = try #require(Int(try server.tell("fill")))
            #expect(try server.tell("send 300000").hasPrefix("queued"))
            try server.leave(SIGQUIT)
            try peer.skip(filled + 300_000)
            #expect(try peer.readToEnd().bytes.isEmpty)
            #expect(try server.process.waitForExit() == TestSupport.ExitStatus.code(0))
        }
    }

    @Test(arguments: Setup.plain)
    func resetsAndEndsCloseOnce(_ setup: Setup) async throws {
        try await withDialer(setup) { server, acceptor in
            var peer = try connected(server, acceptor)
            peer.reset()
            #expect(try server.event("close") == "close 1")
            // It can be made again later. The callbacks went with the end.
            #expect(try server.tell("connect") == "done")
            peer = try acceptor.accept()
            #expect(try server.tell("send 5") == "queued 5" || server.tell("state") == "established open=true")
            #expect(try peer.readLine() == "xxxx")
            try peer.send("partial")
            peer.finishSending()
            #expect(try peer.readToEnd().bytes.isEmpty)
            #expect(try server.tell("state") == "closed open=false")
            try server.finish()
            #expect(server.count("close") == 1 && server.count("connect") == 1)
        }
    }
}

/// Outgoing connections over TLS: the server has to be who it was asked for.
@Suite struct OutgoingTLSTests {
    /// A puppet that connects to an echo server with certificate `name`.
    private func withDialer(
        _ backend: String, _ name: String = "localhost", server options: [String] = [], client: [String],
        _ body: @Sendable (_ dialer: ScenarioServer, _ echo: ScenarioServer) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let certificates = TestCertificates.shared
            let setup = Setup(backend: backend, transport: .ipv4)
            let identity = ["--cert", certificates.certificate(name), "--key", certificates.key(name)]
            let echo = try ScenarioServer("echo", setup, ["--protocol", "text"] + identity + options)
            let dialer = try ScenarioServer(
                "puppet", setup, ["--protocol", "text", "--to", "\(echo.endpoint)"] + client)
            try body(dialer, echo)
            try dialer.finish()
            try echo.finish()
        }
    }

    private static let authority = ["--server-ca", TestCertificates.shared.certificate("localhost")]

    @Test(arguments: Setup.backends)
    func aServerThatProvesItsNameIsTalkedTo(_ backend: String) async throws {
        let options = ["--server-name", "localhost", "--client-alpn", "made-up"] + Self.authority
        try await withDialer(backend, client: options) { dialer, _ in
            // Sent before, within and after onConnect, which is before the handshake.
            #expect(try dialer.tell("send 5") == "queued 5")
            _ = try dialer.tell("on connect: send 7; tls")
            _ = try dialer.tell("connect")
            #expect(try dialer.nextEvents(3) == ["connect 1", "send 7: queued 12", "tls: none"])
            try dialer.event("drain 0")
            #expect(try dialer.nextEvents(2) == ["message xxxx", "message xxxxxx"])
            #expect(
                try dialer.tell("tls")
                    == "version=TLSv1.3 name=localhost alpn=- peer=CN=localhost resumed=false kernel=false")
            #expect(try dialer.tell("send 5") == "sent 0")
            #expect(try dialer.event("message") == "message xxxx")
            _ = try dialer.tell("close")
            #expect(try dialer.event("close") == "close 1")
        }
    }

    /// Whoever says nothing more may still listen, also without the words that TLS has for that.
    @Test(arguments: Setup.backends)
    func whatWaitsReachesAServerThatEndsWithoutAWord(_ backend: String) async throws {
        try await TestThreads.light.run {
            let certificates = TestCertificates.shared
            let script =
                "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/HostileTLS/server.py"
            let server = try ServerProcess(
                "/usr/bin/python3",
                [script, "leave", certificates.certificate("localhost"), certificates.key("localhost")],
                in: TemporaryFolder())
            let address = try #require(try server.nextLine())
            let dialer = try ScenarioServer(
                "puppet", Setup(backend: backend, transport: .ipv4),
                ["--protocol", "text", "--to", address, "--server-name", "localhost"] + Self.authority)
            _ = try dialer.tell("once connect: send 4000000")
            _ = try dialer.tell("connect")
            #expect(
                try dialer.nextEvents(3) == ["connect 1", "full 4000000", "send 4000000: queued 4000000"])
            #expect(try eventually { try dialer.tell("state").hasPrefix("closing") })
            server.signal(SIGUSR1)
            #expect(try server.nextLine() == "4000000", "\(server.errorText)")
            #expect(try dialer.event("close") == "close 1")
            try dialer.finish()
        }
    }

    /// A refusal: the certificate, what the client asks for, and what it says then.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let certificate: String
        let client: [String]
        let reason: String
        var testDescription: String { reason }
    }

    static let refusals = [
        Refusal(
            certificate: "localhost", client: ["--server-name", "other.example"] + authority,
            reason: "certificate: hostname mismatch"),
        Refusal(
            certificate: "localhost", client: ["--server-name", "localhost"],
            reason: "certificate: self-signed certificate"),
        Refusal(
            certificate: "other", client: ["--server-name", "other.example"] + authority,
            reason: "certificate: self-signed certificate"),
        Refusal(
            certificate: "expired",
            client: [
                "--server-name", "localhost", "--server-ca", TestCertificates.shared.certificate("expired"),
            ], reason: "certificate: certificate has expired"),
        Refusal(
            certificate: "localhost", client: ["--server-name", "127.0.0.2"] + authority,
            reason: "certificate: IP address mismatch"),
    ]

    @Test(arguments: Setup.backends, refusals)
    func aServerThatDoesNotIsRefused(_ backend: String, _ refusal: Refusal) async throws {
        try await withDialer(backend, refusal.certificate, client: refusal.client) { dialer, echo in
            _ = try dialer.tell("send 5")
            _ = try dialer.tell("connect")
            try dialer.event("connect 1")
            #expect(
                try dialer.event("error") == "error 1 TLS handshake with \(echo.endpoint) failed: \(refusal.reason)")
            #expect(try dialer.event("close") == "close 1")
            try echo.event("close")
            #expect(!dialer.events.contains { $0.hasPrefix("message") })
        }
    }

    @Test(arguments: Setup.backends)
    func verificationCanBeLeftOut(_ backend: String) async throws {
        try await withDialer(backend, "expired", client: ["--server-name", "any.name", "--insecure", "yes"]) {
            dialer, _ in
            _ = try dialer.tell("send 5")
            _ = try dialer.tell("connect")
            #expect(try dialer.event("message") == "message xxxx")
        }
    }

    @Test(arguments: Setup.backends)
    func aCertificateOfOnesOwnIsShown(_ backend: String) async throws {
        let certificates = TestCertificates.shared
        let server = ["--client-ca", certificates.certificate("other"), "--tell-tls", "yes"]
        let client = ["--server-name", "localhost", "--client-cert", certificates.both("other")] + Self.authority
        try await withDialer(backend, server: server, client: client) { dialer, echo in
            _ = try dialer.tell("send 5")
            _ = try dialer.tell("connect")
            #expect(try dialer.event("message") == "message xxxx")
            #expect(try echo.event("tls") == "tls CN=other.example")
        }
        try await withDialer(backend, server: server, client: ["--server-name", "localhost"] + Self.authority) {
            dialer, _ in
            _ = try dialer.tell("connect")
            // TLS 1.3: the client is done before the server has seen that there is no certificate.
            try dialer.event("close 1")
        }
    }

    @Test(arguments: Setup.backends)
    func aServerThatSpeaksNoTLSIsAnError(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor("ipv4", in: folder)
            let dialer = try ScenarioServer(
                "puppet", Setup(backend: backend, transport: .ipv4),
                ["--protocol", "text", "--to", "ssl://\(acceptor.endpoint)"])
            _ = try dialer.tell("connect")
            let peer = try acceptor.accept()
            try peer.send("220 mail.example ESMTP\r\n")
            let error = try dialer.event("error")
            #expect(error.hasPrefix("error 1 TLS handshake with \(acceptor.endpoint) failed: "))
            #expect(try dialer.event("close") == "close 1")
            try dialer.finish()
        }
    }
}
