import TestSupport
import Testing

/// A router with all that can be put around routes, over a real server.
@Suite struct RouterServerTests {
    private static func head(_ line: String, _ fields: String...) -> String {
        "\(line) HTTP/1.1\r\nHost: h\r\n" + fields.map { "\($0)\r\n" }.joined() + "\r\n"
    }

    private static let text = pattern(1000).map { $0 % 7 + 0x41 } * 5

    // MARK: Order

    /// Those that answer at once do not overtake those that wait.
    @Test(arguments: Setup.eachBackend)
    func pipelinedRequestsAreAnsweredInOrder(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            let targets = ["/hello", "/wait/a", "/users/7", "/users/x", "/wait/b", "/none", "/hello"]
            try client.send(targets.map { Self.head("GET \($0)") }.joined())
            #expect(try client.readReply().text == "hello")
            try server.event("waiting a")
            #expect(try server.connect().get("/go").text == "went")
            #expect(try client.readReply().text == "/wait/a")
            #expect(try client.readReply().text == "user 7")
            #expect(try client.readReply().status == 404)
            try server.event("waiting b")
            #expect(try server.connect().get("/go").text == "went")
            #expect(try client.readReply().text == "/wait/b")
            #expect(try client.readReply().status == 404)
            #expect(try client.readReply().text == "hello")
        }
    }

    // MARK: Methods, errors, other sites

    @Test(arguments: Setup.eachBackend)
    func methodsAndErrors(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("OPTIONS /hello") + Self.head("PUT /hello"))
            #expect(try client.readReply()["Allow"] == "GET, HEAD, OPTIONS")
            let refused = try client.readReply()
            #expect(refused.status == 405 && refused["Allow"] == "GET, HEAD, OPTIONS")
            for (target, status) in [("/refused", 403), ("/failing", 500), ("/failing-late", 500), ("/none", 404)] {
                try client.send(Self.head("GET \(target)", "Origin: https://a.example", "X-Request-ID: r1"))
                let reply = try client.readReply()
                #expect(reply.status == status && reply["X-Request-ID"] == "r1")
                #expect(reply["Access-Control-Allow-Origin"] == "https://a.example")
                #expect(
                    try server.event("access GET \(target)") == "access GET \(target) \(status) \(reply.body.count)")
            }
            try client.send(Self.head("HEAD /hello") + Self.head("HEAD /refused"))
            let hello = try client.readReply(toHead: true)
            #expect(hello.status == 200 && hello["Content-Length"] == "5" && hello["X-Request-ID"]?.count == 32)
            #expect(try client.readReply(toHead: true).status == 403)
            #expect(try server.event("access HEAD /refused") == "access HEAD /refused 403 0")
            // The server as a whole (RFC 9110 §9.3.7).
            try client.send(Self.head("OPTIONS *"))
            let all = try client.readReply()
            #expect(all.status == 204 && all["Allow"]?.contains("PATCH") == true)
        }
    }

    /// Lines that were not written yet are, when the process ends.
    @Test(arguments: Setup.eachBackend)
    func theAccessLogIsWhole(_ setup: Setup) async throws {
        let folder = try TemporaryFolder()
        try await withScenario("router", setup, ["--access-log", folder.file("log")]) { server in
            let client = try server.connect()
            for target in ["/hello", "/none"] { _ = try client.get(target) }
        }
        #expect(folder.text("log").components("\"GET /hello HTTP/1.1\" 200 5 ") == 1)
        #expect(folder.text("log").components("\"GET /none HTTP/1.1\" 404 9 ") == 1)
    }

    @Test(arguments: Setup.eachBackend)
    func browsersAskFirst(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            let asks = ["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a"]
            for target in ["/hello", "/private/name", "/none"] {
                try client.send(Self.head("OPTIONS \(target)", "Origin: https://a.example", asks[0], asks[1]))
                let reply = try client.readReply()
                #expect(reply.status == 204 && reply["Access-Control-Allow-Origin"] == "https://a.example")
                #expect(reply["Access-Control-Allow-Methods"]?.contains("PUT") == true)
                #expect(reply["Access-Control-Allow-Headers"] == "x-a" && reply["Access-Control-Max-Age"] == "60")
                #expect(reply["Content-Length"] == nil)
            }
            try client.send(Self.head("OPTIONS /hello", "Origin: https://b.example", asks[0]))
            let other = try client.readReply()
            #expect(other.status == 204 && other["Access-Control-Allow-Origin"] == nil)
        }
    }

    // MARK: Who may pass

    @Test(arguments: Setup.eachBackend)
    func credentialsAndLimits(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            let asked = try client.get("/private/name")
            #expect(asked.status == 401)
            #expect(asked["WWW-Authenticate"] == "Basic realm=\"inner rooms\", charset=\"UTF-8\"")
            for (credentials, status) in [("YW5uOnNlY3JldA==", 200), ("YW5uOlNlY3JldA==", 401), ("%%%", 401)] {
                try client.send(Self.head("GET /private/name", "Authorization: Basic \(credentials)"))
                let reply = try client.readReply()
                #expect(reply.status == status && (status == 401 || reply.text == "ann"))
            }
            try client.send(Self.head("GET /api/name", "Authorization: Bearer t") + Self.head("GET /api/name"))
            #expect(try client.readReply().text == "ann")
            #expect(try client.readReply()["WWW-Authenticate"] == "Bearer realm=\"api\"")
            for status in [200, 200, 429] {
                let reply = try server.connect().get("/limited")
                #expect(reply.status == status)
                #expect((reply["Retry-After"].flatMap { Int($0) } ?? 0 > 0) == (status == 429))
            }
        }
    }

    // MARK: Time

    @Test(arguments: Setup.eachBackend)
    func whoeverTakesTooLongIsNotWaitedFor(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("GET /short/stubborn") + Self.head("GET /hello") + Self.head("GET /wait/a"))
            let late = try client.readReply()
            #expect(late.status == 503 && late.text == "the answer took too long")
            #expect(late["Connection"] == "keep-alive")
            #expect(try client.readReply().text == "hello")
            try server.event("waiting a")
            // What the first one answers at last goes nowhere.
            #expect(try server.connect().get("/go").text == "went")
            #expect(try server.event("late") == "late true")
            #expect(try client.readReply().text == "/wait/a")
            #expect(try client.get("/short/obedient").status == 503)
            try server.event("cancelled")
            #expect(try client.get("/long/later").text == "in time")
            #expect(try client.get("/long/at-once").text == "at once")
            #expect(server.log.components("failed:") == 2, "\(server.log)")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aBodyThatTakesTooLongIsPassedOver(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("POST /short/body", "Content-Length: 10") + "abc")
            try server.event("piece")
            #expect(try client.readReply().status == 503)
            try client.send("defghij" + Self.head("GET /hello"))
            #expect(try client.readReply().text == "hello")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aClientThatGoesEndsItsHandler(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            try client.send(Self.head("GET /long/gone"))
            try server.event("begun")
            client.reset()
            try server.event("access GET /long/gone")
        }
    }

    // MARK: Bodies

    @Test(arguments: Setup.eachBackend)
    func routesHaveTheirOwnBounds(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            try client.send(Self.head("PUT /upload/a", "Transfer-Encoding: chunked") + chunks + Self.head("GET /hello"))
            #expect(try client.readReply().text == "5")
            #expect(try client.readReply().text == "hello")
            try client.send(Self.head("PUT /upload/a", "Content-Length: 150000"))
            try client.send(pattern(150_000))
            #expect(try client.readReply().text == "150000")
            for (target, count, answer) in [
                ("/memory", 100, "100"), ("/usual", 300_000, "300000"), ("/worker-policy", 5, "5"),
                ("/small/memory", 10, "10"), ("/small/streamed", 10, "10"),
            ] {
                #expect(try client.post(target, pattern(count)).text == answer, "\(target)")
            }
            // These are delivered, and the connection goes on.
            #expect(try client.post("/small/memory", pattern(11)).status == 413)
            #expect(try client.post("/small/streamed", pattern(11)).status == 413)
            #expect(try client.get("/hello").text == "hello")
            for (line, count) in [("PUT /upload/a", 200_001), ("POST /memory", 101), ("POST /worker-policy", 6)] {
                let other = try server.connect()
                try other.send(Self.head(line, "Content-Length: \(count)"))
                let reply = try other.readReply()
                #expect(reply.status == 413 && reply["Connection"] == "close", "\(line)")
            }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func answersAreCompressed(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            #expect(try client.get("/text").body == Self.text)
            let accepts = "Accept-Encoding: gzip"
            try client.send(Self.head("GET /text", accepts) + Self.head("HEAD /text", accepts))
            let reply = try client.readReply()
            #expect(reply["Content-Encoding"] == "gzip" && reply["Vary"] == "Accept-Encoding, Origin")
            #expect(try gunzip(reply.body) == (Self.text, true))
            let head = try client.readReply(toHead: true)
            #expect(head["Content-Length"] == "\(reply.body.count)" && head["Content-Encoding"] == "gzip")
            for target in ["/stream", "/stream?length=5000"] {
                try client.send(Self.head("GET \(target)", accepts) + Self.head("HEAD \(target)", accepts))
                let stream = try client.readReply()
                #expect(stream["Transfer-Encoding"] == "chunked" && stream["Content-Encoding"] == "gzip")
                #expect(try gunzip(stream.body) == (Self.text, true))
                #expect(try client.readReply(toHead: true)["Content-Encoding"] == "gzip")
            }
            #expect(try client.get("/stream?length=5000")["Content-Length"] == "5000")
            let old = try server.connect()
            try old.send("GET /stream HTTP/1.0\r\n\(accepts)\r\n\r\n")
            _ = try old.read(through: "\r\n\r\n")
            #expect(try gunzip(old.readToEnd().bytes) == (Self.text, true))
        }
    }

    // MARK: Sessions

    @Test(arguments: Setup.eachBackend)
    func sessionsAreSavedButForFailures(_ setup: Setup) async throws {
        try await withScenario("router", setup) { server in
            let client = try server.connect()
            let first = try client.get("/visits/answer")
            let cookie = String(try #require(first["Set-Cookie"]).prefix { $0 != ";" })
            for (then, status, text) in [
                ("refuse", 409, "2"), ("fail", 500, "Internal Server Error"), ("answer", 200, "3"),
            ] {
                try client.send(Self.head("GET /visits/\(then)", "Cookie: \(cookie)"))
                let reply = try client.readReply()
                #expect(reply.status == status && reply.text == text)
            }
        }
    }
}

extension String {
    /// How often `part` is there.
    fileprivate func components(_ part: String) -> Int { ranges(of: part).count }
}
