import Apus

/// Resumed by a request for `/body/go`.
private var blocked: [CheckedContinuation<Void, Never>] = []

/// Bodies of these routes are streamed; `/body/in-memory` may have more than others.
func bodyPolicy(_ request: HTTPRequest) throws -> HTTPBodyPolicy? {
    if request.path == "/body/forbidden" { throw HTTPError(.forbidden, "no bodies here") }
    if request.path == "/body/in-memory" { return .memory(upTo: 20 * 1024 * 1024) }
    if request.path == "/body/limited" { return .stream(upTo: 1000) }
    if request.path == "/body/boundless" {
        return request.query == "stream" ? .stream(upTo: .max) : .memory(upTo: .max)
    }
    return request.path.hasPrefix("/body/") ? .stream(upTo: 4 << 30) : nil
}

/// Routes that take bodies as they arrive; false when the path is none of them.
func answerBodyRoute(_ connection: Connection<HTTP>, _ request: HTTPRequest) -> Bool {
    switch request.path {
    case "/body/in-memory", "/body/boundless": connection.send("\(request.body.count)")
    case "/body/ignored": connection.send("ignored \(request.body.count)")
    case "/body/go":
        for continuation in blocked { continuation.resume() }
        blocked = []
        connection.send("went")
    default:
        guard request.path.hasPrefix("/body/") else { return false }
        connection.run {
            do {
                try await takeBody(connection, request)
            } catch {
                report("failed \(error)")
                throw error
            }
        }
    }
    return true
}

private func takeBody(_ connection: Connection<HTTP>, _ request: HTTPRequest) async throws {
    let parameters = request.queryParameters
    switch request.path {
    case "/body/count", "/body/limited":
        var count = 0
        var sum = 0
        var most = 0
        for try await piece in request.bodyStream {
            count += piece.count
            sum = piece.reduce(sum) { ($0 &* 31 &+ Int($1)) % 1_000_003 }
            most = max(most, piece.count)
        }
        let trailers = request.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        connection.send("\(count) \(sum) \(most <= 65536) \(trailers)")
    case "/body/echo":
        let body = try connection.startResponse()
        for try await piece in request.bodyStream { try await body.write(piece) }
        body.end()
    case "/body/later":
        report("blocked")
        await withCheckedContinuation { blocked.append($0) }
        report("held \(connection.pendingReceiveBytes <= 3 * 65536)")
        var count = 0
        for try await piece in request.bodyStream { count += piece.count }
        connection.send("\(count)")
    case "/body/early":
        var pieces = request.bodyStream.makeAsyncIterator()
        let first = try await pieces.next()?.count ?? 0
        connection.send("early \(first > 0)")
    case "/body/read-after-answer": try await readAround(connection, request)
    case "/body/collect":
        try await request.collectBody(upTo: parameters.get("most") ?? 1000)
        connection.send(request.body)
    case "/body/save":
        connection.send("\(try await request.saveBody(to: parameters.require("to"), permissions: 0o600))")
    case "/body/form": try await takeForm(connection, request)
    default: throw HTTPError(.notFound)
    }
}

/// Reads a body before and after its answer: with `first` a piece of it before, with `wait` the rest not until a
/// request for `/body/go` comes, with `held` nothing at all until then, and with `reading` answers then, while it is
/// read.
private func readAround(_ connection: Connection<HTTP>, _ request: HTTPRequest) async throws {
    let parameters = request.queryParameters
    if parameters["reading"] != nil {
        async let text = readRest(request)
        // It is reading by now.
        await withCheckedContinuation { blocked.append($0) }
        connection.send("answered")
        return report("read \(await text)")
    }
    if parameters["held"] != nil {
        report("holding")
        await withCheckedContinuation { blocked.append($0) }
    }
    var pieces = request.bodyStream.makeAsyncIterator()
    let first = parameters["first"] == nil ? [] : try await pieces.next() ?? []
    connection.send("answered")
    if parameters["wait"] != nil { await withCheckedContinuation { blocked.append($0) } }
    report("read \(String(decoding: first, as: UTF8.self))\(await readRest(request))")
}

/// The rest of a body, or why it cannot be had.
private func readRest(_ request: HTTPRequest) async -> String {
    var bytes: [UInt8] = []
    do {
        for try await piece in request.bodyStream {
            bytes += piece
            report("piece")
        }
    } catch {
        return "\(String(decoding: bytes, as: UTF8.self))|\(error)"
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func takeForm(_ connection: Connection<HTTP>, _ request: HTTPRequest) async throws {
    try await request.receiveForm()
    let fields = try request.form.map { "\($0.name)=\($0.value)" }
    let files = try request.files.map { file in
        let sum = try file.bytes.reduce(0) { ($0 &* 31 &+ Int($1)) % 1_000_003 }
        return "\(file.name): \(file.clientName) \(file.size) \(sum)"
    }
    if let target = request.queryParameters["to"] { try request.files[0].move(to: target) }
    if request.queryParameters["path"] != nil { report("path \(try request.files.last!.temporaryPath)") }
    if request.queryParameters["wait"] != nil { await withCheckedContinuation { blocked.append($0) } }
    connection.send((fields + files).joined(separator: "\n"))
}
