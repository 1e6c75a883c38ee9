import Apus
import ApusNATS
import Glibc
import TestSupport
import TrialSupport

let natsTrials: [String: Trial] = [
    "natsMessages": natsMessages, "natsRequests": natsRequests, "natsDown": natsDown, "natsLogins": natsLogins,
    "natsTLS": natsTLS, "natsRefusals": natsRefusals, "natsHostile": natsHostile, "natsSilence": natsSilence,
]

private func natsMessages(_ words: [String]) async throws {
    let server = try NATSServer()
    let nats = try NATSClient("nats://\(server.address)")
    let other = try NATSClient(server.address)
    var heard: [String] = []
    nats.subscribe("orders.*") { heard.append("\($0.subject) \($0.text)") }
    let rest = nats.subscribe("orders.>") { heard.append("rest \($0.subject)") }
    try await nats.flush()
    try await other.publishConfirmed("orders.new", "é")
    try other.publish("orders.new.big", [0, 255])
    try other.publish("other", "x")
    try await other.flush()
    try await expectEventually { heard.count == 3 }
    expect(heard.sorted(), is: ["orders.new é", "rest orders.new", "rest orders.new.big"])
    rest.cancel()
    try await nats.flush()
    try await other.publishConfirmed("orders.new", "")
    try await expectEventually { heard.count == 4 }
    expect(heard.last, is: "orders.new ")
    // Headers, and where an answer goes.
    var last: NATSMessage?
    nats.subscribe("headers") { last = $0 }
    try await nats.flush()
    var headers: NATSHeaders = ["A": "1", "B": "two words"]
    headers.append("A", "2")
    try other.publish("headers", "body", headers: headers, replyTo: "answers.here")
    try await expectEventually { last != nil }
    expect(last?.headers.fields.map { "\($0.name)=\($0.value)" }, is: ["A=1", "B=two words", "A=2"])
    expect(last?.replyTo, is: "answers.here")
    expect(last?.text, is: "body")
    // One of a group gets each.
    var counts = [0, 0]
    for (index, client) in [nats, other].enumerated() {
        client.subscribe("work", group: "workers") { _ in counts[index] += 1 }
        try await client.flush()
    }
    for number in 0..<1000 { try nats.publish("work", "\(number)") }
    try await expectEventually { counts[0] + counts[1] == 1000 }
    expect(counts[0] > 100 && counts[1] > 100, "\(counts)")
    // A sequence, in order, also of large messages.
    let listening = Task {
        var lengths: [Int] = []
        for await message in nats.messages("large") {
            lengths.append(message.payload.count)
            if lengths.count == 3 { break }
        }
        return lengths
    }
    // It has asked for them as soon as a question is not refused at once.
    try await expectEventually {
        let error = await expectError { _ = try await other.request("large", "x", timeout: 0.05) }
        return error as? NATSError != .noResponders
    }
    for count in [1_000_000, 0] { try other.publish("large", [UInt8](repeating: 1, count: count)) }
    expect(await listening.value, is: [1, 1_000_000, 0])
    try await slowLoop(nats, other)
    for client in [nats, other] { client.close() }
}

/// Of what nobody reads the newest stay.
private func slowLoop(_ nats: NATSClient, _ other: NATSClient) async throws {
    let held = nats.messages("held", limit: 2)
    var newest = 0
    nats.subscribe("held") { newest = Int($0.text) ?? 0 }
    try await nats.flush()
    for number in 0..<5 { try other.publish("held", "\(number)") }
    try await expectEventually { newest == 4 }
    try await nats.flush()
    var texts: [String] = []
    for await message in held {
        texts.append(message.text)
        if texts.count == 2 { break }
    }
    expect(texts, is: ["3", "4"])
}

