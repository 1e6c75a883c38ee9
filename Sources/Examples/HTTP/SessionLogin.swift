import Apus
import ApusRedis
import ApusWeb

/// Sessions that all processes share: who has logged in, and how often they have looked.
///
///     Examples SessionLogin start [--on HOST:PORT] [--folder PATH | --redis redis://HOST:PORT] [--count N]
///
/// In files of a folder unless Redis is named: those are for one machine, Redis is for any number.
enum SessionLogin {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let router = Router()
        router.use(.sessions(Sessions(try store(options))))
        router.get("/") { request in
            let session = try await request.session
            session["visits", default: 0] += 1
            let guest: String? = session["name"]
            return HTTPResponse(
                headers: ["Cache-Control": "no-store"], body: page(guest, visits: session["visits", default: 0]))
        }
        router.post("/login") { request in
            let name: String = try request.form.require("name")
            guard (1...30).contains(name.count) else { throw HTTPError(.badRequest, "a name has 1 to 30 characters") }
            let session = try await request.session
            session["name"] = name
            // Under another id from now on: one that somebody saw, or planted, before the login is of no use.
            session.regenerate()
            return .redirect(to: "/", .seeOther)
        }
        router.post("/logout") { request in
            try await request.session.destroy()
            return .redirect(to: "/", .seeOther)
        }
        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:8080")
        server.name = "SessionLogin"
        server.count = try options.number("count") ?? 2
        server.serve(router)
    }

    private static func store(_ options: Options) throws -> any SessionStore {
        if let address = options.value("redis") { return RedisSessionStore(try RedisClient(address)) }
        return FileSessionStore(folder: options.value("folder") ?? "sessions")
    }

    private static func page(_ guest: String?, visits: Int) -> String {
        let form =
            guest == nil
            ? "<form method=\"post\" action=\"/login\"><input name=\"name\" required><button>Log in</button></form>"
            : "<form method=\"post\" action=\"/logout\"><button>Log out</button></form>"
        return """
            <!doctype html><meta charset="utf-8"><title>Sessions</title>
            <p>Hello, \(guest?.asHTML ?? "stranger"): visit \(visits).</p>\(form)
            """
    }
}
