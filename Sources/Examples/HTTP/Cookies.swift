import Apus
import ApusWeb

/// Sets cookies, reads them, and takes them away: how often somebody came, and the colour of the page.
///
///     Examples Cookies start [--on HOST:PORT]
///
/// A cookie is what the client says: here a wrong one hurts nobody. What must not be forged is kept in a session, see
/// `SessionLogin`.
enum Cookies {
    private static let colours = ["white", "khaki", "lavender"]
    private static let month = 30 * 24 * 3600

    static func set(_ arguments: [String]) throws {
        let router = Router()
        router.get("/") { request in
            let visits = min(request.cookies["visits"].flatMap { UInt32($0) } ?? 0, 999_999) + 1
            let colour = request.cookies["colour"].flatMap { colours.contains($0) ? $0 : nil } ?? colours[0]
            var response = HTTPResponse(body: page(visits: visits, colour: colour))
            response.setCookie(SetCookie("visits", "\(visits)", maxAge: month))
            // Neither a proxy nor the browser shows this page to another visitor, or an old one.
            response.headers["Cache-Control"] = "no-store"
            return response
        }
        router.post("/colour") { request in
            let colour: String = try request.form.require("colour")
            guard colours.contains(colour) else { throw HTTPError(.badRequest, "no such colour") }
            var response = HTTPResponse.redirect(to: "/", .seeOther)
            response.setCookie(SetCookie("colour", colour, maxAge: month))
            return response
        }
        router.post("/forget") { _ in
            var response = HTTPResponse.redirect(to: "/", .seeOther)
            for name in ["visits", "colour"] { response.setCookie(SetCookie(name, "", maxAge: 0)) }
            return response
        }
        let server = Worker(.http, on: Options(arguments).value("on") ?? "127.0.0.1:8080")
        server.name = "Cookies"
        server.serve(router)
    }

    private static func page(visits: UInt32, colour: String) -> String {
        let buttons = colours.map { "<button name=\"colour\" value=\"\($0)\">\($0)</button>" }.joined()
        return """
            <!doctype html><meta charset="utf-8"><title>Cookies</title><body style="background: \(colour)">
            <p id="visits">Visit number \(visits).</p>
            <form method="post" action="/colour">\(buttons)</form>
            <form method="post" action="/forget"><button>Forget me</button></form>
            """
    }
}
