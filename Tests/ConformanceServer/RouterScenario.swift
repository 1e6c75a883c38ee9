import Apus
import ApusWeb

/// A router with all that can be put around routes.
func serveRouter(_ options: Options) {
    let server = Worker(.http, on: options.address)
    server.name = "router"
    setLimits(server, options)
    let router = Router()
    router.use(
        .accessLog { report("access \($0.method) \($0.target) \($0.status) \($0.bodyBytes)") }, .requestID(),
        .cors(["https://a.example"], maxAge: 60), .compression())
    if let path = options["access-log"] { router.use(.accessLog(AccessLog(path))) }
    addAnswers(router)
    addBodies(router)
    addGuards(router)
    addSessions(router)
    server.bodyPolicy = { $0.pathIs("/worker-policy") ? .stream(upTo: 5) : nil }
    server.serve(router)
}

/// Who waits until a request for `/go` comes.
private var waiting: [CheckedContinuation<Void, Never>] = []

/// Waits, whoever cancels it.
private func wait(_ name: String) async {
    await withCheckedContinuation {
        waiting.append($0)
        report("waiting \(name)")
    }
}

/// A fifth of the text that is compressed.
private let letters = pattern(1000).map { $0 % 7 + 0x41 }

private func addAnswers(_ router: Router) {
    router.get("/hello") { _ in "hello" }
    router.get("/users/:id") { request in "user \(try request.parameters.require("id", as: Int.self))" }
    router.get("/wait/:name") { request in
        await wait(request.parameters["name"]!)
        return HTTPResponse(body: request.target)
    }
    router.get("/go") { _ in
        for continuation in waiting { continuation.resume() }
        waiting = []
        return "went"
    }
    router.get("/refused") { _ in throw HTTPError(.forbidden, "no") }
    router.get("/failing") { _ in throw ScenarioError(description: "the handler threw") }
    router.get("/failing-late") { _ in
        await Task.yield()
        throw ScenarioError(description: "the handler threw")
    }
    router.get("/text") { _ in
        HTTPResponse(headers: ["Content-Type": "text/plain"], body: (0..<5).flatMap { _ in letters })
    }
    router.get("/stream") { request in
        let length = request.queryParameters.get("length", as: Int.self)
        return HTTPResponse(headers: ["Content-Type": "text/plain"], contentLength: length) { body in
            for _ in 0..<5 { try await body.write(letters) }
        }
    }
}

private func addBodies(_ router: Router) {
    let count: @MainActor (HTTPRequest) async throws -> HTTPResponse = { request in
        var count = 0
        for try await piece in request.bodyStream { count += piece.count }
        return HTTPResponse(body: "\(count)")
    }
    router.put("/upload/:name", body: .stream(upTo: 200_000), count)
    router.post("/worker-policy", count)
    router.post("/memory", body: .memory(upTo: 100)) { request in "\(request.body.count)" }
    router.post("/usual") { request in "\(request.body.count)" }
    let small = router.group("/small", .bodyLimit(10))
    small.body = .stream(upTo: 1000)
    small.post("/streamed", count)
    small.post("/memory", body: .memory(upTo: 1000)) { request in "\(request.body.count)" }
}

private func addGuards(_ router: Router) {
    let users = router.group("/private", .basicAuth(realm: "inner rooms", users: ["ann": "secret"]))
    users.get("/name") { request in HTTPResponse(body: request.userName ?? "nobody") }
    let tokens = router.group(
        "/api",
        .bearerAuth(realm: "api") { token in
            await Task.yield()
            return token == "t" ? "ann" : nil
        })
    tokens.get("/name") { request in HTTPResponse(body: request.userName ?? "nobody") }
    router.group("/limited", .rateLimit(requests: 2, per: 1000)).get("/") { _ in "let through" }
    let short = router.group("/short", .timeLimit(0.05))
    short.get("/stubborn") { request in
        await wait("stubborn")
        report("late \(Task.isCancelled)")
        return "never seen"
    }
    short.get("/obedient") { request in
        do {
            try await WorkerTimer.sleep(3600)
        } catch {
            report("cancelled")
            throw error
        }
        return "never seen"
    }
    short.post("/body", body: .stream(upTo: 1000)) { request in
        for try await _ in request.bodyStream { report("piece") }
        return "never seen"
    }
    let long = router.group("/long", .timeLimit(3600))
    long.get("/later") { _ in
        await Task.yield()
        return "in time"
    }
    long.get("/at-once") { _ in "at once" }
    long.get("/gone") { _ in
        report("begun")
        try await WorkerTimer.sleep(3600)
        return "never seen"
    }
}

private func addSessions(_ router: Router) {
    let visits = router.group("/visits", .sessions(Sessions(MemorySessionStore())))
    visits.get("/:then") { request in
        try await request.session["visits", default: 0] += 1
        let count = try await request.session["visits", default: 0]
        switch request.parameters["then"] {
        case "refuse": throw HTTPError(.conflict, "\(count)")
        case "fail": throw ScenarioError(description: "the handler threw")
        default: return HTTPResponse(body: "\(count)")
        }
    }
}
