import Apus

/// A body that somebody keeps and goes on with when the next request says so.
private var keptBody: HTTPBodyWriter?
private var keptEvents: EventStream?

/// Routes whose answers come piece by piece; false when the path is none of them.
func answerStreamRoute(_ connection: Connection<HTTP>, _ request: HTTPRequest) throws -> Bool {
    let number = Int(request.query) ?? 0
    switch request.path {
    case "/pieces": sendPieces(connection, number, limit: 100_000, most: 120_000)
    case "/usual-pieces": sendPieces(connection, number, limit: connection.maxSendBufferSize, most: 290_000)
    case "/closing": closeInTheMidst(connection, number)
    case "/length":
        let body = try connection.startResponse(.created, contentLength: number)
        body.send("abc")
        report("second \(connection.send("second"))")
        body.send("def")
        body.end(trailers: ["Late": "dropped"])
    case "/trailers":
        let body = try connection.startResponse(headers: ["Trailer": "Sum"])
        body.send("")
        body.send("data")
        body.end(trailers: ["Sum": "42", "Content-Length": "5", "set-cookie": "a=b", "Trailer": "x", "HOST": "y"])
        report("after \(body.send("x")) \(body.isOpen)")
    case "/start":
        let words = request.query.split(separator: ",")
        let body = try connection.startResponse(HTTPStatus(code: Int(words[0]) ?? 0), contentLength: Int(words[1]))
        body.send("12345")
        body.end()
    case "/no-content":
        let body = try connection.startResponse(.noContent)
        body.send("dropped")
        body.end()
    case "/torn":
        connection.run {
            let body = try connection.startResponse()
            try await body.write("some")
            await Task.yield()
            throw ScenarioError(description: "torn")
        }
    case "/switch":
        let body = try connection.startResponse(contentLength: 3)
        let text = connection.upgrade(to: .text)
        text.onMessage = { $0.send("echo \($1)") }
        report("late \(body.send("abc")) \(body.isOpen)")
    case "/refused":
        let body = try connection.startResponse()
        body.send("some")
        keptBody = body
        throw HTTPError(.badRequest)
    case "/forgotten": _ = try connection.startResponse().send("some")
    case "/flood": try flood(connection)
    case "/kept-open":
        keptBody = try connection.startResponse()
        keptBody?.send("open ")
        report("open")
    case "/events": try startEvents(connection, heartbeat: Double(number) / 1000)
    case "/push":
        keptEvents?.send(ServerSentEvent("two\nlines", event: "note", id: "7"))
        connection.send("\(keptEvents?.isOpen ?? false)")
    case "/cookie":
        var response = HTTPResponse(body: "cookies")
        response.setCookie(SetCookie("a", "b; c=ü", maxAge: 60, isSecure: true))
        response.setCookie(SetCookie("second", "", maxAge: 0, path: nil, isHTTPOnly: false, sameSite: nil))
        report(
            "bad \(response.setCookie(SetCookie("a;b", "c"))) \(response.setCookie(SetCookie("a", "", path: "/;x")))")
        connection.send(response)
    case "/redirect": connection.send(.redirect(to: "/elsewhere?ü=\r\nX: y", .seeOther))
    default: return false
    }
    return true
}

/// Sends so many bytes, closes, and hears of that.
private func closeInTheMidst(_ connection: Connection<HTTP>, _ count: Int) {
    connection.run {
        let body = try connection.startResponse()
        body.send(pattern(count))
        connection.close()
        try await body.write("more")
    }
}

/// Pieces of 10,000 bytes each, written as there is room. More than `most` must never wait.
private func sendPieces(_ connection: Connection<HTTP>, _ count: Int, limit: Int, most: Int) {
    connection.maxSendBufferSize = limit
    connection.run {
        let body = try connection.startResponse(headers: ["Content-Type": "application/octet-stream"])
        let piece = pattern(10_000)
        do {
            for _ in 0..<count {
                try await body.write(piece)
                if connection.pendingSendBytes > most { report("too much: \(connection.pendingSendBytes)") }
            }
            body.end()
        } catch {
            report("gone: \(error)")
            throw error
        }
    }
}

/// Sends without asking whether there is room.
private func flood(_ connection: Connection<HTTP>) throws {
    connection.maxSendBufferSize = 100_000
    let body = try connection.startResponse()
    let piece = pattern(10_000)
    while body.send(piece) != .failed {}
    report("flooded \(body.isOpen) \(connection.state)")
}

private func startEvents(_ connection: Connection<HTTP>, heartbeat: Double) throws {
    let events = try connection.startEvents(heartbeat: heartbeat > 0 ? heartbeat : nil)
    events.send("first")
    keptEvents = events
    report("events")
}