private func natsRefusals(_ words: [String]) async throws {
    let server = try NATSServer()
    let nats = try NATSClient("nats://\(server.address)")
    try await nats.flush()
    // What cannot be sent is refused before it is.
    for subject in ["", "a b", "a..b", ".a", "a.", "a.*", ">", "a\r\nPUB b 0\r\n"] {
        let error = await expectError(subject) { try nats.publish(subject, "") }
        if case .invalidMessage = error as? NATSError {} else { expect(false, "\(error!)") }
    }
    for headers in [["A b": "1"], ["": "1"], ["A": "1\r\nB: 2"]] as [NATSHeaders] {
        let error = await expectError { try nats.publish("a", "", headers: headers) }
        if case .invalidMessage = error as? NATSError {} else { expect(false, "\(error!)") }
    }
    // More than the server takes is known when it has said so, or waits for that.
    let early = try NATSClient("nats://\(server.address)")
    var refused: [any Error] = []
    early.onError = { refused.append($0) }
    try early.publish("a", [UInt8](repeating: 1, count: 1_048_577))
    let tooLarge = await expectError {
        try await early.publishConfirmed("a", [UInt8](repeating: 1, count: 1_048_577), headers: ["A": "b"])
    }
    if case .invalidMessage = tooLarge as? NATSError {} else { expect(false, "\(tooLarge!)") }
    expect(refused.count, is: 1)
    try await early.publishConfirmed("a", [UInt8](repeating: 1, count: 1_048_576))
    // Headers that are none are their publisher's affair.
    var payloads: [String] = []
    early.subscribe("malformed") { payloads.append($0.text) }
    try await early.flush()
    let raw = try Client(.ipv4(port: UInt16(server.address.split(separator: ":")[1])!))
    _ = try raw.readLine()
    try raw.send("CONNECT {\"headers\":true}\r\nHPUB malformed 17 19\r\nNATS/1.0\r\nfoo\r\n\r\nhi\r\n")
    try await expectEventually { payloads == ["hi"] && refused.count == 2 }
    early.close()
    var none = 0
    for await _ in early.messages("a") { none += 1 }
    expect(none, is: 0)
    let huge = await expectError { try nats.publish("a", [UInt8](repeating: 1, count: 1_048_577)) }
    if case .invalidMessage = huge as? NATSError {} else { expect(false, "\(huge!)") }
    // What a callback throws is reported, and ends nothing.
    struct Broken: Error {}
    var errors: [any Error] = []
    nats.onError = { errors.append($0) }
    nats.subscribe("broken") { _ in throw Broken() }
    try nats.publish("broken", "")
    try await expectEventually { errors.first is Broken }
    nats.close()
    let closed = await expectError { try nats.publish("a", "") }
    expect(closed as? NATSError, is: .closed)
}

private func natsRequests(_ words: [String]) async throws {
    let server = try NATSServer()
    let nats = try NATSClient("nats://\(server.address)")
    let service = try NATSClient("nats://\(server.address)")
    let nobody = await expectError { _ = try await nats.request("double", "1") }
    expect(nobody as? NATSError, is: .noResponders)
    service.subscribe("double") { message in
        guard let replyTo = message.replyTo, let number = Int(message.text) else { return }
        try service.publish(replyTo, "\(number * 2)")
    }
    try await service.flush()
    let answers = (0..<1000).map { number in
        Task { try await nats.request("double", "\(number)").text == "\(number * 2)" }
    }
    for answer in answers { expect(try await answer.value) }
    var called: [String] = []
    nats.request("double", "21") { called.append("\($0)") }
    try await expectEventually { called.count == 1 }
    expect(called[0].contains("success"), called[0])
    let late = await expectError { _ = try await nats.request("double", "no number", timeout: 0.05) }
    expect(late as? NATSError, is: .timedOut(0.05))
    let task = Task { try await nats.request("double", "no number") }
    try await WorkerTimer.sleep(0.01)
    task.cancel()
    let cancelled = await expectError { _ = try await task.value }
    expect(cancelled is CancellationError)
    for client in [nats, service] { client.close() }
}

/// A server that is killed and comes back: subscribed again, what was published meanwhile arrives, nothing waits for
/// ever.
private func natsDown(_ words: [String]) async throws {
    let server = try NATSServer()
    var options = NATSOptions()
    options.timeout = 0.3
    options.maxUnsentBytes = 100
    let nats = try NATSClient("nats://\(server.address)", options: options)
    var connects = 0
    var reasons: [String] = []
    nats.onConnect = { connects += 1 }
    nats.onDisconnect = { reasons.append($0) }
    var heard: [String] = []
    nats.subscribe("n") { heard.append($0.text) }
    try await nats.publishConfirmed("n", "1")
    try await expectEventually { heard == ["1"] }
    for round in 1...2 {
        server.signal(SIGSTOP)
        let late = await expectError { try await nats.publishConfirmed("none", "") }
        expect(late as? NATSError, is: .timedOut(0.3))
        try server.kill()
        try await expectEventually { reasons.count >= round && !nats.isConnected }
        try nats.publish("n", "waits \(round)")
        let full = await expectError { try nats.publish("n", String(repeating: "x", count: 100)) }
        if case .sendBufferFull = full as? NATSError {} else { expect(false, "\(full!)") }
        let down = await expectError { try await nats.publishConfirmed("n", "never") }
        if case .unavailable = down as? NATSError {} else { expect(false, "\(down!)") }
        try server.restart()
        try await expectEventually { heard.last == "waits \(round)" }
        expect(connects, is: round + 1)
    }
    expect(heard, is: ["1", "waits 1", "waits 2"])
    // The next one of several takes over.
    let second = try NATSServer()
    let either = try NATSClient("127.0.0.1:\(ScriptedServer.closedPort())", server.address, second.address)
    var taken = 0
    either.subscribe("n") { _ in taken += 1 }
    try await either.flush()
    try server.kill()
    try await expectEventually {
        (try? await either.publishConfirmed("n", "")) != nil && taken > 0
    }
    for client in [nats, either] { client.close() }
}

