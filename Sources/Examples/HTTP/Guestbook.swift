import Apus
import ApusWeb

/// A guest book with pictures: a form with a file, sessions that remember the guest, and a page that learns of new
/// entries by itself. In memory, so for one process.
///
///     Examples Guestbook start --on HOST:PORT --folder PATH
///
/// `PATH` is where the pictures are kept. Open the page in two windows.
enum Guestbook {
    private struct Entry {
        var name: String
        var text: String
        var picture: String?
    }

    private static var entries: [Entry] = []
    private static var visitors: [EventStream] = []

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let folder = try options.required("folder")
        let site = WebServer(on: try options.required("on"))
        site.worker.name = "Guestbook"
        site.host("localhost", root: folder)

        let router = Router()
        router.use(.sessions(Sessions(MemorySessionStore())))
        router.get("/") { request in
            let session = try await request.session
            session["visits", default: 0] += 1
            return HTTPResponse(body: page(guest: session["guest"] ?? "", visits: session["visits", default: 0]))
        }
        router.post("/entries", body: .stream(upTo: 100 << 20)) { request in
            try await request.receiveForm()
            var entry = Entry(name: try request.form.require("name"), text: try request.form.require("text"))
            let picture = try request.files["picture"]
            if let picture, picture.contentType == "image/png" {
                entry.picture = "\(entries.count).png"
                try picture.move(to: "\(folder)/\(entries.count).png")
            }
            try await request.session["guest"] = entry.name
            entries.append(entry)
            for visitor in visitors { visitor.send(html(entry).replacing("\n", with: "")) }
            return .redirect(to: "/", .seeOther)
        }
        router.get("/events") { _ in
            HTTPResponse(events: { events in
                visitors.append(events)
                defer { visitors.removeAll { $0 === events } }
                while events.isOpen { try await Task.sleep(for: .seconds(60)) }
            })
        }
        site.serve(router)
    }

    private static func page(guest: String, visits: Int) -> String {
        """
        <!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Guest book</title>
        <style>body { font: 1rem/1.5 system-ui; max-width: 40rem; margin: 2rem auto } img { max-height: 6rem }
        article { border-top: 1px solid #ccc } form { display: grid; gap: .5rem }</style>
        <h1>Guest book</h1><p id="visits">Your visit number \(visits).</p>
        <form method="post" action="/entries" enctype="multipart/form-data">
        <input name="name" required placeholder="Name" value="\(guest.asHTML)">
        <textarea name="text" required></textarea><input name="picture" type="file" accept="image/png">
        <button>Sign</button></form>
        <section>\(entries.reversed().map(html).joined())</section>
        <script>new EventSource("/events").onmessage = event =>
        document.querySelector("section").insertAdjacentHTML("afterbegin", event.data)</script>
        """
    }

    private static func html(_ entry: Entry) -> String {
        let picture = entry.picture.map { "<img src=\"/\($0)\" alt=\"\">" } ?? ""
        return "<article><b>\(entry.name.asHTML)</b><p>\(entry.text.asHTML)</p>\(picture)</article>"
    }
}
