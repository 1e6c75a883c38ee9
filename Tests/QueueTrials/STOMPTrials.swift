import Apus
import ApusSTOMP
import TrialSupport

/// With a RabbitMQ at the address that is the first word, undisturbed.
let stompTrials: [String: Trial] = [
    "roundTrip": roundTrip, "callbacks": callbacks, "ackModes": ackModes, "backPressure": backPressure,
    "transactions": transactions, "confirmations": confirmations, "refusals": refusals, "stompTLS": stompTLS,
    "sequences": sequences,
]

func client(_ words: [String], _ change: (inout STOMPOptions) -> Void = { _ in }) throws -> STOMPClient {
    var options = STOMPOptions()
    options.reconnectPeriod = 0.1
    options.longestReconnectPause = 0.5
    change(&options)
    return try STOMPClient(words[0], options: options)
}

/// A queue of this trial's own.
func queueName(_ name: String) -> String { "/queue/\(name)-\(UInt64.random(in: 0...UInt64.max))" }

private func roundTrip(_ words: [String]) async throws {
    for version in STOMPVersion.allCases {
        let client = try client(words) { $0.versions = [version] }
        expect(client.state, is: .initial)
        try await client.connect()
        expect(client.state, is: .established)
        expect(client.version, is: version)
        expect(client.sessionHeaders["server"]?.hasPrefix("RabbitMQ/") == true)
        let queue = queueName("round-trip")
        let messages = client.messages(from: queue)
        try await messages.subscription.confirmed()
        let zeros: [UInt8] = [0, 1, 0, 10, 0]
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        expect(client.send(zeros, to: queue, headers: ["note": "a b"]))
        expect(client.send("", to: queue))
        expect(client.send(large, to: queue))
        expect(client.send("héllo", to: queue, headers: ["content-type": "text/x"]))
        let first = try await messages.next()
        expect(first?.body ?? [], is: zeros)
        expect(first?.headers["note"] ?? "", is: "a b")
        expect(first?.headers["content-type"] ?? "", is: "application/octet-stream")
        expect(first?.ack() == false, "there is nothing to acknowledge")
        expect(try await messages.next()?.body.count ?? -1, is: 0)
        expect(try await messages.next()?.body == large)
        let last = try await messages.next()
        expect(last?.text ?? "", is: "héllo")
        expect(last?.headers["content-type"] ?? "", is: "text/x")
        if version > .v1_0 {
            let odd = version == .v1_2 ? "a:b\n\\c\\n\r:" : "a:b\n\\c\\n:"
            expect(client.send("x", to: queue, headers: ["odd": odd]))
            expect(try await messages.next()?.headers["odd"] ?? "", is: odd)
        } else {
            let error = await expectError { try await client.sendConfirmed("x", to: queue, headers: ["odd": "a\nb"]) }
            guard case STOMPError.invalidFrame? = error else { return expect(false, "\(error as Any)") }
        }
        await client.disconnect()
        expect(client.state, is: .disconnected)
        expect(try await messages.next() == nil)
    }
}