private func natsLogins(_ words: [String]) async throws {
    let server = try NATSServer(["--user", "ann", "--pass", "s:e/c@ret"])
    for address in ["nats://ann:s%3Ae%2Fc%40ret@\(server.address)", server.address] {
        var options = NATSOptions()
        options.user = "ann"
        options.password = "s:e/c@ret"
        let nats = try NATSClient(address, options: options)
        try await nats.flush()
        nats.close()
    }
    let secret = try NATSServer(["--auth", "open sesame"])
    let friend = try NATSClient("nats://open%20sesame@\(secret.address)")
    try await friend.flush()
    for address in ["nats://guess@\(secret.address)", "nats://\(secret.address)", "nats://a:b@\(secret.address)"] {
        var options = NATSOptions()
        options.timeout = 0.5
        let stranger = try NATSClient(address, options: options)
        var errors: [String] = []
        stranger.onError = { errors.append("\($0)") }
        let refused = await expectError { try await stranger.publishConfirmed("a", "") }
        expect("\(refused!)".contains("Authorization Violation"), "\(refused!)")
        expect(errors.first?.contains("refuses: Authorization Violation") ?? false, "\(errors)")
        stranger.close()
    }
    for address in ["http://a", "nats://", "nats://a/b"] {
        let error = await expectError(address) { _ = try NATSClient(address) }
        if case .invalidAddress = error as? NATSError {} else { expect(false, "\(error!)") }
    }
    let told = await expectError { _ = try NATSClient("nats://ann:secret@a/b") }
    expect("\(told!)".contains("@a/b") && !"\(told!)".contains("secret"), "\(told!)")
    friend.close()
}

/// The server asks for TLS when it has said who it is.
private func natsTLS(_ words: [String]) async throws {
    let certificates = TestCertificates.shared
    let server = try NATSServer([
        "--tls", "--tlscert", certificates.certificate("localhost"), "--tlskey", certificates.key("localhost"),
    ])
    var options = NATSOptions()
    options.timeout = 1
    options.connect.tls = TLSClientOptions()
    options.connect.tls?.authoritiesFile = certificates.certificate("localhost")
    options.connect.tls?.serverName = "localhost"
    for scheme in ["nats", "tls"] {
        let nats = try NATSClient("\(scheme)://\(server.address)", options: options)
        var heard: [Int] = []
        nats.subscribe("n") { heard.append($0.payload.count) }
        try await nats.publishConfirmed("n", [UInt8](repeating: 7, count: 1_000_000))
        try await expectEventually { heard == [1_000_000] }
        nats.close()
    }
    // Somebody else's name, and nobody's authority.
    var wrong = options
    wrong.connect.tls?.serverName = "example.org"
    var trusting = options
    trusting.connect.tls = nil
    for options in [wrong, trusting] {
        let nats = try NATSClient("nats://\(server.address)", options: options)
        let error = await expectError { try await nats.flush() }
        expect("\(error!)".contains("TLS handshake"), "\(error!)")
        nats.close()
    }
    // TLS begins on open and plain connections whose words were sent.
    let quiet = ScriptedServer { peer in peer.waitForEnd() }
    defer { quiet.stop() }
    let raw = try Connection(.raw, to: "localhost:\(quiet.port)")
    let tooEarly = await expectError { try raw.startTLS() }
    expect(tooEarly is TLSError)
    let open = try await Connection.connect(.raw, to: "localhost:\(quiet.port)")
    open.pauseReading()
    var unsent = 0
    while case .sent = open.send([UInt8](repeating: 0, count: 1_000_000)), unsent < 100 { unsent += 1 }
    let tooMuch = await expectError { try open.startTLS() }
    expect("\(tooMuch!)", is: "plain bytes are still to be sent")
    open.destroy()
    let secured = try await Connection.connect(.raw, to: "localhost:\(quiet.port)")
    try secured.startTLS()
    let twice = await expectError { try secured.startTLS() }
    expect(twice is TLSError)
    secured.destroy()
    // One that speaks none.
    let plain = try NATSServer()
    let nats = try NATSClient("tls://\(plain.address)", options: options)
    let error = await expectError { try await nats.flush() }
    expect("\(error!)".contains("speaks no TLS"), "\(error!)")
    nats.close()
}

