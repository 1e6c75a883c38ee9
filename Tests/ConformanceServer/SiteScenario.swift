import Apus
import ApusWeb

/// A `WebServer` for `--root`, with the options of the command line; `--host NAME=FOLDER` serves another one, too.
func serveSite(_ options: Options) {
    let site = WebServer(on: options.address)
    setLimits(site.worker, options)
    var settings = StaticFileOptions()
    settings.listsFolders = options["browse"] != nil
    settings.servesHiddenFiles = options["hidden"] != nil
    settings.followsSymlinks = options["symlinks"] != nil
    settings.servesPrecompressedFiles = options["plain"] == nil
    settings.fallback = options["fallback"]
    settings.notFoundPage = options["page"]
    settings.cacheControl = options["cache-control"]
    settings.cacheControlByExtension = ["html": "no-cache"]
    settings.headers = ["X-Site": "first"]
    settings.revalidationInterval = options.number("interval").map(Double.init) ?? 0
    settings.maxOpenFiles = options.number("open-files") ?? settings.maxOpenFiles
    settings.maxCachedBytes = options.number("cached-bytes") ?? settings.maxCachedBytes
    if let root = options["root"] { site.host("first.example", root: root, settings) }
    if let host = options["host"]?.split(separator: "="), host.count == 2 {
        site.host(String(host[0]), root: String(host[1]))
    }
    site.before = { request in
        switch request.path {
        case "/before": return HTTPResponse(body: "before the files")
        case "/refused": throw HTTPError(.forbidden, "not for you")
        default: return nil
        }
    }
    site.fallback = { request in
        request.path.hasPrefix("/behind") ? HTTPResponse(body: "behind the files") : nil
    }
    if let folder = options["guarded"], let root = options["root"] {
        let router = Router()
        let guarded = router.group("/\(folder)", .basicAuth(realm: "inner rooms", users: ["ann": "secret"]))
        guarded.files("/", StaticFiles("\(root)/\(folder)", settings))
        site.serve(router)
    }
    site.onAccess = { report("access \($0.status) \($0.bodyBytes) \($0.target.utf8.count)") }
    site.accessLog = options["log"].map { AccessLog($0, format: options["json-lines"] == nil ? .combined : .json) }
}
