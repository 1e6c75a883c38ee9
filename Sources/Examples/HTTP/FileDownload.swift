import Apus

/// Hands out the files of a folder: whole, in parts, or not at all when the client has them.
///
///     Examples FileDownload start --on HOST:PORT --folder PATH [--count N] [--cert FILE --key FILE
///         [--kernel-tls]]
///
/// Try `curl -C - -O http://127.0.0.1:8080/large.iso`, which goes on where it was interrupted.
enum FileDownload {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let folder = try options.required("folder")
        let tls = try options.has("cert") ? options.tls() : nil
        let server = Worker(.http, on: try options.required("on"), tls: tls)
        server.name = "FileDownload"
        server.count = try options.number("count") ?? 1
        server.onMessage = { connection, request in
            let name = request.path.dropFirst()
            // A name and nothing else leads to no other folder.
            if name.contains("/") || name.hasPrefix(".") {
                connection.send(HTTPResponse(.notFound, body: "no such file"))
            } else {
                connection.send(file: "\(folder)/\(name)", for: request)
            }
        }
    }
}
