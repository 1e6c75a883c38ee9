import ApusProtocols
import Glibc
import TestSupport
import Testing

/// The recipes that stand between clients and servers, and that of a client, with programs of others on both sides.
@Suite struct ProxyExampleTests {
    /// Starts a recipe; `body` gets where it listens.
    private func with(
        _ recipe: String, _ backend: String, _ options: [String] = [],
        _ body: @Sendable (_ proxy: Endpoint, Service) throws -> Void
    ) async throws {
        try await TestThreads.light.run { try serve(recipe, backend, options, body) }
    }

    private func serve(
        _ recipe: String, _ backend: String, _ options: [String], _ body: (_ proxy: Endpoint, Service) throws -> Void
    ) throws {
        let service = try Service("Examples", recipe, backend, ["--on", "127.0.0.1:0"] + options)
        let (master, endpoint) = try service.start()
        try body(endpoint, service)
        #expect(try master.stop() == .code(0))
        #expect(!service.log.contains("exit with status"), "\(service.log)")
    }

    private struct Outcome {
        let status: TestSupport.ExitStatus
        let output: String
        let errors: String
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Outcome {
        let folder = try TemporaryFolder()
        let process = try ServerProcess(program, arguments, in: folder)
        let output = try process.outputToEnd()
        return Outcome(status: try process.waitForExit(), output: output, errors: process.errorText)
    }

    private func curl(_ arguments: String...) throws -> Outcome {
        try run("/usr/bin/curl", ["-sS", "--noproxy", "", "--max-time", "60"] + arguments)
    }

    /// A server to reach through proxies: HTTP, HTTPS, and HTTP over IPv6.
    private func startUpstream(_ backend: String) throws -> (Service, [Endpoint]) {
        let files = TestCertificates.shared
        let service = try Service(
            "Examples", "AllProtocols", backend,
            [
                "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--cert", files.certificate("localhost"), "--key",
                files.key("localhost"),
            ])
        return (service, try service.launch("start").endpoints())
    }

    // MARK: MySQL

    private func ask(_ proxy: Endpoint, _ sql: String) throws -> Outcome {
        let port = "\(proxy)".split(separator: ":")[1]
        return try run(
            "/usr/bin/mariadb",
            [
                "--no-defaults", "--host=127.0.0.1", "--port=\(port)", "--user=trial", "--password=secret", "-N", "-B",
                "-e", sql,
            ])
    }

    @Test(arguments: backends)
    func aDatabaseIsReachedThroughAProxy(_ backend: String) async throws {
        try await TestThreads.light.run {
            let database = try MariaDBServer()
            try serve("MySQLProxy", backend, ["--to", "127.0.0.1:\(database.port)"]) { (proxy, _) throws in
                let sum = try ask(proxy, "SELECT 6 * 7")
                #expect(sum.status == .code(0) && sum.output == "42", "\(sum.errors)")
                #expect(try ask(proxy, "SELECT REPEAT('x', 1000000)").output.utf8.count == 1_000_000)
                #expect(try ask(proxy, "SELECT nothing").errors.contains("ERROR 1054"))
            }
        }
        try await with("MySQLProxy", backend, ["--to", "127.0.0.1:1"]) { (proxy, _) throws in
            let failed = try ask(proxy, "SELECT 1")
            #expect(failed.status != .code(0) && failed.errors.contains("the database cannot be reached"))
        }
    }

    // MARK: HTTP

