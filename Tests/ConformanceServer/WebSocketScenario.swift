import Apus
import Glibc

/// A WebSocket server that does what messages tell it, and echoes the others.
///
/// Each part of a message that begins with `!` is a command: `!close 4001 bye`, `!subscribe room`,
/// `!publish room text`, `!broadcast text`, `!ping text`, `!stream`, `!flood N`, … Every callback but `onMessage` is
/// reported.
func serveWebSocket(_ options: Options) {
    var webSocket = WebSocket.websocket
    webSocket.protocols = options["protocols"]?.split(separator: ",").map(String.init) ?? []
    webSocket.origins = options["origins"]?.split(separator: ",").map(String.init)
    webSocket.pingInterval = options.number("ping").map(Double.init)
    webSocket.pongTimeout = options.number("pong").map(Double.init) ?? 10
    webSocket.closeTimeout = options.number("ws-close-timeout").map(Double.init) ?? 5
    webSocket.handshakeTimeout = options.number("ws-handshake-timeout").map(Double.init) ?? 10
    webSocket.compression = compression(options)
    let server = Worker(webSocket, on: options.address)
    server.name = "websocket"
    setLimits(server, options)
    setCallbacks(server, options)
    server.onWorkerStop = { _ in report("stop") }
    server.onMessage = { connection, message in
        guard message.isText, message.text.hasPrefix("!") else {
            connection.send(message)
            return
        }
        for command in message.text.split(separator: ";") { try obey(String(command.dropFirst()), connection, server) }
    }
}

/// `--compress KIND`.
private func compression(_ options: Options) -> WebSocketCompression? {
    switch options["compress"] {
    case "shared": WebSocketCompression(serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0)
    case "small": WebSocketCompression(serverMaxWindowBits: 9, clientMaxWindowBits: 9, threshold: 0)
    case "own": WebSocketCompression(threshold: 0)
    case "usual": .permessageDeflate
    default: nil
    }
}

private func setCallbacks(_ server: Worker<WebSocket>, _ options: Options) {
    server.onConnect = { connection in
        report("connect \(connection.isWebSocketOpen)")
        if options["early"] != nil { report("early \(connection.send("early"))") }
    }
    server.onWebSocketConnect = { connection, request in
        report("asked \(request.request.path) \(request.protocols) \(request.origin ?? "none")")
        if options["early"] != nil { connection.send("during") }
        switch request.request.path {
        case "/throw": throw HTTPError(.unauthorized, "who are you?", headers: ["WWW-Authenticate": "Basic"])
        case "/reject": request.reject(.tooManyRequests, "later")
        case "/fail": throw ScenarioError(description: "broken")
        case "/close": connection.close()
        case "/early-topic": connection.subscribe("early")
        case "/early-order":
            connection.subscribe("early")
            connection.send("first")
            server.publish("early", "second")
        case "/pick": request.selectedProtocol = request.protocols.last
        case "/fields": request.headers.add("Set-Cookie", "a=b")
        default: break
        }
    }
    server.onWebSocketConnected = { connection, request in
        report("connected \(request.target) \(connection.selectedProtocol ?? "none") \(connection.isCompressed)")
        if options["early"] != nil { connection.send("after") }
        if let topic = request.target.split(separator: "#").dropFirst().first { connection.subscribe(String(topic)) }
    }
    server.onWebSocketClose = { connection, code, reason in
        report("peer closes \(code.rawValue) \(reason)")
        // A code that may not be sent.
        if reason.isEmpty, options["relay"] != nil { connection.close(code: code, reason: reason) }
        if reason == "answer 4002" { connection.close(code: WebSocketCloseCode(rawValue: 4002), reason: "own") }
    }
    server.onClose = { connection in
        report("closed \(connection.closeCode?.rawValue ?? 0) \(connection.closeReason)")
    }
    server.onError = { connection, code, reason in
        report("error \(code.rawValue) \(reason)")
        if options["close-on-error"] != nil { connection.close() }
        if options["publish-on-error"] != nil { server.broadcast("again") }
    }
    server.onBufferFull = { _ in report("full") }
    server.onBufferDrain = { _ in report("drain") }
    if options["own-pongs"] != nil {
        server.onWebSocketPing = { connection, bytes in
            report("ping \(String(decoding: bytes, as: UTF8.self))")
            connection.pong(Array("own ".utf8) + bytes)
        }
    }
    if options["leave-on-ping"] != nil {
        server.onWebSocketPing = { connection, bytes in
            left.append(connection)
            connection.pong(bytes)
            shutdown(connection.fileDescriptor, Int32(SHUT_WR))
        }
    }
    server.onWebSocketPong = { _, bytes in report("pong \(String(decoding: bytes, as: UTF8.self))") }
    if options["error-handler"] != nil { server.errorHandler = { _, error in report("handled \(error)") } }
}

