import Glibc
import TestSupport
import Testing

/// Connections through proxies: spec 03 §12. The proxies are microsocks and tinyproxy, and for what they do not do
/// wrong a scripted one.
@Suite struct ProxyTests {
    /// A puppet that connects to `target` through a proxy.
    private func dialer(_ backend: String, to target: String, _ options: [String]) throws -> ScenarioServer {
        let setup = Setup(backend: backend, transport: .ipv4)
        return try ScenarioServer("puppet", setup, ["--protocol", "text", "--to", target] + options)
    }

    private func checkEcho(_ dialer: ScenarioServer) throws {
        _ = try dialer.tell("send 8")
        _ = try dialer.tell("connect")
        try dialer.event("connect 1")
        #expect(try dialer.event("message") == "message xxxxxxx")
        _ = try dialer.tell("send 3")
        #expect(try dialer.event("message") == "message xx")
        try dialer.finish()
    }

    @Test(arguments: Setup.backends, [false, true])
    func throughSOCKS(_ backend: String, _ isSecured: Bool) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let setup = Setup(backend: backend, transport: .ipv4, isSecured: isSecured)
            let echo = try ScenarioServer("echo", setup, ["--protocol", "text"])
            let proxy = try startServer("/usr/bin/microsocks", in: folder) {
                ["-i", "127.0.0.1", "-p", $0, "-u", "user", "-P", "secret"]
            }
            let socks = ["--socks", "127.0.0.1:\(proxy.port)", "--proxy-user", "user"]
            let port = "\(echo.endpoint)".split(separator: ":")[1]
            let authority = TestCertificates.shared.certificate("localhost")
            let tls = isSecured ? ["--server-name", "localhost", "--server-ca", authority] : []
            for host in ["127.0.0.1", "localhost"] {
                try checkEcho(
                    dialer(backend, to: "\(host):\(port)", socks + ["--proxy-password", "secret"] + tls))
            }
            let wrong = try dialer(backend, to: "127.0.0.1:\(port)", socks + ["--proxy-password", "guess"])
            _ = try wrong.tell("connect")
            #expect(try wrong.event("error").contains("the proxy refuses user name and password"))
            #expect(try wrong.event("close") == "close 1")
            try wrong.finish()
            let closed = try Acceptor("ipv4", in: folder).endpoint
            let nobody = try dialer(backend, to: "\(closed)", socks + ["--proxy-password", "secret"])
            _ = try nobody.tell("connect")
            #expect(try nobody.event("error").contains("connect \(closed) fail after 0."))
            #expect(try nobody.event("close") == "close 1")
            #expect(nobody.events.contains { $0.contains("the proxy refuses the connection: connection refused") })
            try nobody.finish()
            try echo.finish()
            proxy.process.signal(SIGTERM)
        }
    }

    @Test(arguments: Setup.backends, [false, true])
    func throughHTTPConnect(_ backend: String, _ isSecured: Bool) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let setup = Setup(backend: backend, transport: .ipv4, isSecured: isSecured)
            let echo = try ScenarioServer("echo", setup, ["--protocol", "text"])
            let proxy = try startServer("/usr/bin/tinyproxy", in: folder) { port in
                let file = folder.file("tinyproxy.conf")
                let lines = [
                    "Port \(port)", "Listen 127.0.0.1", "Timeout 60", "MaxClients 20", "Allow 127.0.0.1",
                    "BasicAuth user secret",
                ]
                try writeText(lines.map { $0 + "\n" }.joined(), to: file)
                return ["-d", "-c", file]
            }
            let through = ["--connect-proxy", "127.0.0.1:\(proxy.port)"]
            let port = "\(echo.endpoint)".split(separator: ":")[1]
            let authority = TestCertificates.shared.certificate("localhost")
            let tls = isSecured ? ["--server-name", "localhost", "--server-ca", authority] : []
            for host in ["127.0.0.1", "localhost"] {
                // "user:secret" in base 64.
                let authorized = through + ["--proxy-user", "Basic dXNlcjpzZWNyZXQ="]
                try checkEcho(dialer(backend, to: "\(host):\(port)", authorized + tls))
            }
            let refused = try dialer(backend, to: "127.0.0.1:\(port)", through)
            _ = try refused.tell("connect")
            #expect(try refused.event("error").contains("the proxy refuses the connection: 40"))
            #expect(try refused.event("close") == "close 1")
            try refused.finish()
            try echo.finish()
            proxy.process.signal(SIGTERM)
        }
    }

    /// The proxy's answer comes byte by byte, with the server's first words behind it.
    @Test(arguments: Setup.backends)
    func whatFollowsTheAnswerIsTheServers(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor("ipv4", in: folder)
            let dialer = try dialer(backend, to: "far.example:99", ["--socks", "\(acceptor.endpoint)"])
            _ = try dialer.tell("send 4")
            _ = try dialer.tell("connect")
            let proxy = try acceptor.accept()
            #expect(try proxy.read(3) == [5, 1, 0])
            try proxy.send([5])
            try proxy.send([0])
            #expect(try proxy.read(18) == [5, 1, 0, 3, 11] + Array("far.example".utf8) + [0, 99])
            for byte: UInt8 in [5, 0, 0, 1, 1, 2, 3, 4, 0] { try proxy.send([byte]) }
            try proxy.send([9] + Array("hello\nwor".utf8))
            try dialer.event("connect 1")
            #expect(try dialer.event("message") == "message hello")
            try proxy.send("ld\n")
            #expect(try dialer.event("message") == "message world")
            #expect(try proxy.readLine() == "xxx")
            try dialer.finish()
        }
    }

    /// What a proxy that cannot be used says or does, and the end of the error.
    static let failures: [(String, String)] = [
        ("", "proxy: it closed the connection"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "the proxy's reply is invalid: "),
        ("silence", "timed out"),
    ]

    @Test(arguments: Setup.backends, failures)
    func aProxyThatIsNoneIsAnError(_ backend: String, _ failure: (says: String, error: String)) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor("ipv4", in: folder)
            let options = ["--socks", "\(acceptor.endpoint)", "--timeout", "0.5"]
            let dialer = try dialer(backend, to: "far.example:99", options)
            _ = try dialer.tell("connect")
            let proxy = try acceptor.accept()
            if failure.says != "silence" {
                try proxy.send(failure.says)
                proxy.finishSending()
            }
            let error = try dialer.event("error")
            #expect(error.hasPrefix("error 1 connect far.example:99 fail after 0."))
            #expect(error.contains(failure.error))
            #expect(try dialer.event("close") == "close 1")
            _ = try proxy.readToEnd()
            try dialer.finish()
        }
    }
}
