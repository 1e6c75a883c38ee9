import Apus
import ApusRedis
import ApusWeb
import Glibc

/// HTTP with sessions: a route for each thing a handler does with its session. Any path may name a value: `/set?k=v`.
func serveSessions(_ options: Options) {
    let server = Worker(.http, on: options.address)
    server.name = "sessions"
    setLimits(server, options)
    server.count = options.number("count") ?? 1
    server.onWorkerStart = { report("start \($0.id) \(getpid())") }
    let store = makeStore(options)
    var sessionOptions = SessionOptions(lifetime: options.number("lifetime") ?? 1440)
    sessionOptions.extendsOnUse = options["extend"] != nil
    let sessions = Sessions(store, options: sessionOptions)
    server.onMessage = { connection, request in
        if request.pathIs("/id") {
            connection.send("\(server.id) \(getpid())")
            return
        }
        connection.run {
            if request.pathIs("/store") {
                connection.send(try await useStore(store, request.queryParameters.map(\.value)))
            } else {
                connection.send(try await sessions.respond(to: request, answerSession))
            }
        }
    }
}

private func makeStore(_ options: Options) -> any SessionStore {
    switch options["store"] {
    case "file": FileSessionStore(folder: options["folder"]!)
    case "redis": RedisSessionStore(try! RedisClient(options["redis"]!))
    default: MemorySessionStore()
    }
}

/// Who waits until another request says "go on".
private var waiting: [CheckedContinuation<Void, Never>] = []

private func answerSession(_ request: HTTPRequest) async throws -> HTTPResponse {
    let query = request.query.split(separator: "=").map(String.init)
    let name = query.first ?? ""
    switch request.path {
    case "/none": break
    case "/go-on":
        for continuation in waiting { continuation.resume() }
        waiting = []
    case "/set": try await request.session[name] = query[1]
    case "/set-late":
        let session = try await request.session
        await withCheckedContinuation {
            waiting.append($0)
            report("waiting")
        }
        session[name] = query[1]
    case "/count": try await request.session[name, default: 0] += 1
    case "/pull": return HTTPResponse(body: try await request.session.pull(name, as: String.self) ?? "nothing")
    case "/remove": try await request.session.remove(name)
    case "/regenerate": try await request.session.regenerate(deletingOld: name != "keep")
    case "/destroy": try await request.session.destroy()
    case "/refuse":
        try await request.session[name] = "refused"
        throw HTTPError(.forbidden)
    case "/fail":
        try await request.session[name] = "failed"
        throw ScenarioError(description: "the handler threw")
    default: break
    }
    if request.pathIs("/none") { return HTTPResponse(body: "none") }
    let session = try await request.session
    let values = session.keys.map { "\($0)=\(session[$0] as String? ?? (session[$0] as Int?).map { "\($0)" } ?? "?")" }
    return HTTPResponse(body: values.joined(separator: " "))
}

/// Calls the store itself: `read,ID`, `write,ID,TEXT,SECONDS` for a new entry, `replace,…`, `touch,ID,SECONDS` and
/// `remove,ID`.
private func useStore(_ store: any SessionStore, _ words: [String]) async throws -> String {
    switch words[0] {
    case "read": return try await store.read(words[1]).map { String(decoding: $0, as: UTF8.self) } ?? "nothing"
    case "write", "replace":
        let isNew = words[0] == "write"
        return "\(try await store.write(words[1], Array(words[2].utf8), lifetime: Int(words[3])!, isNew: isNew))"
    case "touch": return "\(try await store.touch(words[1], lifetime: Int(words[2])!))"
    case "sweep": await (store as? FileSessionStore)?.removeExpired()
    default: try await store.remove(words[1])
    }
    return "done"
}