/// Messages that a test has the server keep.
private var kept: [WebSocketMessage] = []
/// Connections that nothing can be sent to, which are kept.
private var left: [Connection<WebSocket>] = []

private func obey(_ command: String, _ connection: Connection<WebSocket>, _ server: Worker<WebSocket>) throws {
    let words = command.split(separator: " ", maxSplits: 2).map(String.init)
    guard !words.isEmpty else {
        connection.send("?")
        return
    }
    let rest = words.count > 2 ? words[2] : ""
    let number = words.count > 1 ? Int(words[1]) ?? 0 : 0
    switch words[0] {
    case "close" where words.count == 1: connection.close()
    case "close": connection.close(code: WebSocketCloseCode(rawValue: UInt16(number)), reason: rest)
    case "last": connection.close(.text("last"))
    case "destroy": connection.destroy()
    case "end": connection.end()
    case "violate": throw WebSocketError(.policyViolation, "not so")
    case "pause": connection.pauseReading()
    case "throw": throw ScenarioError(description: "thrown")
    case "subscribe": connection.subscribe(words[1])
    case "unsubscribe": connection.send("\(connection.unsubscribe(words[1]))")
    case "topics": connection.send("\(connection.topics.sorted()) \(server.subscriberCount(of: words[1]))")
    case "publish": server.publish(words[1], .text(rest))
    case "others": connection.publish(words[1], .text(rest))
    case "broadcast": server.broadcast(.text(words[1]))
    case "broadcast-large": server.broadcast(.binary(pattern(number)), except: connection)
    case "say": connection.send(words[1])
    case "ping": connection.ping(Array(words[1].utf8))
    case "overflow": connection.overflow = ["queue": .queue, "drop": .drop, "close": .close][words[1]]!
    case "overflow-all":
        for other in server.connections { other.overflow = ["drop": .drop, "close": .close][words[1]]! }
    case "pending": report("pending \(connection.pendingSendBytes)")
    case "flood":
        for _ in 0..<number { if connection.send(pattern(10_000)) == .failed { break } }
        report("flooded")
    case "stream":
        connection.run { try await stream(number, connection) }
    case "stream-torn":
        _ = try connection.startMessage(.text)
    case "keep":
        connection.onMessage = { connection, message in
            kept.append(message)
            connection.onMessage = nil
            connection.onMessage = server.onMessage
        }
    case "kept": for message in kept { connection.send(message) }
    case "wait":
        connection.run {
            try await Task.sleep(for: .milliseconds(20))
            connection.send("waited")
        }
    default: connection.send("?")
    }
}

/// Sends a message in so many pieces, with others in between.
private func stream(_ count: Int, _ connection: Connection<WebSocket>) async throws {
    let message = try connection.startMessage(.binary)
    for number in 0..<count {
        if number == count / 2 {
            report("held \(connection.send("held"))")
            connection.ping([])
            do { _ = try connection.startMessage(.text) } catch { report("second \(error)") }
        }
        try await message.write(pattern(1000))
    }
    message.end()
}