private func callbacks(_ words: [String]) async throws {
    let client = try client(words)
    var events: [String] = []
    let queue = queueName("callbacks")
    client.onConnect = { _ in events.append("connect") }
    client.onReconnect = { _ in events.append("reconnect") }
    client.onError = { events.append("error \($1)") }
    client.onClose = { _ in events.append("close") }
    var lines: [String] = []
    client.onDebug = { lines.append($0) }
    expect(!client.send("too early", to: queue))
    expect(events, is: ["error Connection not established"])
    events = []
    var got: [String] = []
    let subscription = client.subscribe(to: queue) { frame, resolver in
        expect(!resolver.ack())
        if frame.text == "bad" { throw STOMPError.timedOut }
        got.append(frame.text)
    }
    expect(subscription.id, is: "client-1")
    (client.connect as () -> Void)()
    expect(client.state, is: .connecting)
    try await expectEventually { events == ["connect"] }
    var confirmed: [String] = []
    subscription.whenConfirmed { confirmed.append("subscribed \($0 == nil)") }
    try await expectEventually { confirmed == ["subscribed true"] }
    for number in 0..<3 {
        client.sendConfirmed("\(number)", to: queue) { confirmed.append("\(number) \($0 == nil)") }
    }
    try await expectEventually { got == ["0", "1", "2"] && confirmed.count == 4 }
    expect(confirmed.dropFirst().sorted(), is: ["0 true", "1 true", "2 true"])
    client.send("bad", to: queue)
    try await expectEventually { events.last == "error the STOMP broker did not confirm in time" }
    client.send("3", to: queue)
    try await expectEventually { got.last == "3" }
    subscription.unsubscribe()
    expect(!subscription.isActive)
    try await client.sendConfirmed("nobody's", to: queue)
    let other = client.messages(from: queue)
    expect(try await other.next()?.text ?? "", is: "nobody's")
    var isOver = false
    client.disconnect { isOver = true }
    expect(client.state, is: .disconnecting)
    try await expectEventually { isOver }
    expect(client.state, is: .disconnected)
    expect(events.last ?? "", is: "close")
    expect(events.filter { $0 == "close" }.count, is: 1)
    expect(got, is: ["0", "1", "2", "3"])
    expect(lines.contains { $0.hasPrefix("→ CONNECT ") && $0.contains("passcode:…") && !$0.contains("passcode:guest") })
    expect(lines.contains { $0.hasPrefix("← MESSAGE ") })
    // It can be connected again.
    client.connect { error in events.append("again \(error == nil)") }
    try await expectEventually { events.last == "reconnect" }
    expect(events.contains("again true"))
    client.close()
}

private func ackModes(_ words: [String]) async throws {
    for version in [STOMPVersion.v1_1, .v1_2] {
        let queue = queueName("ack")
        let client = try client(words) { $0.versions = [version] }
        try await client.connect()
        for number in 0..<4 { try await client.sendConfirmed("\(number)", to: queue) }
        let single = client.messages(from: queue, ackMode: .clientIndividual)
        var held: [STOMPMessage] = []
        for number in 0..<4 {
            guard let message = try await single.next() else { return expect(false) }
            expect(message.text, is: "\(number)")
            held.append(message)
        }
        try await held[1].resolver.ackConfirmed()
        expect(held[1].resolver.isResolved)
        expect(!held[1].ack() && !held[1].nack(), "it acts once")
        expect(held[2].nack(headers: ["requeue": "false"]))
        expect(!held[2].nack() && !held[2].ack(), "it acts once")
        // Back it comes.
        expect(held[3].nack())
        expect(try await single.next()?.text ?? "", is: "3")
        client.close()
        expect(!held[0].ack(), "the session is over")
        let again = try STOMPClient(words[0])
        try await again.connect()
        let rest = again.messages(from: queue, ackMode: .client)
        let texts = [try await rest.next(), try await rest.next()]
        expect(texts.map { $0?.text ?? "" }, is: ["0", "3"])
        expect(texts[0]?.headers["redelivered"] ?? "", is: "true")
        // One for both.
        try await texts[1]?.resolver.ackConfirmed()
        again.close()
        let empty = try STOMPClient(words[0])
        try await empty.connect()
        try await empty.sendConfirmed("end", to: queue)
        expect(try await empty.messages(from: queue).next()?.text ?? "", is: "end")
        empty.close()
    }
    let old = try client(words) { $0.versions = [.v1_0] }
    try await old.connect()
    let queue = queueName("old")
    let refused = old.messages(from: queue, ackMode: .clientIndividual)
    await expectError { _ = try await refused.next() }
    let messages = old.messages(from: queue, ackMode: .client)
    try await old.sendConfirmed("x", to: queue)
    let message = try await messages.next()
    expect(message?.nack() == false, "1.0 has no NACK")
    expect(message?.ack() == true)
    await old.disconnect()
}

