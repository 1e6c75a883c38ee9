import Apus
import ApusWeb

/// Serves the files of a folder to browsers, and counts the visits of this process.
///
///     Examples WebSite start --on HOST:PORT --folder PATH [--count N] [--log FILE] [--cert FILE --key FILE]
enum WebSite {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let tls = try options.has("cert") ? options.tls() : nil
        let site = WebServer(on: try options.required("on"), tls: tls)
        site.worker.name = "WebSite"
        site.worker.count = try options.number("count") ?? 1
        var settings = StaticFileOptions()
        settings.listsFolders = true
        site.host("localhost", root: try options.required("folder"), settings)
        site.accessLog = options.value("log").map { AccessLog($0) }
        var visits = 0
        site.fallback = { request in
            guard request.path == "/visits" else { return nil }
            visits += 1
            return HTTPResponse(headers: ["Content-Type": "text/plain"], body: "\(visits)")
        }
    }
}
