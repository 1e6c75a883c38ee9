import Apus
import Glibc
import TestSupport
import Testing

@testable import ApusWeb

/// What a router answers, without a server around it.
@Suite struct RouterTests {
    /// A router whose answers name the route and its parameters.
    private func table(_ paths: String..., configure: (Router) -> Void = { _ in }) -> RouteTable {
        let router = Router()
        for path in paths {
            router.get(path) { request in
                let names = ["id", "name", "path", "x"]
                let found = names.compactMap { name in request.parameters[name].map { "\(name)=\($0)" } }
                return HTTPResponse(body: ([path] + found).joined(separator: " "))
            }
        }
        configure(router)
        return router.makeTable()
    }

    private func answer(_ table: RouteTable, _ line: String) -> HTTPResponse {
        let request = TestRequest("\(line) HTTP/1.1").request
        guard case .immediate(let handle) = table.handler(for: request) else { return HTTPResponse(body: "suspends") }
        return handle(request)
    }

    private func text(_ table: RouteTable, _ path: String) -> String {
        String(decoding: answer(table, "GET \(path)").body, as: UTF8.self)
    }

    @Test func literalsGoBeforeOpenPartsAndThoseBeforeTheRest() {
        let table = table(
            "/", "/users", "/users/me", "/users/:id", "/users/:id/files", "/users/me/files/:name", "/*path", "/a/*path")
        #expect(text(table, "/") == "/")
        #expect(text(table, "/?x=1") == "/")
        #expect(text(table, "/users") == "/users" && text(table, "/users/") == "/users")
        #expect(text(table, "/users/me") == "/users/me")
        #expect(text(table, "/users/7?q=/users/me") == "/users/:id id=7")
        // The literal branch leads nowhere: the open one is tried.
        #expect(text(table, "/users/me/files") == "/users/:id/files id=me")
        #expect(text(table, "/users/me/files/a") == "/users/me/files/:name name=a")
        #expect(text(table, "/users/7/other/x") == "/*path path=users/7/other/x")
        #expect(text(table, "/a") == "/a/*path path=" && text(table, "/a/") == "/a/*path path=")
        #expect(text(table, "/a/b/../c/") == "/a/*path path=b/../c/")
        #expect(text(table, "//users") == "/*path path=/users")
    }

    @Test func escapesStandForTheirBytes() {
        let table = table("/caf\u{e9}", "/users/:id", "/a b")
        #expect(text(table, "/caf%C3%A9") == "/caf\u{e9}" && text(table, "/%63af%c3%a9") == "/caf\u{e9}")
        #expect(text(table, "/a%20b") == "/a b")
        #expect(text(table, "/users/a%2Fb%20c+d") == "/users/:id id=a/b c+d")
        // A coded slash parts no segments.
        #expect(answer(table, "GET /users%2F7").status == .notFound)
        #expect(answer(table, "GET /users//").status == .notFound)
    }

    @Test func methodsOfAPath() {
        let table = table("/page") { router in
            router.post("/page") { _ in "posted" }
            router.delete("/item") { _ in HTTPResponse(.noContent) }
        }
        #expect(text(table, "/page") == "/page")
        #expect(answer(table, "HEAD /page").status == .ok)
        #expect(answer(table, "POST /page").body == Array("posted".utf8))
        let refused = answer(table, "PUT /page")
        #expect(refused.status == .methodNotAllowed && refused.headers["allow"] == "GET, POST, HEAD, OPTIONS")
        let options = answer(table, "OPTIONS /item")
        #expect(options.status == .noContent && options.headers["allow"] == "DELETE, OPTIONS")
        #expect(answer(table, "HEAD /item").status == .methodNotAllowed)
        #expect(answer(table, "GET /nothing").status == .notFound)
    }

    @Test func middlewareWrapsFromTheOutsideIn() {
        var seen: [String] = []
        func trace(_ name: String) -> Middleware {
            Middleware(
                before: { _ in
                    seen.append(name)
                    return nil
                }, after: { seen.append("\(name) \($1.status.code)") })
        }
        let router = Router()
        let api = router.group("/api/", trace("group"))
        api.get("/x") { _ in
            seen.append("handler")
            return "x"
        }
        api.get("/broken") { _ in throw HTTPError(.conflict) }
        let inner = api.group("/inner", Middleware(before: { _ in throw HTTPError(.unauthorized) }))
        inner.get("/") { _ in "never" }
        // Those that come later count for what was there before.
        router.use(trace("a"), trace("b"))
        let table = router.makeTable()
        #expect(text(table, "/api/x") == "x")
        #expect(seen == ["a", "b", "group", "handler", "group 200", "b 200", "a 200"])
        seen = []
        #expect(answer(table, "GET /api/broken").status == .conflict)
        #expect(seen == ["a", "b", "group", "group 409", "b 409", "a 409"])
        seen = []
        #expect(answer(table, "GET /api/inner").status == .unauthorized)
        #expect(seen == ["a", "b", "group", "group 401", "b 401", "a 401"])
        seen = []
        #expect(answer(table, "GET /other").status == .notFound)
        #expect(answer(table, "PUT /api/x").status == .methodNotAllowed)
        #expect(seen == ["a", "b", "b 404", "a 404", "a", "b", "b 405", "a 405"])
    }