/// More messages than the sequence may hold: they stay in the kernel and with the broker. Confirmations come all the
/// same, though the one who waits for them is the one who would make room.
private func backPressure(_ words: [String]) async throws {
    let queue = queueName("pressure")
    let sender = try client(words)
    try await sender.connect()
    let body = [UInt8](repeating: 120, count: 2000)
    let count = 10_000
    for number in 0..<count {
        while !sender.send(body, to: queue, headers: ["number": "\(number)"]) { try await WorkerTimer.sleep(0.01) }
    }
    try await sender.sendConfirmed("end", to: queue)
    let client = try client(words)
    var errors: [any Error] = []
    client.onError = { errors.append($1) }
    try await client.connect()
    var received = 0
    let messages = client.messages(from: queue, bufferLimit: 10)
    // Nobody asks for anything for a while: the client does not take all of 20 megabytes.
    try await WorkerTimer.sleep(0.5)
    let results = queueName("results")
    for try await message in messages {
        if message.text == "end" { break }
        expect(message.headers["number"] ?? "", is: "\(received)")
        received += 1
        if received % 1000 == 0 { try await client.sendConfirmed("\(received)", to: results) }
    }
    expect(received, is: count)
    expect(errors.isEmpty, "\(errors)")
    let counts = client.messages(from: results)
    for number in 1...count / 1000 { expect(try await counts.next()?.text ?? "", is: "\(number * 1000)") }
    await client.disconnect()
    sender.close()
}

private func transactions(_ words: [String]) async throws {
    let client = try client(words)
    await expectError { _ = try client.begin() }
    try await client.connect()
    let queue = queueName("transactions")
    let messages = client.messages(from: queue, ackMode: .clientIndividual)
    let aborted = try client.begin()
    expect(aborted.send("never", to: queue))
    try await aborted.abort()
    expect(!aborted.isOpen && !aborted.send("never", to: queue))
    let transaction = try client.begin()
    expect(transaction.id != aborted.id)
    expect(transaction.send("1", to: queue) && transaction.send("2", to: queue))
    try await client.sendConfirmed("0", to: queue)
    let first = try await messages.next()
    expect(first?.text ?? "", is: "0")
    expect(first?.ack(in: transaction) == true)
    try await transaction.commit()
    expect(try await messages.next()?.text ?? "", is: "1")
    let last = try await messages.next()
    expect(last?.text ?? "", is: "2")
    let error = await expectError { try await transaction.commit() }
    expect(error as? STOMPError == .transactionOver)
    // What was acknowledged in a transaction that was aborted is not.
    let third = try client.begin()
    expect(last?.ack(in: third) == true)
    var outcome: [String] = []
    third.abort { outcome.append("\($0 == nil)") }
    try await expectEventually { outcome == ["true"] }
    let open = try client.begin()
    client.close()
    await expectError { try await open.commit() }
    try await client.connect()
    expect(!open.isOpen)
    let again = client.messages(from: queue)
    expect([try await again.next()?.text, try await again.next()?.text], is: ["1", "2"])
    await client.disconnect()
}

private func confirmations(_ words: [String]) async throws {
    let client = try client(words) { $0.maxOutstandingReceipts = 500 }
    try await client.connect()
    let queue = queueName("confirmations")
    var confirmed = 0
    var refused = 0
    for number in 0..<600 {
        client.sendConfirmed("\(number)", to: queue) { error in
            if error == nil { confirmed += 1 } else if case .tooManyReceipts(500)? = error { refused += 1 }
        }
    }
    expect(refused, is: 100)
    try await expectEventually { confirmed == 500 }
    let tasks = (0..<200).map { number in Task { try await client.sendConfirmed("\(number)", to: queue) } }
    for task in tasks { try await task.value }
    let cancelled = Task { try await client.sendConfirmed("x", to: queue) }
    cancelled.cancel()
    let error = await expectError { try await cancelled.value }
    expect(error is CancellationError)
    // Closing fails what is waited for.
    let late = Task { try await client.sendConfirmed("late", to: queue) }
    try await WorkerTimer.sleep(0)
    client.close()
    _ = await late.result
    let closed = await expectError { try await client.sendConfirmed("x", to: queue) }
    expect(closed as? STOMPError == .notConnected)
    expect("\(closed!)", is: "Connection not established")
}