    @Test(arguments: backends)
    func curlGoesThroughAnHTTPProxy(_ backend: String) async throws {
        let (upstream, servers) = try startUpstream(backend)
        try await with("HTTPProxy", backend) { (proxy, _) throws in
            let (http, https) = (
                "http://\(servers[0])", "https://localhost:\("\(servers[1])".split(separator: ":")[1])"
            )
            let authority = TestCertificates.shared.certificate("localhost")
            for more in [[], ["-p"]] {
                let proxied = ["-x", "http://\(proxy)"] + more
                #expect(try run("/usr/bin/curl", ["-sS"] + proxied + ["\(http)/"]).output == "Hello, World!")
            }
            let secured = try curl("-x", "http://\(proxy)", "--cacert", authority, "\(https)/")
            #expect(secured.output == "Hello, World!", "\(secured.errors)")
            // Large both ways.
            let folder = try TemporaryFolder()
            let body = String(repeating: "0123456789abcdef", count: 300_000)
            try writeText(body, to: folder.file("body"))
            for more in ["-p", "--proxy-basic"] {
                let echo = try curl(
                    "-x", "http://\(proxy)", more, "--data-binary", "@\(folder.file("body"))", "-o",
                    folder.file("echo"), "\(http)/echo")
                #expect(echo.status == .code(0) && folder.text("echo") == body, "\(echo.errors)")
                let size = try curl(
                    "-x", "http://\(proxy)", more, "-o", "/dev/null", "-w", "%{size_download}", "\(http)/big")
                #expect(size.output == "33554432", "\(size.errors)")
            }
            let dead = try curl("-x", "http://\(proxy)", "-w", "%{http_code}", "http://127.0.0.1:1/")
            #expect(dead.output.hasSuffix("502") && dead.output.contains("Connection refused"))
            #expect(try curl("-x", "http://\(proxy)", "-p", "http://127.0.0.1:1/").errors.contains("502"))
            #expect(
                try curl("-x", "http://\(proxy)", "\(http)/none", "\(http)/").output == "404 Not FoundHello, World!")
        }
        withExtendedLifetime(upstream) {}
    }

    @Test(arguments: backends)
    func whatTheServerGetsIsForTheServer(_ backend: String) async throws {
        try await with("HTTPProxy", backend) { (proxy, _) throws in
            let acceptor = try Acceptor("ipv4", in: TemporaryFolder())
            let client = try Client(proxy)
            try client.send(
                "PROPFIND http://\(acceptor.endpoint)/p?q HTTP/1.1\r\nHost: wrong\r\nProxy-Connection: keep-alive\r\n"
                    + "Proxy-Authorization: Basic eA==\r\nConnection: X-Own, content-length\r\nx-own: 1\r\n"
                    + "X-Kept: ü\r\nContent-Length: 6\r\n\r\nabc")
            let server = try acceptor.accept()
            let head =
                "PROPFIND /p?q HTTP/1.1\r\nHost: \(acceptor.endpoint)\r\nVia: 1.1 apus\r\nConnection: close\r\n"
                + "X-Kept: ü\r\nContent-Length: 6\r\n\r\n"
            #expect(String(decoding: try server.read(through: "\r\n\r\n"), as: UTF8.self) == head)
            // Piece by piece, both ways.
            #expect(try server.read(3) == Array("abc".utf8))
            try server.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123")
            #expect(String(decoding: try client.read(through: "123"), as: UTF8.self).hasPrefix("HTTP/1.1 200 OK"))
            try client.send("def")
            #expect(try server.read(3) == Array("def".utf8))
            try server.send("456")
            server.close()
            #expect(try client.textToEnd() == "456")
            let origin = try Client(proxy)
            try origin.send("GET http://\(acceptor.endpoint) HTTP/1.0\r\n\r\n")
            let other = try acceptor.accept()
            #expect(String(decoding: try other.read(through: "\r\n"), as: UTF8.self) == "GET / HTTP/1.0\r\n")
        }
    }

