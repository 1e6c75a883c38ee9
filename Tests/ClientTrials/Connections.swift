import Apus
import ApusClient
import Glibc
import TestSupport
import TrialSupport

private func hello() -> ScriptedServer {
    ScriptedServer { peer in while peer.readRequest(), peer.send(ScriptedServer.hello) {} }
}

/// Requests share connections, no more than allowed; those that must wait do so in order.
func pooling(_ words: [String]) async throws {
    var options = HTTPClientOptions()
    options.maxConnectionsPerServer = 3
    options.maxWaiting = 20
    options.keepAliveTimeout = 0.2
    let client = HTTPClient(options)
    let server = hello()
    for _ in 0..<10 { expect(try await client.get(server.url).status, is: .ok) }
    expect(server.connections, is: 1)
    // The server answers when it is told to.
    let gate = Shared(0)
    let order = Shared<[String]>([])
    let held = ScriptedServer { peer in
        while let head = peer.readHead() {
            order.change { $0.append(String(head.split(separator: " ")[1])) }
            while !gate.takeOne() { usleep(500) }
            guard peer.send(ScriptedServer.hello) else { return }
        }
    }
    var finished: [Int] = []
    for index in 0..<23 {
        client.get(held.url + "\(index)") { result in
            expect((try? result.get())?.text, is: "Hello")
            finished.append(index)
        }
    }
    var refused: HTTPClientError?
    client.get(held.url) { if case .failure(let error) = $0 { refused = error } }
    expect(refused == nil, "never from within")
    try await expectEventually("too many wait") { refused == .tooManyWaiting(20) }
    try await expectEventually("three at a time") { order.value.count == 3 }
    expect(client.connectionCount, is: 4)
    for count in 1...23 {
        gate.change { $0 += 1 }
        try await expectEventually("one after the other") {
            finished.count == count && order.value.count == min(23, count + 3)
        }
    }
    expect(held.connections, is: 3)
    // The first ones connect at the same time; whoever waits behind them is served in order.
    expect(Array(order.value.dropFirst(3)), is: (3..<23).map { "/\($0)" })
    try await expectEventually("unused connections are closed") { client.connectionCount == 0 }
    for server in [server, held] { server.stop() }
    try await leaving(client)
}

/// Servers that end connections, or send what nobody asked for, and those that are not there.
private func leaving(_ client: HTTPClient) async throws {
    // One that has closed its end takes no more, and the next one is made.
    let closing = ScriptedServer { peer in
        if peer.readRequest() { peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nHello") }
    }
    for _ in 0..<5 { expect(try await client.get(closing.url).text, is: "Hello") }
    expect(closing.connections, is: 5)
    // More bytes than belong to the response: they are nobody's.
    let chatty = ScriptedServer { peer in
        while peer.readRequest(), peer.send(ScriptedServer.hello + ScriptedServer.hello) {}
    }
    for _ in 0..<5 { expect(try await client.get(chatty.url).text, is: "Hello") }
    expect(chatty.connections, is: 5)
    for server in [closing, chatty] { server.stop() }
    let results = await client.sendAll(
        (0..<50).map {
            HTTPClientRequest("GET", $0 == 7 ? "nowhere" : "http://127.0.0.1:\(ScriptedServer.closedPort())/")
        },
        concurrency: 5)
    expect(results.count, is: 50)
    for (index, result) in results.enumerated() {
        guard case .failure(let error) = result else { return expect(false) }
        switch error {
        case .invalidURL: expect(index, is: 7)
        case .connectFailed(let reason): expect(reason.contains("Connection refused"), reason)
        default: expect(false, "\(error)")
        }
    }
}

nonisolated extension Shared where Value == Int {
    /// Takes one away; false when there is none.
    func takeOne() -> Bool {
        var isTaken = false
        change {
            isTaken = $0 > 0
            if isTaken { $0 -= 1 }
        }
        return isTaken
    }
}

/// A connection that waited and was closed meanwhile costs nobody his request, unless that may not be repeated.
/// A server that says how long it waits is not asked at the last moment.
private func patience() async throws {
    let server = ScriptedServer { peer in
        while let head = peer.readHead() {
            let words =
                head.contains("/brief") ? "timeout=0" : head.contains("/none") ? "timeout=x" : "max=5, Timeout = 60"
            peer.send("HTTP/1.1 200 OK\r\nKeep-Alive: \(words)\r\n")
            peer.send("Content-Length: 0\r\n\r\n")
        }
    }
    let client = HTTPClient()
    for (path, connections) in [("", 1), ("none", 1), ("brief", 1), ("", 2), ("", 2), ("brief", 2), ("", 3)] {
        _ = try await client.get(server.url + path)
        expect(server.connections, is: connections, path)
    }
    client.close()
    server.stop()
}

/// A connection that was made for a request which was given up meanwhile waits for the next one.
private func spare() async throws {
    let server = ScriptedServer { peer in while peer.readRequest(), peer.send(ScriptedServer.hello) {} }
    let client = HTTPClient()
    let abandoned = client.send(HTTPClientRequest("GET", server.url)) { _ in }
    abandoned.cancel()
    try await expectEventually { server.connections == 1 }
    // By then the first one is through its handshake, too.
    let other = HTTPClient()
    expect(try await other.get(server.url).text, is: "Hello")
    expect(server.connections, is: 2)
    expect(try await client.get(server.url).text, is: "Hello")
    expect(server.connections, is: 2)
    for client in [client, other] { client.close() }
    server.stop()
}

func staleConnections(_ words: [String]) async throws {
    try await patience()
    try await spare()
    let client = HTTPClient()
    let requests = Shared<[String]>([])
    // Each connection answers once, and is closed when the next request comes.
    let server = ScriptedServer { peer in
        guard let head = peer.readHead() else { return }
        requests.change { $0.append(String(head.prefix { $0 != " " })) }
        peer.send(ScriptedServer.hello)
        guard let next = peer.readHead() else { return }
        requests.change { $0.append("late " + next.prefix { $0 != " " }) }
    }
    expect(try await client.get(server.url).text, is: "Hello")
    expect(try await client.get(server.url).text, is: "Hello")
    expect(requests.value, is: ["GET", "late GET", "GET"])
    expect(try await client.put(server.url, .text("x")).text, is: "Hello")
    let error = await expectError { _ = try await client.post(server.url, .text("x")) }
    if case .connectionLost(_, mayHaveBeenProcessed: true) = error as? HTTPClientError {} else { expect(false) }
    // Behind the body of the request before.
    expect(requests.value.last, is: "late xPOST")
    expect(try await client.post(server.url, .text("x")).text, is: "Hello")
    server.stop()
    // A new connection that ends at once is the server's answer.
    let rude = ScriptedServer { peer in peer.readRequest() }
    await expectError { _ = try await client.get(rude.url) }
    expect(rude.connections, is: 1)
    rude.stop()
    // Over and over: once more, not for ever.
    let first = Shared(true)
    let worse = ScriptedServer { peer in
        guard peer.readRequest() else { return }
        if first.value {
            first.value = false
            peer.send(ScriptedServer.hello)
            peer.readRequest()
        }
    }
    expect(try await client.get(worse.url).text, is: "Hello")
    await expectError { _ = try await client.get(worse.url) }
    expect(worse.connections, is: 2)
    worse.stop()
}

/// A connection that is used again keeps the time of the request that it carries, not of those before.
private func timeoutsOfOneConnection() async throws {
    let client = HTTPClient()
    let hello = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8)
    let mayAnswer = Shared(false)
    let server = ScriptedServer { peer in
        guard peer.readRequest(), peer.send(hello), peer.readRequest() else { return }
        guard eventually({ mayAnswer.value }), peer.send(hello) else { return }
        peer.waitForClose()
    }
    var request = HTTPClientRequest("GET", server.url)
    request.timeout = 0.2
    // Where that is too short for the machine, it is tried again.
    while (try? await client.send(request)) == nil {}
    // What was set for the first one fires meanwhile: it was due before this timer, which begins now.
    WorkerTimer.after(0.2) { _ in mayAnswer.value = true }
    request.timeout = 60
    expect(try await client.send(request).text, is: "hello")
    request.timeout = 0.03
    let late = await expectError { _ = try await client.send(request) }
    expect(late as? HTTPClientError, is: .timedOut(.response, seconds: 0.03))
    server.stop()
}