private func refusals(_ words: [String]) async throws {
    let wrong = try client(words) { $0.passcode = "wrong" }
    var events: [String] = []
    wrong.onError = { if case STOMPError.refused = $1 { events.append("refused") } else { events.append("\($1)") } }
    let error = await expectError { try await wrong.connect() }
    guard case STOMPError.refused(let message, _)? = error else { return expect(false, "\(error as Any)") }
    expect(message, is: "Bad CONNECT")
    // It goes on to try.
    try await expectEventually { events.count >= 2 }
    expect(Set(events), is: ["refused"])
    wrong.close()
    let host = try client(words) { $0.virtualHost = "/nowhere" }
    await expectError { try await host.connect() }
    host.close()
    let client = try client(words)
    try await client.connect()
    let bad = client.messages(from: "/nonsense/x")
    let lost = await expectError { try await bad.subscription.confirmed() }
    guard case STOMPError.refused? = lost else { return expect(false, "\(lost as Any)") }
    await expectError { _ = try await bad.next() }
    // Without it the client works again.
    try await client.connect()
    try await client.sendConfirmed("x", to: queueName("refusals"))
    client.close()
    let nobody = try STOMPClient("stomp://127.0.0.1:1")
    let failed = await expectError { try await nobody.connect() }
    guard case STOMPError.connectFailed? = failed else { return expect(false, "\(failed as Any)") }
    nobody.close()
    for address in ["http://x", "stomp://", "stomp://a/b"] { await expectError { _ = try STOMPClient(address) } }
}

private func stompTLS(_ words: [String]) async throws {
    let port = words[1].split(separator: ":").last!
    var tls = TLSClientOptions()
    tls.authoritiesFile = words[2]
    var options = STOMPOptions()
    options.connect.tls = tls
    let client = try STOMPClient("stomps://guest:guest@localhost:\(port)", options: options)
    try await client.connect()
    let queue = queueName("tls")
    try await client.sendConfirmed("secret", to: queue)
    expect(try await client.messages(from: queue).next()?.text ?? "", is: "secret")
    await client.disconnect()
    let unknown = try STOMPClient("stomps://localhost:\(port)")
    let error = await expectError { try await unknown.connect() }
    guard case STOMPError.connectFailed(let reason)? = error else { return expect(false, "\(error as Any)") }
    expect(reason.contains("TLS"), reason)
    unknown.close()
}

private func sequences(_ words: [String]) async throws {
    let client = try client(words)
    try await client.connect()
    let queue = queueName("sequences")
    for number in 0..<3 { try await client.sendConfirmed("\(number)", to: queue) }
    do {
        for try await message in client.messages(from: queue, ackMode: .clientIndividual) {
            // Closing the connection waits for nothing that was sent.
            try await message.resolver.ackConfirmed()
            break
        }
    }
    // Leaving the loop was enough: nobody has the subscription any more, and the others come in a new session.
    client.close()
    try await client.connect()
    let messages = client.messages(from: queue)
    expect(try await messages.next()?.text ?? "", is: "1")
    expect(try await messages.next()?.text ?? "", is: "2")
    // Leaving while messages come in does no harm to the session.
    let flood = queueName("flood")
    for number in 0..<3000 { client.send("\(number)", to: flood) }
    do {
        for try await _ in client.messages(from: flood, bufferLimit: 10) { break }
    }
    try await client.sendConfirmed("x", to: flood)
    // A cancelled wait takes no message with it.
    let waiting = Task { try await messages.next() }
    try await WorkerTimer.sleep(0.01)
    waiting.cancel()
    let error = await expectError { _ = try await waiting.value }
    expect(error is CancellationError)
    try await client.sendConfirmed("3", to: queue)
    expect(try await messages.next()?.text ?? "", is: "3")
    messages.subscription.unsubscribe()
    expect(try await messages.next() == nil)
    await client.disconnect()
    await expectError { try await messages.subscription.confirmed() }
}
