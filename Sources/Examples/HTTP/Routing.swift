import Apus
import ApusWeb

/// Sends requests to handlers by method and path: open segments, groups, and middleware of one's own.
///
///     Examples Routing start [--on HOST:PORT] [--count N]
///
/// `RESTService` goes on from here: JSON, passwords, limits.
enum Routing {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let router = Router()
        router.use(.requestID(), timing())
        router.get("/") { _ in text("the way in") }
        // What is no number has no user: 404, as for a path that nobody knows.
        router.get("/users/:id") { request in text("user \(try request.parameters.require("id", as: Int.self))") }
        router.get("/users/me") { _ in text("you") }  // A literal segment goes before an open one.
        router.get("/files/*path") { request in text("file \(request.parameters["path"] ?? "")") }
        router.get("/add") { request in
            let a: Int = try request.queryParameters.require("a")  // Without it, or no number: 400.
            let b: Int = try request.queryParameters.require("b")
            let (sum, isTooLarge) = a.addingReportingOverflow(b)
            if isTooLarge { throw HTTPError(.badRequest, "the sum is too large") }
            return text("\(sum)")
        }
        router.get("/old") { _ in .redirect(to: "/", .permanentRedirect) }
        router.notFound = RequestHandler { request in throw HTTPError(.notFound, "nothing is at \(request.path)") }

        // Its middleware stands inside that of the router, around the routes of the group alone.
        let staff = router.group("/staff", onlyFrom("127.0.0.1"))
        staff.get("/") { _ in text("the office") }
        staff.delete("/users/:id") { request in
            text("removed \(try request.parameters.require("id", as: Int.self))")
        }

        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:8080")
        server.name = "Routing"
        server.count = try options.number("count") ?? 1
        server.serve(router)
    }

    private static func text(_ text: String) -> HTTPResponse {
        HTTPResponse(headers: ["Content-Type": "text/plain;charset=utf-8"], body: text + "\n")
    }

    /// Says how long a response took, errors included: `next` never throws.
    private static func timing() -> Middleware {
        Middleware { request, next in
            let start = ContinuousClock.now
            var response = await next(request)
            let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
            response.headers["Server-Timing"] = "app;dur=\((milliseconds * 1000).rounded() / 1000)"
            return response
        }
    }

    /// Lets clients of one address in.
    private static func onlyFrom(_ address: String) -> Middleware {
        Middleware(before: { request in
            guard request.connection.remoteIP == address else { throw HTTPError(.forbidden) }
            return nil
        })
    }
}