    @Test func whatSuspendsGoesThroughTheSameMiddleware() async {
        let router = Router()
        router.use(Middleware(after: { $1.headers["X-After"] = "1" }))
        router.use(
            Middleware { request, next in
                if request.pathIs("/stop") { throw HTTPError(.forbidden) }
                await Task.yield()
                var response = await next(request)
                response.headers["X-Async"] = "1"
                return response
            })
        router.get("/go") { _ in "gone" }
        router.get("/wait") { _ in
            await Task.yield()
            throw HTTPError(.tooManyRequests)
        }
        let table = router.makeTable()
        for (path, status) in [("/go", 200), ("/wait", 429), ("/stop", 403)] {
            let request = TestRequest("GET \(path) HTTP/1.1").request
            let response = await table.handler(for: request).respond(to: request)
            #expect(response.status.code == status && response.headers["X-After"] == "1")
            #expect(response.headers["X-Async"] == (status == 403 ? nil : "1"))
        }
    }

    @Test func foldersBelowAPath() throws {
        let folder = try TemporaryFolder()
        try writeText("script", to: folder.file("app.js"))
        try writeText("index", to: folder.file("index.html"))
        let router = Router()
        router.group("/v1").files("/assets/", StaticFiles(folder.path))
        let table = router.makeTable()
        for path in ["/v1/assets/app.js?x=1", "/v1/%61ssets/app%2ejs", "http://h/v1/assets/app.js"] {
            let response = answer(table, "GET \(path)")
            #expect(response.status == .ok && response.contentLength == 6, "\(path)")
        }
        #expect(answer(table, "GET /v1/assets/").contentLength == 5)
        let redirect = answer(table, "GET /v1/assets?q")
        #expect(redirect.status == .movedPermanently && redirect.headers["Location"] == "/v1/assets/?q")
        for path in ["/v1/assets/none", "/v1/assets/../app.js", "/v1/assets/%2e%2e/x", "/v1/assetsapp.js", "/app.js"] {
            #expect(answer(table, "GET \(path)").status == .notFound, "\(path)")
        }
        #expect(answer(table, "HEAD /v1/assets/app.js").status == .ok)
        #expect(answer(table, "PUT /v1/assets/app.js").status == .methodNotAllowed)
    }

    /// What a group asks a password for is not to be had through the files of a folder above.
    @Test func foldersOfAGroupHaveOneDoor() async throws {
        let folder = try TemporaryFolder()
        mkdir(folder.file("admin"), 0o755)
        try writeText("secret", to: folder.file("admin/x"))
        let router = RouterProbe {
            $0.files("/", StaticFiles(folder.path))
            $0.group("/admin", .basicAuth(realm: "r", users: ["ann": "secret"]))
                .files("/", StaticFiles(folder.file("admin")))
            $0.files("/v1/:version/", StaticFiles(folder.path))
        }
        let key = "Authorization: Basic YW5uOnNlY3JldA=="
        #expect(await router.answer("GET /admin/x", key).contentLength == 6)
        for (path, status, location) in [
            ("/admin/x", 401, nil), ("/%61dmin/x", 401, nil), ("/admin//x", 401, nil), ("/admin///x", 401, nil),
            ("//admin/x", 301, "/admin/x"), ("///admin//x", 301, "/admin/x"), ("//%61dmin/x", 301, "/admin/x"),
            ("/%2Fadmin/x", 404, nil), ("/admin%2Fx", 404, nil), ("/.//admin/x", 404, nil),
            ("/v1/2//admin/x", 301, "/v1/2/admin/x"), ("/v1/2///admin/x?q", 301, "/v1/2/admin/x?q"),
            ("/v1//admin/x", 404, nil),
        ] {
            for method in ["GET", "HEAD"] {
                let response = await router.answer("\(method) \(path)")
                #expect(response.status.code == status && response.headers["Location"] == location, "\(path)")
                #expect(response.contentLength != 6)
            }
            #expect(await router.answer("POST \(path)").contentLength != 6)
        }
        // With the password as well there is one path.
        let redirect = await router.answer("GET /admin//x", key)
        #expect(redirect.status.code == 301 && redirect.headers["Location"] == "/admin/x")
    }

    @Test func parametersAsNumbers() throws {
        let router = Router()
        router.get("/n/:id") { request in
            "\(try request.parameters.require("id", as: Int.self) + 1) \(request.parameters["other"] ?? "none")"
        }
        let table = router.makeTable()
        #expect(text(table, "/n/41") == "42 none")
        #expect(answer(table, "GET /n/x").status == .notFound)
    }

    @Test func routesSayWhatBecomesOfBodies() {
        let router = Router()
        router.post("/plain") { _ in "" }
        #expect(!router.makeTable().hasBodyPolicies)
        router.put("/files/:name", body: .stream(upTo: 10)) { _ in "" }
        let group = router.group("/group")
        group.body = .memory(upTo: 20)
        group.post("/usual") { _ in "" }
        group.post("/own", body: .stream(upTo: 30)) { _ in "" }
        group.group("/inner").patch("/") { _ in "" }
        let table = router.makeTable()
        #expect(table.hasBodyPolicies)
        for (line, policy) in [
            ("POST /plain", nil), ("PUT /files/a?b=c", .stream(upTo: 10)), ("POST /files/a", nil), ("POST /none", nil),
            ("POST /group/usual", .memory(upTo: 20)), ("POST /group/own", .stream(upTo: 30)),
            ("PATCH /group/inner", .memory(upTo: 20)),
        ] as [(String, HTTPBodyPolicy?)] {
            #expect(table.bodyPolicy(for: TestRequest("\(line) HTTP/1.1").request) == policy, "\(line)")
        }
    }

    @Test(arguments: ["users", "", "/a//b", "/:", "/*", "/*a/b", "/:a/:a", "/:a/*a"])
    func patternsThatAreNone(_ text: String) {
        #expect(throws: RoutePatternError.self) { try RoutePattern(text) }
    }
}
