import Apus

/// An HTTP worker that opens a text port in its process, tells where, and pushes to the clients there.
func innerWorker(_ options: Options) {
    let server = Worker(.http, on: options.address)
    server.name = "outer"
    server.count = options.number("count") ?? 1
    var inner: Worker<Text>?
    server.onWorkerStart = { _ in
        let text = Worker(.text, on: options["inner"] ?? "text://127.0.0.1:0")
        text.name = "inner"
        text.onWorkerStart = { _ in report("inner start: never called") }
        text.onWorkerStop = { _ in report("inner stop") }
        text.onMessage = { connection, line in connection.send("echo \(line)") }
        try text.listen()
        inner = text
        report("inner \(text.socketName)")
    }
    server.onMessage = { connection, request in
        switch request.path {
        case "/push":
            let receivers = inner?.connections.values ?? []
            for receiver in receivers { receiver.send("push \(request.query)") }
            connection.send("\(receivers.count)")
        case "/pause": connection.send("\(inner?.pauseAccept() as Any)")
        case "/resume": connection.send("\(inner?.resumeAccept() as Any)")
        case "/unlisten": connection.send("\(inner?.stopListening() as Any)")
        default: connection.send("outer")
        }
    }
}

/// A worker without a port that opens a UDP port in its process, tells where, and echoes there until "unlisten".
func innerUDPWorker(_ options: Options) {
    let server = Worker()
    server.name = "outer"
    server.count = options.number("count") ?? 1
    server.onWorkerStart = { _ in
        let udp = UDPWorker(.text, on: options["inner"] ?? "127.0.0.1:0")
        udp.reusePort = options["reuse-port"] != nil
        udp.onMessage = { connection, line in
            connection.send("echo \(line)")
            if line == "unlisten" { udp.stopListening() }
        }
        try udp.listen()
        report("inner \(udp.socketName)")
    }
}