    @Test(arguments: backends)
    func requestsThatNoProxyServes(_ backend: String) async throws {
        try await with("HTTPProxy", backend) { (proxy, _) throws in
            let acceptor = try Acceptor("unix", in: TemporaryFolder())
            let path = "\(acceptor.endpoint)".dropFirst("unix:".count)
            for line in [
                "GET / HTTP/1.1", "GET https://a/ HTTP/1.1", "GET http:// HTTP/1.1", "CONNECT a HTTP/1.1",
                "CONNECT a:0 HTTP/1.1", "CONNECT a:99999 HTTP/1.1", "CONNECT [::1] HTTP/1.1",
                "CONNECT http://a:1/ HTTP/1.1",
                "CONNECT unix:\(path) HTTP/1.1", "CONNECT \(path) HTTP/1.1", "CONNECT unix:1 HTTP/1.1",
                "CONNECT unix:\(path):1 HTTP/1.1", "GET http://unix:1/ HTTP/1.1", "GET http://user@a:1/ HTTP/1.1",
                "GET http://a/ HTTP/2.0", "GET  http://a/ HTTP/1.1", "", "GET http://a/ HTTP/1.1\r\nno colon",
                "GET http://a/ HTTP/1.1\r\nA : b", "GET http://a/ HTTP/1.1\r\nA: b\r\n c", "GET http://a/\0 HTTP/1.1",
            ] {
                let client = try Client(proxy)
                try client.send("\(line)\r\n\r\n")
                #expect(try client.textToEnd().hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(line)")
            }
            #expect(!acceptor.isAsked())
            let endless = try Client(proxy)
            _ = try endless.sendWhilePossible(Array("GET http://a/ HTTP/1.1\r\nA: \(pad)".utf8))
            #expect(try endless.textToEnd().hasPrefix("HTTP/1.1 431 "))
        }
    }

    /// More than a head may have.
    private var pad: String { String(repeating: "a", count: 40_000) }

    // MARK: SOCKS

    @Test(arguments: backends)
    func curlGoesThroughASOCKSProxy(_ backend: String) async throws {
        let (upstream, servers) = try startUpstream(backend)
        let ipv6 = try Service("Examples", "AllProtocols", backend, ["--http", "[::1]:0"])
        let (_, other) = try ipv6.start()
        try await with("Socks5Proxy", backend) { (proxy, _) throws in
            let port = "\(servers[0])".split(separator: ":")[1]
            for (option, host) in [
                ("--socks5", "127.0.0.1:\(port)"), ("--socks5-hostname", "localhost:\(port)"),
                ("--socks5-hostname", "127.0.0.1:\(port)"), ("--socks5-hostname", "\(other)"),
            ] {
                let answer = try curl(option, "\(proxy)", "http://\(host)/")
                #expect(answer.output == "Hello, World!", "\(host): \(answer.errors)")
            }
            let size = try curl(
                "--socks5-hostname", "\(proxy)", "-o", "/dev/null", "-w", "%{size_download}",
                "http://localhost:\(port)/big")
            #expect(size.output == "33554432", "\(size.errors)")
            #expect(try curl("--socks5", "\(proxy)", "http://127.0.0.1:1/").errors.contains("(5)"))
            #expect(try curl("--socks5-hostname", "\(proxy)", "http://none.invalid/").errors.contains("(4)"))
        }
        let login = ["--user", "ann", "--password", "secret"]
        try await with("Socks5Proxy", backend, login) { (proxy, _) throws in
            let url = "http://\(servers[0])/"
            #expect(try curl("--socks5", "\(proxy)", "-U", "ann:secret", url).output == "Hello, World!")
            for wrong in ["ann:Secret", "bob:secret", ":"] {
                #expect(try curl("--socks5", "\(proxy)", "-U", wrong, url).status == .code(97))
            }
            #expect(try curl("--socks5", "\(proxy)", url).status == .code(97))
        }
        withExtendedLifetime((upstream, ipv6)) {}
    }

