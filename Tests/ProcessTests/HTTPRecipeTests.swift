import TestSupport
import Testing

/// The recipes about HTTP, as their clients see them.
@Suite struct HTTPRecipeTests {
    private let onAnyPort = ["--on", "127.0.0.1:0"]

    @Test(arguments: backends)
    func helloHTTP(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("HelloHTTP", backend, onAnyPort)
            #expect(recipe.master.children.count == 4)
            #expect(try recipe.ask("GET /").text == "Hello, World!\n")
            let named = try recipe.ask("GET /?name=%3Cb%3E")
            #expect(named.text == "Hello, <b>!\n" && named["Content-Type"] == "text/plain;charset=utf-8")
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func routing(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("Routing", backend, onAnyPort)
            for (line, status, text) in [
                ("GET /", 200, "the way in\n"), ("GET /users/7", 200, "user 7\n"), ("GET /users/me", 200, "you\n"),
                ("GET /users/x", 404, "Not Found"), ("GET /files/a/b%20c", 200, "file a/b c\n"),
                ("GET /add?a=2&b=3", 200, "5\n"), ("GET /add?a=2", 400, "b is missing"),
                ("GET /add?a=9223372036854775807&b=1", 400, "the sum is too large"),
                ("GET /none", 404, "nothing is at /none"), ("GET /staff", 200, "the office\n"),
                ("DELETE /staff/users/7", 200, "removed 7\n"), ("POST /staff", 405, "Method Not Allowed"),
            ] {
                let reply = try recipe.ask(line)
                #expect(reply.status == status && reply.text == text, "\(line): \(reply.statusLine) \(reply.text)")
                #expect(reply["Server-Timing"]?.hasPrefix("app;dur=") == true && reply["X-Request-ID"] != nil)
            }
            let moved = try recipe.ask("GET /old")
            #expect(moved.status == 308 && moved["Location"] == "/")
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func formUpload(_ backend: String) async throws {
        try await TestThreads.light.run {
            let uploads = try TemporaryFolder()
            let options = ["--into", uploads.path, "--limit", "20000"]
            let recipe = try ServedRecipe("FormUpload", backend, onAnyPort + options)
            #expect(try recipe.ask("GET /").text.contains("multipart/form-data"))

            func part(_ name: String, _ file: String?, _ content: String) -> String {
                let fileName = file.map { "; filename=\"\($0)\"" } ?? ""
                return "--x\r\nContent-Disposition: form-data; name=\"\(name)\"\(fileName)\r\n\r\n\(content)\r\n"
            }
            func upload(_ parts: String...) throws -> HTTPReply {
                let type = "Content-Type: multipart/form-data; boundary=x\r\n"
                return try recipe.ask("POST /", type, body: parts.joined() + "--x--\r\n")
            }
            let content = String(repeating: "0123456789", count: 1000)
            let reply = try upload(part("title", nil, "<b>"), part("file", "../../a b.txt", content))
            #expect(reply.status == 201 && reply.text.contains("<h1>&lt;b&gt;</h1>"))
            #expect(reply.text.contains("10000 bytes"))
            let kept = try #require(uploads.names.first)
            #expect(uploads.names.count == 1 && kept.hasSuffix("-a_b.txt") && uploads.text(kept) == content)

            // Nothing is left of what is refused.
            for (status, reply) in [
                (400, try upload(part("title", nil, "t"))), (400, try upload(part("file", "a", "b"))),
                (413, try upload(part("title", nil, "t"), part("file", "a", content + content))),
                (415, try recipe.ask("POST /", body: "text")), (405, try recipe.ask("PUT /")),
            ] {
                #expect(reply.status == status, "\(reply.statusLine) \(reply.text)")
            }
            #expect(eventually { uploads.names == [kept] })

            // One that breaks off while it arrives.
            let client = try Client(recipe.endpoint)
            let whole = part("title", nil, "t") + part("file", "cut", content)
            try client.send(
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                    + "Content-Length: 15000\r\n\r\n\(whole)")
            #expect(eventually { uploads.names.count == 2 })
            client.reset()
            #expect(eventually { uploads.names == [kept] })
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func cookies(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("Cookies", backend, onAnyPort)
            let first = try recipe.ask("GET /")
            #expect(first.text.contains("Visit number 1."))
            #expect(first["Set-Cookie"]?.hasPrefix("visits=1; Max-Age=2592000; Path=/; HttpOnly") == true)
            for (cookie, visits) in [
                ("visits=41", 42), ("visits=x", 1), ("visits=-5", 1), ("visits=999999999999999999999", 1),
                ("visits=4294967295", 1_000_000), ("", 1),
            ] {
                let text = try recipe.ask("GET /", "Cookie: \(cookie)\r\n").text
                #expect(text.contains("Visit number \(visits)."), "\(cookie)")
            }
            let chosen = try recipe.post("/colour", "colour=khaki")
            #expect(chosen.status == 303 && chosen["Set-Cookie"]?.hasPrefix("colour=khaki;") == true)
            #expect(try recipe.ask("GET /", "Cookie: a=b; colour=khaki\r\n").text.contains("background: khaki"))
            #expect(try recipe.post("/colour", "colour=%22%3E").status == 400)
            #expect(!(try recipe.ask("GET /", "Cookie: colour=\"><script>\r\n").text.contains("<script>")))
            let forgotten = try recipe.post("/forget", "")
            #expect(forgotten.count("Set-Cookie") == 2 && forgotten.headers.contains { $0.value.contains("Max-Age=0") })
            #expect(try recipe.stop() == .code(0))
        }
    }

    /// Two processes, one store: whichever answers knows the session.
    private func logIn(_ recipe: ServedRecipe) throws {
        func cookie(_ reply: HTTPReply) throws -> String {
            "Cookie: \(try #require(reply["Set-Cookie"]?.prefix { $0 != ";" }))\r\n"
        }
        let first = try recipe.ask("GET /")
        #expect(first.text.contains("Hello, stranger: visit 1."))
        let before = try cookie(first)
        for visit in 2...5 { #expect(try recipe.ask("GET /", before).text.contains("visit \(visit).")) }
        let login = try recipe.post("/login", "name=%3Ci%3EAnn", before)
        let after = try cookie(login)
        #expect(login.status == 303 && after != before)
        #expect(try recipe.ask("GET /", after).text.contains("Hello, &lt;i&gt;Ann: visit 6."))
        // The id from before the login opens nothing.
        #expect(try recipe.ask("GET /", before).text.contains("Hello, stranger: visit 1."))
        #expect(try recipe.post("/login", "name=", after).status == 400)
        #expect(try recipe.post("/login", "", after).status == 400)
        #expect(try recipe.post("/logout", "", after).status == 303)
        #expect(try recipe.ask("GET /", after).text.contains("Hello, stranger: visit 1."))
        #expect(try recipe.stop() == .code(0))
    }

    @Test(arguments: backends)
    func sessionsInFiles(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            try logIn(try ServedRecipe("SessionLogin", backend, onAnyPort + ["--folder", folder.path]))
            #expect(!folder.names.isEmpty)
        }
    }

    @Test(arguments: backends)
    func sessionsInRedis(_ backend: String) async throws {
        try await TestThreads.light.run {
            let redis = try RedisServer()
            try logIn(try ServedRecipe("SessionLogin", backend, onAnyPort + ["--redis", "\(redis.endpoint)"]))
            #expect(try redis.ask("DBSIZE") != ":0")
        }
    }

    @Test(arguments: backends)
    func virtualHosts(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folders = try ["shop", "docs"].map { name in
                let folder = try TemporaryFolder()
                try writeText("the \(name)", to: folder.file("index.html"))
                return folder
            }
            try writeText("prices", to: folders[0].file("prices.txt"))
            let hosts = ["shop.localhost=\(folders[0].path)", "docs.localhost=\(folders[1].path)"]
            let recipe = try ServedRecipe("VirtualHosts", backend, onAnyPort + hosts)
            let client = try Client(recipe.endpoint)
            for (host, target, status, text) in [
                ("shop.localhost", "/", 200, "the shop"), ("DOCS.localhost:8080", "/", 200, "the docs"),
                ("other.localhost", "/", 200, "the shop"), ("shop.localhost", "/prices.txt", 200, "prices"),
                ("docs.localhost", "/host", 200, "docs.localhost\n"),
            ] {
                try client.send("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                let reply = try client.readReply()
                #expect(reply.status == status && reply.text == text, "\(host)\(target): \(reply.statusLine)")
            }
            try client.send("GET /prices.txt HTTP/1.1\r\nHost: docs.localhost\r\n\r\n")
            #expect(try client.readReply().status == 404)
            #expect(try recipe.stop() == .code(0))
            #expect(try Service("Examples", "VirtualHosts", backend, ["a=/", "a=/"]).run("start").status == .code(64))
        }
    }

    @Test(arguments: backends)
    func httpsServer(_ backend: String) async throws {
        try await TestThreads.light.run {
            let certificates = TestCertificates.shared
            let files = ["--cert", certificates.certificate("localhost"), "--key", certificates.key("localhost")]
            let recipe = try ServedRecipe("HTTPSServer", backend, onAnyPort + ["--plain", "127.0.0.1:0"] + files)
            let secured = try Client(recipe.endpoint, isSecured: true)
            let reply = try secured.get("/")
            #expect(reply.text == "Hello over TLSv1.3!\n")
            #expect(reply["Strict-Transport-Security"] == "max-age=31536000")
            let moved = try recipe.ask("GET /a?b=c", of: recipe.endpoints[1])
            // The port is the one of the command line: here the kernel has chosen another.
            #expect(moved.status == 308 && moved["Location"] == "https://h:0/a?b=c")
            #expect(try recipe.stop() == .code(0))
        }
    }
}
