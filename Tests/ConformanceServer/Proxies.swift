import Apus

/// Pipes each client to a connection of its own to `--to`, and back; with `--one-way` only to it. Ends are reported.
///
/// The control connection names what is to be done, and to which client: "repipe" sends what follows to a new
/// connection, "late" pipes the client, which has closed, to a new one.
func proxy(_ options: Options) {
    let server = Worker(.raw, on: options.address)
    setLimits(server, options)
    var clients: [Int: Connection<Raw>] = [:]
    var upstreams: [Int: Connection<Raw>] = [:]
    server.onConnect = { client in
        clients[client.id] = client
        report("client \(client.id)")
        let upstream = try Connection(.raw, to: options["to"]!, options: connectOptions(options))
        upstream.maxSendBufferSize = client.maxSendBufferSize
        client.pipe(to: upstream)
        if options["one-way"] == nil { upstream.pipe(to: client) }
        upstreams[client.id] = upstream
        upstream.onConnect = { _ in report("upstream \(client.id)") }
        upstream.onError = { _, code, message in report("error \(code.rawValue) \(message)") }
        upstream.onClose = { report("upstream close \(client.id) read=\($0.bytesRead) written=\($0.bytesWritten)") }
        upstream.connect()
        client.timer(every: 0.01) { _ in
            let pending = max(client.pendingSendBytes, upstream.pendingSendBytes)
            if pending > client.maxSendBufferSize + 70_000 { report("too much: \(pending)") }
        }
    }
    server.onClose = { report("client close \($0.id) read=\($0.bytesRead) written=\($0.bytesWritten)") }
    let control = Worker(.text, on: "127.0.0.1:0")
    control.onMessage = { control, line in
        let words = line.split(separator: " ").map(String.init)
        let id = Int(words[1])!
        guard let client = clients[id], let upstream = upstreams[id] else { return control.close() }
        var outcome = "done"
        switch words[0] {
        case "destroy": client.destroy()
        case "close": client.close()
        case "pause": client.pauseReading()
        case "resume": client.resumeReading()
        case "counters": outcome = "read=\(client.bytesRead) pending=\(upstream.pendingSendBytes)"
        case "repipe", "late":
            let next = try Connection(.raw, to: options["to"]!)
            next.onClose = { _ in report("next close") }
            client.pipe(to: next)
            next.connect()
        default: break
        }
        control.send(outcome)
    }
}

/// HTTP, until a client asks for something else: `/text` answers 101 and echoes lines, `/pipe` answers 101 and hands
/// the connection on to `--to`, `/later` becomes text only after a while, in an operation.
func upgrade(_ options: Options) {
    let server = Worker(.http, on: options.address)
    setLimits(server, options)
    server.onClose = { report("http close \($0.id)") }
    server.onMessage = { connection, request in
        report("request \(request.path)")
        let isOwn = request.query == "own"
        switch request.path {
        case "/text": try speakText(connection, isOwn: isOwn)
        case "/later":
            connection.run {
                try await Timer.sleep(0.02)
                try speakText(connection, isOwn: isOwn)
            }
        case "/pipe":
            connection.sendRaw(switching)
            let upstream = try Connection(.raw, to: options["to"]!)
            connection.pipe(to: upstream)
            upstream.pipe(to: connection)
            upstream.connect()
        default: connection.send("plain")
        }
    }
}

private let switching = Array("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: text\r\n\r\n".utf8)

private func speakText(_ connection: Connection<HTTP>, isOwn: Bool) throws {
    connection.sendRaw(switching)
    let text = connection.upgrade(to: .text)
    text.onMessage = { text, line in
        if line == "throw" { throw ScenarioError(description: "in the new protocol") }
        text.send("echo \(line)")
    }
    if isOwn { text.onClose = { report("text close \($0.id)") } }
    connection.send("not HTTP any more")
}
