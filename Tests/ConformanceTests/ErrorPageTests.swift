import TestSupport
import Testing

/// What a client sees of an error that no handler expected.
@Suite struct ErrorPageTests {
    private static let shown = ["--show-errors", "1"]

    private func get(_ client: Client, _ target: String, accept: String, _ fields: String = "") throws -> HTTPReply {
        try client.send("GET \(target) HTTP/1.1\r\nHost: h\r\nAccept: \(accept)\r\n\(fields)\r\n")
        return try client.readReply()
    }

    @Test(arguments: Setup.eachBackend)
    func nothingIsShownUnlessAsked(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            for target in ["/throw", "/async-throw", "/keep-throw"] {
                let reply = try get(server.connect(), target, accept: "text/html")
                #expect(reply.status == 500 && reply.body.isEmpty && reply["Content-Type"] == nil)
            }
            #expect(!server.log.contains("clients are shown"))
        }
        try await withScenario("routes", setup) { server in
            let reply = try get(server.connect(), "/users/7", accept: "text/html")
            #expect(reply.status == 500 && reply.text == "Internal Server Error")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func browsersGetAPage(_ setup: Setup) async throws {
        try await withScenario("routes", setup, Self.shown) { server in
            let client = try server.connect()
            let reply = try get(
                client, "/users/7?q=%3Cb%3E&token=t0ps3cret", accept: "text/html,application/xhtml+xml,*/*;q=0.8",
                "Authorization: Bearer t0ps3cret\r\nCookie: id=t0ps3cret\r\nX-Api-Key: t0ps3cret\r\n"
                    + "X-Other: Bearer t0ps3cret\r\nReferer: http://h/?token=t0ps3cret\r\nX-Evil: \"><img src=x>\r\n")
            #expect(reply.status == 500 && reply["Content-Type"] == "text/html;charset=utf-8")
            #expect(reply["Cache-Control"] == "no-store")
            #expect(reply["Content-Security-Policy"]?.hasPrefix("default-src 'none'") == true)
            let page = reply.text
            #expect(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;more&quot;\nof it"))
            #expect(!page.contains("<script") && !page.contains("<img") && !page.contains("t0ps3cret"))
            for part in [
                "ScenarioError", "<th>Line</th><td>GET /users/7 HTTP/1.1</td>", "<th>Route</th><td>/users/:id</td>",
                "<th>id</th><td>7</td>", "<th>q</th><td>&lt;b&gt;</td>", "<th>token</th><td>hidden</td>",
                "<th>Cookie</th><td>hidden</td>", "<th>X-Evil</th><td>&quot;&gt;&lt;img src=x&gt;</td>",
                "<th>Worker</th><td>routes, http", "<th>Process</th><td>\(server.process.pid)</td>",
                "throw HTTPError(.notFound)", "APUS_DEBUG", "prefers-color-scheme:dark",
            ] {
                #expect(page.contains(part), "\(part) is missing in \(page)")
            }
            // A handler's error is an answer like others.
            let later = try get(client, "/later/9", accept: "text/html")
            #expect(later.status == 500 && later.text.contains("<pre>later, 9</pre>"))
            #expect(later.text.contains("<td>/later/:id</td>"))
            #expect(server.log.count(of: "clients are shown the errors of handlers") == 1)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func othersGetTextOrJSON(_ setup: Setup) async throws {
        try await withScenario("routes", setup, Self.shown) { server in
            let client = try server.connect()
            let text = try get(client, "/decode", accept: "*/*")
            #expect(text["Content-Type"] == "text/plain;charset=utf-8" && text["Cache-Control"] == "no-store")
            #expect(text.text.hasPrefix("500 Internal Server Error\n\nSwift.DecodingError\n"))
            for line in ["Coding path: orders[2].price", "Problem: a text is no number", "Expected: Int"] {
                #expect(text.text.contains("\n  \(line)\n"), "\(text.text)")
            }
            #expect(try get(client, "/encode", accept: "*/*").text.contains("\n  Coding path: mean\n"))
            let system = try get(client, "/system", accept: "*/*").text
            #expect(system.contains("\nopen /no/such: No such file or directory\n"), "\(system)")
            #expect(system.contains("\n  Action: open /no/such\n  errno: 2\n"))
            for accepted in ["application/json", "application/problem+json, text/html", "text/html;q=0, text/json"] {
                let json = try get(client, "/users/7", accept: accepted)
                #expect(json["Content-Type"] == "application/json")
                #expect(
                    json.text.contains(#""message": "<script>alert('1')</script> & \"more\"\u000aof it""#),
                    "\(json.text)")
            }
            try client.send("HEAD /users/7 HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readReply(toHead: true).status == 500)
            let form = "name=me&password=t0ps3cret"
            try client.send(
                "POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                    + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)")
            let posted = try client.readReply().text
            #expect(posted.contains("\nForm\n  name: me\n  password: hidden\n"), "\(posted)")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func whatIsMeantIsAnsweredAsMeant(_ setup: Setup) async throws {
        try await withScenario("routes", setup, Self.shown) { server in
            let client = try server.connect()
            let missing = try get(client, "/missing", accept: "text/html")
            #expect(missing.status == 404 && missing.text == "no such thing")
            let busy = try get(client, "/busy", accept: "text/html")
            #expect(busy.status == 503 && busy["Retry-After"] == "9" && busy.text.contains("503 Service Unavailable"))
            let long = try get(client, "/long?" + String(repeating: "a=%20&", count: 2000), accept: "*/*")
            #expect(long.status == 500 && long.text.contains("There was more than is shown."))
            #expect(long.body.count < 100_000)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func handlersWithoutARouterAreShownToo(_ setup: Setup) async throws {
        try await withScenario("http", setup, Self.shown) { server in
            for (target, message) in [
                ("/throw?a=1", "the handler threw"), ("/keep-throw?a=1", "about /keep-throw"),
            ] {
                let client = try server.connect()
                let reply = try get(client, target, accept: "text/html")
                #expect(reply.status == 500 && reply["Connection"] == "close")
                #expect(reply.text.contains("<pre>\(message)</pre>") && reply.text.contains("<th>a</th><td>1</td>"))
                #expect(try client.readToEnd().bytes.isEmpty)
            }
            // Nobody holds the request any more: what it was is not known.
            let client = try server.connect()
            #expect(try client.get("/").status == 200)
            let reply = try get(client, "/async-throw", accept: "text/html")
            #expect(reply.status == 500 && reply["Content-Type"] == "text/plain;charset=utf-8")
            #expect(reply.text.contains("ScenarioError\nasync\n") && !reply.text.contains("Header"))
            #expect(try server.connect().get("/refuse?403").status == 403)
        }
    }

    @Test(arguments: [("1", nil, true), ("1", "0", false), ("0", nil, false), ("yes", nil, false)])
    func theEnvironmentDecidesWhereTheProgramDoesNot(_ value: String, _ option: String?, _ shows: Bool) async throws {
        try await TestThreads.light.run {
            let server = try ScenarioServer(
                "http", Setup.eachBackend[0], option.map { ["--show-errors", $0] } ?? [],
                environment: ["APUS_DEBUG": value])
            #expect(try server.connect().get("/throw").text.contains("the handler threw") == shows)
            try server.finish()
        }
    }

    /// A handshake that gets an ordinary answer is told of once.
    @Test(arguments: Setup.eachBackend)
    func anUnansweredHandshakeIsNamed(_ setup: Setup) async throws {
        let handshake = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        for (options, count) in [([], 0), (Self.shown, 1)] {
            try await withScenario("routes", setup, options) { server in
                let client = try server.connect()
                for _ in 0..<2 {
                    try client.send(handshake)
                    #expect(try client.readReply().text == "no socket")
                }
                #expect(server.log.count(of: "asked for a WebSocket with GET /chat") == count)
            }
        }
    }
}

extension String {
    /// How often `part` stands in it.
    func count(of part: String) -> Int { ranges(of: part).count }
}
