import Apus

/// WebSocket clients, told by lines of a control connection: `open`, `send text`, `close`, `converse`, …
func openWebSockets(_ options: Options) {
    var webSocket = WebSocket.ws
    webSocket.protocols = options["protocols"]?.split(separator: ",").map(String.init) ?? []
    webSocket.compression = options["compress"] == nil ? nil : WebSocketCompression(threshold: 0)
    webSocket.headers["Authorization"] = options["authorization"]
    webSocket.closeTimeout = options.number("ws-close-timeout").map(Double.init) ?? 5
    webSocket.handshakeTimeout = options.number("ws-handshake-timeout").map(Double.init) ?? 10
    webSocket.pingInterval = options.number("ping").map(Double.init)
    webSocket.pongTimeout = options.number("pong").map(Double.init) ?? 10
    let control = Worker(.text, on: "127.0.0.1:0")
    var client: Connection<WebSocket>?
    var message: WebSocketMessageWriter?
    control.onMessage = { control, line in
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = words.count > 1 ? words[1] : ""
        switch words[0] {
        case "open":
            let made = try Connection(webSocket, to: options["to"]! + rest, options: connectOptions(options))
            client = made
            setCallbacks(made, options)
            made.connect()
            // On its way before the handshake.
            made.send("first")
            report("pending \(made.pendingSendBytes)")
            control.send("state \(made.isWebSocketOpen)")
        case "send": control.send("\(client!.send(rest))")
        case "bytes": control.send("\(client!.send(pattern(Int(rest)!)))")
        case "ping": control.send("\(client!.ping(Array(rest.utf8)))")
        case "close":
            client?.close()
            control.send("ok")
        case "code":
            client?.close(code: WebSocketCloseCode(rawValue: UInt16(rest)!), reason: "told")
            control.send("ok")
        case "start":
            message = try? client!.startMessage(.text)
            control.send("ok")
        case "piece":
            control.run {
                do {
                    try await message!.write(rest)
                    control.send("written")
                } catch {
                    control.send("\(error)")
                }
            }
        case "drop":
            message = nil
            control.send("ok")
        case "ask": control.run { control.send(await ask(webSocket, options["to"]!, options)) }
        case "listen":
            Task { await listen(webSocket, options["to"]!, options) { client = $0 } }
            control.send("ok")
        case "converse": control.run { control.send(await converse(webSocket, options["to"]! + rest, options)) }
        case "wrong": control.send(wrongRoles(options["to"]!))
        default: control.send("?")
        }
    }
}

private func setCallbacks(_ client: Connection<WebSocket>, _ options: Options) {
    client.onConnect = { _ in report("connect") }
    client.onWebSocketOpen = { client, response in
        report("open \(response.status) \(response["X-Seen"] ?? "none") \(client.selectedProtocol ?? "none")")
        client.send("second")
    }
    client.onMessage = { client, message in
        report("message \(message.isText ? message.text : "\(message.bytes.count) bytes")")
        if message.text == "again" { client.send("answer") }
    }
    client.onWebSocketClose = { client, code, reason in
        report("peer closes \(code.rawValue) \(reason)")
        if reason == "anew" {
            client.destroy()
            client.reconnect(after: 0.01)
        }
    }
    client.onError = { _, code, reason in report("error \(code.rawValue) \(reason)") }
    client.onClose = { client in
        report("closed \(client.closeCode?.rawValue ?? 0)")
        if let count = options.number("reconnects"), reconnects < count {
            reconnects += 1
            client.reconnect(after: 0.01)
        }
    }
}

private var reconnects = 0

/// Reads messages for as long as there are any, over all lives of the connection.
private func listen(
    _ webSocket: WebSocket, _ address: String, _ options: Options, _ made: (Connection<WebSocket>) -> Void
) async {
    do {
        let client = try Connection(webSocket, to: address, options: connectOptions(options))
        made(client)
        client.onWebSocketOpen = { client, _ in client.send("subscribe") }
        client.onError = { _, _, reason in report("error \(reason)") }
        client.onClose = { client in if client.closeCode == .policyViolation { client.cancelReconnect() } }
        let messages = client.messages
        client.connect()
        for try await message in messages { report("heard \(message.text)") }
        report("over \(client.closeCode?.rawValue ?? 0)")
    } catch {
        report("failed \(error)")
    }
}

/// Reads one answer and closes, without looking for more.
private func ask(_ webSocket: WebSocket, _ address: String, _ options: Options) async -> String {
    do {
        let client = try await Connection.connect(webSocket, to: address, options: connectOptions(options))
        client.send("question")
        let answer = try await client.nextMessage()
        await withCheckedContinuation { continuation in
            client.onClose = { _ in continuation.resume() }
            client.close()
        }
        return "\(answer?.text ?? "none") \(client.closeCode?.rawValue ?? 0)"
    } catch {
        return "\(error)"
    }
}

/// In `async` style: sends, and reads three answers.
private func converse(_ webSocket: WebSocket, _ address: String, _ options: Options) async -> String {
    do {
        let client = try await Connection.connect(webSocket, to: address, options: connectOptions(options))
        var seen: [String] = [client.selectedProtocol ?? "none"]
        for number in 0..<3 { try await client.write(.text("\(number)")) }
        for try await message in client.messages {
            seen.append(message.text)
            if seen.count == 4 { client.close(code: .goingAway, reason: "done") }
        }
        return "\(seen) \(client.closeCode?.rawValue ?? 0)"
    } catch {
        return "\(error)"
    }
}

/// A server's protocol for a client.
private func wrongRoles(_ address: String) -> String {
    do {
        _ = try Connection(.websocket, to: address)
        return "made"
    } catch {
        return "\(error)"
    }
}