/// Each wait has its end, and says which it was.
func timeouts(_ words: [String]) async throws {
    var options = HTTPClientOptions()
    options.maxConnectionsPerServer = 1
    options.connectTimeout = 0.1
    let client = HTTPClient(options)
    let silent = ScriptedServer { peer in
        peer.readRequest()
        peer.waitForClose()
    }
    var request = HTTPClientRequest("GET", silent.url)
    request.idleTimeout = 0.05
    let idle = await expectError { _ = try await client.send(request) }
    expect(idle as? HTTPClientError, is: .timedOut(.progress, seconds: 0.05))
    request.idleTimeout = 60
    request.timeout = 0.05
    let late = await expectError { _ = try await client.send(request) }
    expect(late as? HTTPClientError, is: .timedOut(.response, seconds: 0.05))
    // The second one waits for the connection of the first.
    request.timeout = nil
    let first = client.send(request) { _ in }
    request.timeout = 0.05
    let waiting = await expectError { _ = try await client.send(request) }
    expect(waiting as? HTTPClientError, is: .timedOut(.freeConnection, seconds: 0.05))
    first.cancel()
    try await expectEventually("its connection is closed") { client.connectionCount == 0 }
    // As long as something comes it is not idle; the whole has a limit of its own.
    let dribbling = ScriptedServer { peer in
        guard peer.readRequest() else { return }
        for byte in Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8) {
            usleep(2000)
            guard peer.send([byte]) else { return }
        }
        peer.waitForClose()
    }
    request = HTTPClientRequest("GET", dribbling.url)
    request.idleTimeout = 20
    expect(try await client.send(request).text, is: "hello")
    request.timeout = 0.02
    let cut = await expectError { _ = try await client.send(request) }
    expect(cut as? HTTPClientError, is: .timedOut(.response, seconds: 0.02))
    for server in [silent, dribbling] { server.stop() }
    try await timeoutsOfOneConnection()
    // A listener whose queue is full answers no connect.
    let folder = try TemporaryFolder()
    let full = try Acceptor("ipv4", in: folder, backlog: 0)
    let filler = try Client(full.endpoint)
    let unanswered = await expectError { _ = try await client.get("http://\(full.endpoint)/") }
    expect("\(unanswered!)".contains("timed out"), "\(unanswered!)")
    withExtendedLifetime(filler) {}
    // A task that is cancelled: the server sees the connection close.
    let closed = Shared(false)
    let asked = Shared(false)
    let left = ScriptedServer { peer in
        peer.readRequest()
        asked.value = true
        closed.value = peer.waitForClose()
    }
    let task = Task { try await client.get(left.url) }
    try await expectEventually { asked.value }
    task.cancel()
    let cancelled = await expectError { _ = try await task.value }
    expect(cancelled is CancellationError, "\(cancelled!)")
    try await expectEventually { closed.value }
    left.stop()
}
