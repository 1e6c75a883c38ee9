import Apus
import ApusWeb

/// Serves a folder for each host name, on one port.
///
///     Examples VirtualHosts start [--on HOST:PORT] [--count N] NAME=FOLDER NAME=FOLDER…
///
/// Requests for other names, or for none, get the first one. Names below `localhost` lead here without a name server:
/// `shop.localhost=/srv/shop docs.localhost=/srv/docs`. `WebSite` serves one host, with TLS and an access log.
enum VirtualHosts {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let site = WebServer(on: options.value("on") ?? "127.0.0.1:8080")
        site.worker.name = "VirtualHosts"
        site.worker.count = try options.number("count") ?? 1
        let hosts = options.words.filter { $0.contains("=") }
        // `stop` and `status` need no hosts.
        guard !hosts.isEmpty || arguments.first != "start" else {
            throw OptionError(description: "hosts are needed, as NAME=FOLDER")
        }
        var names: Set<String> = []
        for host in hosts {
            let parts = host.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, names.insert(parts[0].lowercased()).inserted else {
                throw OptionError(description: "a host is NAME=FOLDER, each name once, not \(host)")
            }
            var settings = StaticFileOptions()
            settings.headers = ["X-Content-Type-Options": "nosniff"]
            settings.cacheControlByExtension = ["html": "no-cache"]
            site.host(parts[0], root: parts[1], settings)
        }
        // Beside the files, on all hosts.
        site.before = { request in
            request.pathIs("/host") ? HTTPResponse(body: "\(request.hostName.lowercased().asHTML)\n") : nil
        }
    }
}
