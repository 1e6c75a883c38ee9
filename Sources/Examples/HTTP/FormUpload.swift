import Apus
import ApusWeb
import Glibc

/// A form with text and files, which are written to the disk as they arrive.
///
///     Examples FormUpload start [--on HOST:PORT] [--into FOLDER] [--limit BYTES] [--count N]
///
/// A body of more than `--limit` bytes, 100 MiB unless set, is answered 413, and what came of it is removed.
/// `Guestbook` has a form beside sessions and live updates.
enum FormUpload {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let folder = options.value("into") ?? "uploads"
        let limit = try options.number("limit") ?? 100 << 20

        let router = Router()
        router.get("/") { _ in HTTPResponse(body: page) }
        router.post("/", body: .stream(upTo: limit)) { request in
            try await request.receiveForm()
            let title: String = try request.form.require("title")
            let files = try request.files.all("file")
            guard !title.isEmpty, !files.isEmpty else { throw HTTPError(.badRequest, "a title and a file are needed") }
            var lines = "<h1>\(title.asHTML)</h1>"
            for file in files {
                // A name of our own: the client chooses the harmless part of it, and can overwrite nothing.
                let name = "\(UInt64.random(in: 0 ... .max))-\(ReceivedFiles.safeName(file.clientName))"
                let size = file.size
                try file.move(to: "\(folder)/\(name)", permissions: 0o600)
                lines += "<p>\(file.clientName.asHTML): \(size) bytes, kept as \(name.asHTML)</p>"
            }
            return HTTPResponse(.created, body: lines)
        }

        // Where the files stay they arrive, too: on the same file system to move one is to rename it.
        let http = HTTP(forms: FormOptions(maxParts: 20, temporaryFolder: folder))
        let server = Worker(http, on: options.value("on") ?? "127.0.0.1:8080")
        server.name = "FormUpload"
        server.count = try options.number("count") ?? 1
        server.serve(router)
        // Here and not above: `stop` and `status` run the code above, too, and are to make no folder.
        server.onWorkerStart = { _ in
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw OptionError(description: "cannot make \(folder): \(String(cString: strerror(errno)))")
            }
        }
    }

    private static let page = """
        <!doctype html><meta charset="utf-8"><title>Upload</title>
        <form method="post" enctype="multipart/form-data">
        <p><input name="title" required placeholder="Title"><p><input name="file" type="file" multiple required>
        <p><button>Send</button></form>
        """
}