    @Test(arguments: backends)
    func theBytesOfSOCKS(_ backend: String) async throws {
        try await with("Socks5Proxy", backend) { (proxy, _) throws in
            let acceptor = try Acceptor("ipv4", in: TemporaryFolder())
            guard case .ipv4(let port) = acceptor.endpoint else { throw Failure("no port") }
            let tail = [UInt8(port >> 8), UInt8(port & 0xFF)]
            // Byte by byte, and what follows the request goes to the server.
            let client = try Client(proxy)
            for byte in [5, 2, 1, 0] as [UInt8] { try client.send([byte]) }
            #expect(try client.read(2) == [5, 0])
            for byte in [5, 1, 0, 1, 127, 0, 0, 1] + tail + Array("early".utf8) { try client.send([byte]) }
            let server = try acceptor.accept()
            #expect(try client.read(10) == [5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
            #expect(try server.read(5) == Array("early".utf8))
            // All at once, and ends are handed on.
            let quick = try Client(proxy)
            try quick.send([5, 1, 0, 5, 1, 0, 3, 9] + Array("localhost".utf8) + tail + Array("x".utf8))
            quick.finishSending()
            let behind = try acceptor.accept()
            #expect(try behind.textToEnd() == "x")
            try behind.send("bye")
            behind.close()
            #expect(try quick.readToEnd().bytes == [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0] + Array("bye".utf8))
            let unix = try Acceptor("unix", in: TemporaryFolder())
            let path = Array("\(unix.endpoint)".utf8)
            for (bytes, answer) in [
                ([4, 1, 0, 80, 127, 0, 0, 1, 0], []), ([5, 1, 2], [5, 0xFF]), ([5, 0], [5, 0xFF]),
                ([5, 1, 0, 5, 3, 0, 1, 127, 0, 0, 1] + tail, [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]),
                ([5, 1, 0, 5, 1, 0, 2, 1, 1], [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0]),
                ([5, 1, 0, 5, 1, 0, 3, UInt8(path.count)] + path + [0, 80], [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0]),
                ([5, 1, 0, 5, 1, 0, 3, 4] + Array("unix".utf8) + [0, 80], [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0]),
                ([5, 1, 0, 5, 1, 0, 3, 0] + [0, 80], [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0]),
                ([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 0], [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0]),
            ] as [([UInt8], [UInt8])] {
                let client = try Client(proxy)
                try client.send(bytes)
                #expect(try client.readToEnd().bytes == answer, "\(bytes)")
            }
            #expect(!unix.isAsked())
        }
    }

    // MARK: WebSocket

    @Test(arguments: backends)
    func aWebSocketClientComesAgain(_ backend: String) async throws {
        try await TestThreads.light.run {
            let acceptor = try Acceptor("ipv4", in: TemporaryFolder())
            let service = try Service(
                "Examples", "WSClient", backend,
                [
                    "--to", "ws://\(acceptor.endpoint)/feed", "--token", "t", "--say", "hi", "--ping", "0.5", "--again",
                    "0.1",
                ])
            let master = try service.launch("start")
            // Whatever ends it, it comes again: a refusal, a close, and nothing at all.
            let refused = try acceptor.accept()
            _ = try refused.read(through: "\r\n\r\n")
            try refused.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            for round in 1...2 {
                let server = try acceptor.accept()
                let request = String(decoding: try server.read(through: "\r\n\r\n"), as: UTF8.self)
                #expect(request.hasPrefix("GET /feed HTTP/1.1\r\n") && request.contains("Authorization: Bearer t\r\n"))
                let key = request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }?.dropFirst(19)
                let accept = String(decoding: WebSocketHandshake.accept(for: (key ?? "").utf8), as: UTF8.self)
                try server.send(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Accept: \(accept)\r\n\r\n")
                #expect(try server.readFrame(isMasked: true) == WebSocketFrame(.text, "hi"))
                #expect(try server.readFrame(isMasked: true) == WebSocketFrame(.binary, Array("hi".utf8)))
                #expect(try server.readFrame(isMasked: true) == WebSocketFrame(.ping))
                try server.send(WebSocketFrame(.text, "answer \(round)").bytes(mask: nil))
                #expect(eventually { service.log.contains("received text: answer \(round)") })
                server.close()
            }
            _ = try acceptor.accept()
            #expect(service.log.contains("503") && service.log.contains("the WebSocket is open"))
            #expect(try master.stop() == .code(0))
        }
    }
}
