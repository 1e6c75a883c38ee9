import Apus

/// Sends every message back; with `--report`, connects and closes are reported.
func echo<P: PacketProtocol>(_ wireProtocol: P, _ options: Options) where P.Inbound == P.Outbound {
    let server = Worker(wireProtocol, on: options.address)
    setLimits(server, options)
    server.onConnect = { report("connect \($0.id)") }
    server.onMessage = { connection, message in
        if options["tell-tls"] != nil { report("tls \(connection.tls?.peerSubject ?? "no certificate")") }
        connection.send(message)
    }
    server.onClose = { report("close \($0.id)") }
}

/// Answers each line after a while, without blocking: "200 text" answers "text" after 200 ms.
func asyncText(_ options: Options) {
    let server = Worker(.text, on: options.address)
    setLimits(server, options)
    server.onMessageAsync = { connection, line in
        let words = line.split(separator: " ").map(String.init)
        report("begin \(words[1])")
        do {
            try await Task.sleep(for: .milliseconds(Int(words[0]) ?? 0))
        } catch {
            report("cancelled \(words[1])")
            throw error
        }
        report("end \(words[1])")
        connection.send(words[1])
    }
    server.onClose = { report("close \($0.id)") }
}

/// Connections with odd ids get callbacks of their own when they connect; "switch" changes them again.
func callbacksOfTheirOwn(_ options: Options) {
    let server = Worker(.text, on: options.address)
    setLimits(server, options)
    server.onMessage = { connection, line in connection.send("shared \(line)") }
    server.onClose = { report("shared close \($0.id)") }
    server.onConnect = { connection in
        guard connection.id % 2 == 1 else { return }
        connection.onMessage = { connection, line in
            if line == "switch" {
                connection.onMessage = { connection, line in connection.send("switched \(line)") }
                connection.onClose = { report("switched close \($0.id)") }
            }
            if line == "throw" { throw ScenarioError(description: "own") }
            connection.send("own \(line)")
        }
        connection.onClose = { report("own close \($0.id)") }
        connection.errorHandler = { connection, error in connection.send("handled \(error)") }
    }
}

/// Raw: "big N" sends N bytes in one message and closes; "stream N" sends them in pieces as the peer takes them.
func stream(_ options: Options) {
    let server = Worker(.raw, on: options.address)
    setLimits(server, options)
    let block = pattern(251 * 256)
    server.onMessage = { connection, bytes in
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
        let count = Int(words[1])!
        if words[0] == "big" {
            report("big \(connection.send(largePattern(count)))")
            return connection.close()
        }
        var rest = count / block.count
        connection.onBufferDrain = { connection in
            while rest > 0, connection.pendingSendBytes < connection.maxSendBufferSize {
                rest -= 1
                connection.send(block)
            }
            if rest == 0 { connection.close() }
        }
        try connection.onBufferDrain?(connection)
    }
    server.onBufferFull = { report("full \($0.pendingSendBytes)") }
    server.onClose = { report("close \($0.id)") }
}
