import Apus
import Glibc

/// A request that was kept, to be read after later ones have arrived.
private var kept: HTTPRequest?
private var keptBody: ByteView?
/// Clients that wait for "/release".
private var held: [Connection<HTTP>] = []
/// How many requests for `/sequence` there were.
private var requestNumber = 0

/// HTTP with a route for each thing a handler can do.
func serveHTTP(_ options: Options) {
    let limits = HTTP(
        maxRequestBytes: options.number("max-request") ?? 10 * 1024 * 1024,
        headTimeout: options.number("head-timeout") ?? 10,
        bodyTimeout: options.number("body-timeout") ?? 30, keepAliveTimeout: options.number("keep-alive") ?? 75,
        handlerTimeout: options.number("handler-timeout") ?? 60,
        forms: FormOptions(temporaryFolder: options["temporary"]),
        showsErrors: options["show-errors"].map { $0 == "1" })
    let server = Worker(limits, on: options.address)
    server.count = options.number("count") ?? 1
    server.name = "conformance"
    setLimits(server, options)
    if options["terminate"] != nil { server.errorPolicy = .terminateWorker }
    server.onWorkerStart = { worker in
        try makeStartTrouble(options)
        report("start \(worker.id) \(getpid())")
    }
    setService(server, options)
    server.onWorkerStop = { _ in report("stop") }
    server.onWorkerReload = { report("reload \($0.id) \(getpid())") }
    server.isReloadable = options["stay"] == nil
    if options["load"] == nil {  // Under load nobody reads that much.
        server.onConnect = { report("connect \($0.id)") }
        server.onClose = { report("close \($0.id)") }
    }
    server.bodyPolicy = bodyPolicy
    server.onMessage = { connection, request in
        switch request.path {
        case "/": connection.send("Hello, World!", contentType: .plainText)
        case "/sequence":
            requestNumber += 1
            connection.send("\(requestNumber)")
        case "/echo": connection.send(request.body)
        case "/inspect": connection.send(describe(request), contentType: .plainText)
        case "/id": connection.send("\(server.id) \(getpid())")
        case "/big": connection.send(largePattern(Int(request.query) ?? 0))
        case "/status": answerStatus(connection, Int(request.query) ?? 200)
        case "/close": connection.send(HTTPResponse(headers: ["Connection": "close"], body: "closing"))
        case "/keep", "/kept": answerKept(connection, request)
        case "/hold", "/release": answerHeld(connection, request)
        case "/throw", "/answer-throw", "/twice", "/end", "/destroy": try misbehave(connection, request)
        case "/block":
            report("blocking")
            sleep(UInt32(request.query) ?? 1)
            connection.send("blocked")
        case "/spawn":
            var child: pid_t = 0
            var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("30"), nil]
            defer { for word in words { free(word) } }
            posix_spawnp(&child, "sleep", nil, nil, &words, environ)
            connection.send("\(child)")
        case "/arguments": connection.send(CommandLine.arguments.joined(separator: " "))
        case "/backend": connection.send(EventLoop.current.backend.rawValue)
        case "/spin":
            report("blocking")
            while true {}
        case "/never": report("never")
        case "/stop-service": Worker.stopService(gracefully: request.query == "g")
        case "/stop-all": Worker.stopAll(exitCode: 7, reason: "a handler wants it")
        case "/log":
            Worker.log(String(repeating: "x", count: Int(request.query) ?? 1))
            connection.send("logged")
        case "/trap": fatalError("asked for")
        default:
            if answerBodyRoute(connection, request) { return }
            if try answerRequestRoute(connection, request) || answerStreamRoute(connection, request) { return }
            answerLater(connection, request)
        }
    }
}

/// All that a handler sees of a request, line by line.
private func describe(_ request: HTTPRequest) -> String {
    var lines = [
        "\(request.method.name) \(request.target) \(request.version)", "path \(request.path) query \(request.query)",
    ]
    for i in 0..<request.headers.count { lines.append("\(request.headers[i].name)=\(request.headers[i].value)") }
    lines.append("body \(request.body.string)")
    return lines.joined(separator: "\n")
}

private func answerStatus(_ connection: Connection<HTTP>, _ code: Int) {
    connection.send(HTTPResponse(HTTPStatus(code: code), headers: ["X-Test": "yes"], body: "a body"))
}

private func answerKept(_ connection: Connection<HTTP>, _ request: HTTPRequest) {
    guard request.pathIs("/kept") else {
        kept = request
        keptBody = request.body
        connection.send("kept")
        return
    }
    guard let earlier = kept, let body = keptBody else {
        connection.send("nothing")
        return
    }
    connection.send("\(describe(earlier))\nview \(body.string)")
}

/// "/hold" is answered when somebody asks for "/release".
private func answerHeld(_ connection: Connection<HTTP>, _ request: HTTPRequest) {
    held.append(connection)
    guard request.pathIs("/release") else { return }
    for each in held { each.send("released") }
    held = []
}

private func misbehave(_ connection: Connection<HTTP>, _ request: HTTPRequest) throws {
    switch request.path {
    case "/throw": throw ScenarioError(description: "the handler threw")
    case "/answer-throw":
        connection.send("answered")
        throw ScenarioError(description: "the handler threw after its answer")
    case "/twice": report("twice \(connection.send("first")) \(connection.send("second"))")
    case "/end": connection.end()
    default: connection.destroy()
    }
}

/// Routes that answer after the handler has returned, or hold it up.
private func answerLater(_ connection: Connection<HTTP>, _ request: HTTPRequest) {
    let path = request.path
    let query = request.query
    let words = query.split(separator: ",").map(String.init)
    let delay = words.first.flatMap { Int($0) } ?? 0
    switch path {
    case "/nap":
        usleep(20_000)
        requestNumber += 1
        connection.send("\(requestNumber)")
    case "/async": connection.run { connection.send("async \(query)") }
    case "/yield":
        connection.run {
            await Task.yield()
            connection.send("yield \(query)")
        }
    case "/sleep":
        connection.run {
            do {
                try await Task.sleep(for: .milliseconds(delay))
            } catch {
                report("cancelled")
                throw error
            }
            connection.send("sleep \(query)")
        }
    case "/timer":
        report("waiting")
        Timer.after(Double(delay) / 1000) { _ in
            report("timer \(connection.send("timer \(query)"))")
        }
    case "/async-throw":
        connection.run {
            await Task.yield()
            throw ScenarioError(description: "async")
        }
    case "/keep-throw":
        connection.run {
            await Task.yield()
            throw ScenarioError(description: "about \(request.path)")
        }
    case "/keep-async":
        connection.run {
            try await Task.sleep(for: .milliseconds(delay))
            connection.send(describe(request))
        }
    default: connection.send(HTTPResponse(.notFound, body: "404 Not Found"))
    }
}

/// A worker whose processes end while they start: `--exit CODE`, `--trap 1`, or `--throw 1`.
func failing(_ options: Options) {
    let server = Worker(.http, on: options.address)
    server.name = "failing"
    server.onWorkerStart = { worker in
        report("start \(worker.id) \(getpid())")
        if options["throw"] != nil { throw ScenarioError(description: "the start threw") }
        if options["trap"] != nil { fatalError("the start trapped") }
        exit(Int32(options.number("exit") ?? 3))
    }
}