/// One client's conversation as a server has it, cut behind some byte.
private nonisolated func converse(_ peer: ScriptedServer.Peer, upTo limit: Int, stalls: Bool) {
    var left = limit
    let say = { (text: String) -> Bool in
        let bytes = Array(text.utf8.prefix(left))
        guard peer.send(bytes) else { return false }
        left -= bytes.count
        if bytes.count == text.utf8.count { return true }
        if stalls { peer.waitForClose() }
        return false
    }
    guard say("INFO {\"max_payload\":1024,\"headers\":true}\r\n") else { return }
    _ = peer.readAll(until: "PING\r\n")
    guard say("PONG\r\n") else { return }
    let asked = peer.readAll(until: "\r\nhi\r\n")
    guard let words = asked.split(separator: "\r\n").first(where: { $0.hasPrefix("PUB q ") })?.split(separator: " "),
        say("HMSG \(words[2]) 1 18 23\r\nNATS/1.0\r\nA: 1\r\n\r\nhello\r\n")
    else { return }
    peer.waitForClose()
}

/// Garbage, silence and ends behind each byte of a conversation: typed errors, and afterwards all is well.
private func natsHostile(_ words: [String]) async throws {
    // The name of the inbox has 22 letters.
    for stalls in [false, true] {
        for limit in 0..<130 {
            let server = ScriptedServer { peer in
                converse(peer, upTo: peer.index == 0 ? limit : .max, stalls: stalls)
            }
            defer { server.stop() }
            var options = NATSOptions()
            options.timeout = stalls ? 0.03 : 30
            options.connect.timeout = 0.03
            let nats = try NATSClient("127.0.0.1:\(server.port)", options: options)
            do {
                // Unless the greeting itself was cut, which is begun anew.
                let answer = try await nats.request("q", "hi")
                expect(answer.text, is: "hello")
                expect(answer.headers["A"], is: "1")
            } catch NATSError.connectionLost {
                expect(!stalls, "\(limit)")
            } catch NATSError.timedOut {
                expect(stalls, "\(limit)")
            } catch NATSError.unavailable {
                expect(stalls, "\(limit)")
            }
            nats.close()
        }
    }
    for garbage in [
        "GARBAGE", "INFO {\r\n", "INFO []\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0", "MSG a 1 5\r\nhello\r\n",
        "PONG\r\n", "INFO {}\r\nPONG\r\nPONG\r\n", "INFO {}\r\nPONG\r\nMSG a 1 99999999999\r\n",
        "INFO {}\r\nPONG\r\nMSG a x 1\r\n", "INFO {}\r\nPONG\r\nHMSG a 1 9 5\r\n", "INFO {}\nPONG\n",
        "INFO \(String(repeating: "x", count: 70_000))", "INFO {}\r\nPONG\r\nMSG a 1 2\r\nabc\r\n",
    ] {
        let server = ScriptedServer { peer in
            peer.send(garbage)
            peer.waitForClose()
        }
        defer { server.stop() }
        let nats = try NATSClient("127.0.0.1:\(server.port)")
        var reasons: [String] = []
        nats.onDisconnect = { reasons.append($0) }
        nats.subscribe("a") { _ in }
        try await expectEventually(garbage) { !reasons.isEmpty }
        expect(!reasons[0].contains("closed the connection"), "\(garbage): \(reasons)")
        nats.close()
    }
    // Words of somebody on the way, in front of the handshake.
    let liar = ScriptedServer { peer in
        peer.send("INFO {\"tls_required\":true}\r\nPONG\r\n")
        peer.waitForClose()
    }
    defer { liar.stop() }
    let nats = try NATSClient("localhost:\(liar.port)")
    var reasons: [String] = []
    nats.onDisconnect = { reasons.append($0) }
    nats.subscribe("a") { _ in }
    try await expectEventually { !reasons.isEmpty }
    expect(reasons[0].contains("the server spoke before the TLS handshake"), reasons[0])
    nats.close()
}

/// A server that stands still is given up.
private func natsSilence(_ words: [String]) async throws {
    let server = try NATSServer()
    var options = NATSOptions()
    options.pingInterval = 0.05
    let nats = try NATSClient(server.address, options: options)
    var reasons: [String] = []
    nats.onDisconnect = { reasons.append($0) }
    try await nats.flush()
    try await WorkerTimer.sleep(0.3)
    expect(reasons.isEmpty, "\(reasons)")
    server.signal(SIGSTOP)
    try await expectEventually { !reasons.isEmpty }
    expect(reasons[0].contains("did not answer"), reasons[0])
    server.signal(SIGCONT)
    try await expectEventually { nats.isConnected }
    nats.close()
}
