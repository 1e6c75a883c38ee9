import Apus

/// A WebSocket client that stays connected: it sends a text and a binary message whenever it has connected, logs what
/// it gets, and connects again a second after it lost the connection.
///
///     Examples WSClient start --to ws://HOST:PORT/PATH [--say TEXT] [--token TOKEN] [--ping SECONDS] [--again SECONDS]
///         [--authority FILE]
///
/// `wss://` speaks TLS, and the server has to prove who it is: to an authority that the system knows, or to that of
/// `--authority`. `--token` goes into the header field `Authorization`. After 55 seconds (`--ping`) without a sign of
/// the server it is sent a ping, and given up when nothing comes then.
enum WSClient {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = try options.required("to")
        let text = options.value("say") ?? "hello"
        let pause = try options.seconds("again", or: 1)
        var webSocket = WebSocket.ws(pingInterval: try options.seconds("ping", or: 55))
        if let token = options.value("token") { webSocket.headers["Authorization"] = "Bearer \(token)" }
        var connect = ConnectOptions()
        if let authority = options.value("authority") {
            connect.tls = TLSClientOptions()
            connect.tls?.authoritiesFile = authority
        }
        let worker = Worker()
        worker.name = "WSClient"
        worker.onWorkerStart = { [webSocket, connect] _ in
            let socket = try Connection(webSocket, to: address, options: connect)
            socket.onConnect = { Worker.log("connected to \($0.remoteAddress)") }
            socket.onWebSocketOpen = { socket, _ in
                Worker.log("the WebSocket is open")
                socket.send(text)
                socket.send(Array(text.utf8))
            }
            socket.onMessage = { _, message in
                Worker.log(message.isText ? "received text: \(message.text)" : "received \(message.bytes.count) bytes")
            }
            socket.onError = { _, _, reason in Worker.log(reason, level: .warning) }
            socket.onClose = { socket in
                Worker.log("closed: \(socket.closeCode.map { "\($0.rawValue)" } ?? "before it was open")")
                // Where many clients would come at the same moment, `options.reconnect` is better: its pauses grow.
                socket.reconnect(after: pause)
            }
            socket.connect()
        }
    }
}
