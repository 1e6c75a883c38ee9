import Apus

/// A client in `async` style: connects to `--to`, sends what it is told, and reports what comes back.
///
/// "twice" reads to the end, connects again, and reads again; "idle" does not read until it is told "next".
/// "echo N" writes N lines and reads as many; "slow" reads one line each time it is told "next"; "fail ADDRESS"
/// connects where nobody is; "flood N" writes N lines of 100 KB to a peer that may not read them; "cancel ADDRESS"
/// gives up an attempt that is under way; "names N" connects to N hosts of different names.
func asyncClient(_ options: Options) {
    let control = Worker(.text, on: "127.0.0.1:0")
    var permits: [UnsafeContinuation<Void, Never>] = []
    control.onMessage = { control, line in
        let words = line.split(separator: " ").map(String.init)
        switch words[0] {
        case "echo":
            control.run { control.send(try await echoLines(Int(words[1])!, options)) }
        case "slow":
            Task { try await readSlowly(options) { await withUnsafeContinuation { permits.append($0) } } }
            control.send("ok")
        case "twice":
            Task { try await readTwice(options) }
            control.send("ok")
        case "idle":
            Task { try await readLate(options) { await withUnsafeContinuation { permits.append($0) } } }
            control.send("ok")
        case "flood":
            Task { await flood(Int(words[1])!, options) }
            control.send("ok")
        case "next":
            for permit in permits { permit.resume() }
            permits = []
            control.send("ok")
        case "fail":
            control.run {
                do {
                    _ = try await Connection.connect(.text, to: words[1])
                    control.send("connected")
                } catch {
                    control.send("\(error)")
                }
            }
        case "names":
            for number in 0..<Int(words[1])! {
                Task {
                    do {
                        _ = try await Connection.connect(.text, to: "nobody\(number):1")
                    } catch {
                        report("name \(error)")
                    }
                }
            }
            control.send("ok")
        case "cancel":
            let attempt = Task { try await Connection.connect(.text, to: words[1]) }
            control.run {
                // An attempt begins at the end of the turn in which it was asked for.
                await withUnsafeContinuation { turned in
                    EventLoop.current.execute { EventLoop.current.execute { turned.resume() } }
                }
                attempt.cancel()
                control.send("\(await attempt.result)".hasPrefix("failure(Swift.CancellationError") ? "cancelled" : "?")
            }
        default: control.send("?")
        }
    }
}

/// Writes lines that together do not fit the send buffer, while reading their echoes.
private func echoLines(_ count: Int, _ options: Options) async throws -> String {
    let connection = try await Connection.connect(.text, to: options["to"]!, options: connectOptions(options))
    connection.maxSendBufferSize = 16 * 1024
    let writer = Task {
        for number in 0..<count {
            try await connection.write("\(number) " + String(repeating: "y", count: 5000))
        }
    }
    var read = 0
    for try await line in connection.messages {
        guard line.hasPrefix("\(read) ") else { return "line \(read) is \(line.prefix(20))" }
        read += 1
        if read == count { connection.close() }
    }
    try await writer.value
    return "read \(read) state \(connection.state)"
}

private func flood(_ count: Int, _ options: Options) async {
    do {
        let connection = try await Connection.connect(.text, to: options["to"]!, options: connectOptions(options))
        connection.maxSendBufferSize = 16 * 1024
        var hasWaited = false
        for number in 0..<count {
            if !hasWaited, connection.pendingSendBytes >= connection.maxSendBufferSize {
                hasWaited = true
                report("waiting")
            }
            try await connection.write("\(number) " + String(repeating: "f", count: 100_000))
            if connection.pendingSendBytes > 120_000 { report("too much: \(connection.pendingSendBytes)") }
        }
        report("flooded")
        connection.close()
    } catch {
        report("not flooded: \(error)")
    }
}

private func readSlowly(_ options: Options, _ permit: () async -> Void) async throws {
    let connection = try await Connection.connect(.text, to: options["to"]!, options: connectOptions(options))
    report("connected")
    for try await line in connection.messages {
        report("line \(line.prefix(20)) held=\(connection.pendingReceiveBytes)")
        await permit()
    }
    report("end")
}

/// Two lives of one connection. What reads in the first one has no part in the second.
private func readTwice(_ options: Options) async throws {
    let connection = try await Connection.connect(.text, to: options["to"]!, options: connectOptions(options))
    var first = connection.messages.makeAsyncIterator()
    while let line = try await first.next() { report("first \(line)") }
    report("end")
    connection.connect()
    var second = connection.messages.makeAsyncIterator()
    report("late \(try await first.next() ?? "nothing")")
    while let line = try await second.next() {
        report("second \(line), \(try await first.next() ?? "nothing")")
    }
    report("end")
}

private func readLate(_ options: Options, _ permit: () async -> Void) async throws {
    let connection = try await Connection.connect(.text, to: options["to"]!, options: connectOptions(options))
    connection.idleTimeout = options.number("idle-timeout").map(Double.init)
    connection.onClose = { _ in report("close") }
    report("connected")
    await permit()
    for try await line in connection.messages { report("line \(line)") }
    report("end")
}

/// A server in `async` style: one task for each connection, which echoes lines until "bye"; with `--numbered` it
/// answers with how many lines have come before, from whomever.
func asyncEcho(_ options: Options) {
    let server = Worker(.text, on: options.address)
    setLimits(server, options)
    let isNumbered = options["numbered"] != nil
    var count = 0
    server.onConnect = { connection in
        connection.run {
            for try await line in connection.messages {
                if line == "bye" { break }
                try await connection.write(isNumbered ? "\(count)" : line)
                count += 1
            }
            report("loop over \(connection.state)")
            connection.close("bye")
        }
    }
    server.onClose = { report("close \($0.id)") }
}
