import Apus
import ApusClient
import Glibc
import TestSupport
import TrialSupport

private struct User: Codable, Equatable {
    var name: String
    var age: Int
}

/// What is sent is what arrives, framed as RFC 9112 wants it.
func bodies(_ words: [String]) async throws {
    let client = HTTPClient()
    let server = answering { head, body in response(200, head + String(decoding: body, as: UTF8.self)) }
    let form = try await client.post(server.url, .form(["a b": "c&d=é", "e": "*-._~"])).text
    expect(form.hasSuffix("\r\n\r\na+b=c%26d%3D%C3%A9&e=*-._%7E"), form)
    expect(form.contains("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 28\r\n"), form)
    expect(try await client.post(server.url).text.contains("Content-Length: 0\r\n"))
    expect(try await !client.get(server.url).text.contains("Content-Length"))
    let user = User(name: "Ann", age: 7)
    let json = try await client.post(server.url, .json(user), headers: ["Content-Type": "text/x"]).text
    expect(json.contains("Content-Type: text/x\r\n") && !json.contains("application/json"), json)
    let echoed = answering { _, body in response(200, String(decoding: body, as: UTF8.self)) }
    expect(try await client.put(echoed.url, .json(user)).decode(User.self), is: user)
    let undecodable = await expectError { _ = try await client.put(echoed.url, .text("{")).decode(User.self) }
    expect(undecodable is DecodingError)
    // Files and fields.
    let folder = try TemporaryFolder()
    let large = String(repeating: "0123456789abcdef", count: 40_000)
    try writeText(large, to: folder.file("large.txt"))
    let multipart = HTTPClientBody.multipart([
        .field("a\"b\r\n", "1"), .file("f", bytes: [0x78], fileName: "x.bin"),
        .file("g", path: folder.file("large.txt")),
    ])
    for _ in 0..<2 {
        let text = try await client.post(server.url, multipart).text
        let boundary = text.split(separator: "boundary=")[1].prefix { $0 != "\r" && $0 != "\r\n" }
        let expected =
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"a%22b%0D%0A\"\r\n\r\n1\r\n"
            + "--\(boundary)\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n"
            + "Content-Type: application/octet-stream\r\n\r\nx\r\n"
            + "--\(boundary)\r\nContent-Disposition: form-data; name=\"g\"; filename=\"large.txt\"\r\n"
            + "Content-Type: application/octet-stream\r\n\r\n\(large)\r\n--\(boundary)--\r\n"
        expect(text.hasSuffix("\r\n\r\n" + expected), "\(text.prefix(500))")
    }
    expect(server.connections, is: 1)
    expect(try await client.put(server.url, .file(folder.file("large.txt"))).text.hasSuffix("\r\n\r\n" + large))
    let missing = await expectError { _ = try await client.put(server.url, .file(folder.file("none"))) }
    expect("\(missing!)".contains("cannot be read"), "\(missing!)")
    // The connection that was taken for it is as good as before.
    expect(try await client.get(server.url).status, is: .ok)
    expect(server.connections, is: 1)
    for (sent, announced) in [(2, 3), (3, 2)] {
        let stream = AsyncStream<[UInt8]> { stream in
            stream.yield([UInt8](repeating: 0x61, count: sent))
            stream.finish()
        }
        let wrong = await expectError { _ = try await client.post(server.url, .stream(stream, length: announced)) }
        if case .bodyFailed = wrong as? HTTPClientError {} else { expect(false, "\(wrong!)") }
    }
    let silent = ScriptedServer { peer in peer.waitForClose() }
    struct Broken: Error {}
    let failing = AsyncThrowingStream<[UInt8], any Error> {
        $0.yield([0x61])
        $0.finish(throwing: Broken())
    }
    let failed = await expectError { _ = try await client.post(silent.url, .stream(failing)) }
    if case .bodyFailed = failed as? HTTPClientError {} else { expect(false, "\(failed!)") }
    for server in [server, echoed, silent] { server.stop() }
    try await early(client)
}

/// The server answers before it has the body, and the rest of that is not sent.
private func early(_ client: HTTPClient) async throws {
    let server = ScriptedServer { peer in
        peer.readRequest()
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        peer.waitForClose()
    }
    let endless = AsyncStream<[UInt8]>(unfolding: { [UInt8](repeating: 0x61, count: 100_000) })
    let response = try await client.post(server.url, .stream(endless))
    expect(response.status, is: .contentTooLarge)
    expect(response.text, is: "big")
    try await expectEventually("its connection is closed") { client.connectionCount == 0 }
    server.stop()
}

/// Bodies that are read, and written, piece by piece, by somebody who takes his time.
func streaming(_ words: [String]) async throws {
    let client = HTTPClient()
    let sent = Shared(0)
    let megabyte = [UInt8](repeating: 0x61, count: 1 << 20)
    let server = ScriptedServer { peer in
        guard peer.readRequest() else { return }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(50 << 20)\r\n\r\n")
        for _ in 0..<50 {
            guard peer.send(megabyte) else { return }
            sent.change { $0 += 1 }
        }
    }
    let whole = try await client.stream(HTTPClientRequest("GET", server.url))
    expect(whole.headers["Content-Length"], is: "\(50 << 20)")
    // What fills the kernel's buffers and the client's: the rest waits at the server.
    var last = -1
    while last != sent.value {
        last = sent.value
        try await WorkerTimer.sleep(0.05)
    }
    expect(sent.value < 30, "\(sent.value) MiB were taken unread")
    var count = 0
    for try await piece in whole.body { count += piece.count }
    expect(count, is: 50 << 20)
    // Collected, with an end.
    let collected = ScriptedServer { peer in
        while peer.readRequest(), peer.send(response(200, String(repeating: "x", count: 1000))) {}
    }
    expect(try await client.stream(HTTPClientRequest("GET", collected.url)).body.collect(upTo: 1000).count, is: 1000)
    let tooLarge = await expectError {
        _ = try await client.stream(HTTPClientRequest("GET", collected.url)).body.collect(upTo: 999)
    }
    expect(tooLarge as? HTTPClientError, is: .bodyTooLarge(limit: 999))
    collected.stop()
    // Nobody holds it any more.
    let task = Task {
        let response = try await client.stream(HTTPClientRequest("GET", server.url))
        for try await _ in response.body { break }
    }
    try await task.value
    try await expectEventually("the connection is closed") { client.connectionCount == 0 }
    let dropped = Task { _ = try await client.stream(HTTPClientRequest("GET", server.url)) }
    try await dropped.value
    try await expectEventually("the connection is closed") { client.connectionCount == 0 }
    // It ends in the middle.
    let cut = ScriptedServer { peer in
        peer.readRequest()
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    }
    let partial = try await client.stream(HTTPClientRequest("GET", cut.url))
    var got: [UInt8] = []
    let error = await expectError { for try await piece in partial.body { got += piece } }
    expect(String(decoding: got, as: UTF8.self), is: "abc")
    if case .connectionLost = error as? HTTPClientError {} else { expect(false, "\(error!)") }
    for server in [server, cut] { server.stop() }
    try await slowServer(client)
    try await unreadBodies()
}

/// A little that becomes much when it is uncompressed, for somebody who does not read it for now.
private func unreadBodies() async throws {
    let bodies = ["large": 50 << 20, "one": 1 << 20, "cut": 1 << 20].mapValues { String(repeating: "x", count: $0) }
    var compressed = try bodies.mapValues { try gzipped($0, "gzip") }
    compressed["cut"]!.removeLast(3)
    let answers = compressed
    let server = ScriptedServer { peer in
        while let head = peer.readHead() {
            let body = answers[String(head.dropFirst(5).prefix { $0 != " " })]
            let coding = body == nil ? "" : "Content-Encoding: gzip\r\n"
            let bytes = body ?? Array("small".utf8)
            peer.send(Array("HTTP/1.1 200 OK\r\n\(coding)Content-Length: \(bytes.count)\r\n\r\n".utf8) + bytes)
        }
    }
    // It comes whole, and its connection is the next request's: that is answered, whoever reads the first.
    var options = HTTPClientOptions()
    options.maxConnectionsPerServer = 1
    let single = HTTPClient(options)
    for (path, isWhole) in [("one", true), ("cut", false)] {
        let unread = try await single.stream(HTTPClientRequest("GET", server.url + path))
        expect(try await single.get(server.url).text, is: "small")
        var (count, error): (Int, (any Error)?) = (0, nil)
        do {
            for try await piece in unread.body { count += piece.count }
        } catch let thrown {
            error = thrown
        }
        expect(count, is: 1 << 20)
        expect(error as? HTTPClientError, is: isWhole ? nil : .invalidEncoding("gzip or deflate: it ends too early"))
    }
    expect(server.connections, is: 1)
    // Of a large one only what is asked for is made.
    let client = HTTPClient()
    let before = ProcessFacts(getpid())?.residentBytes ?? 0
    let large = try await client.stream(HTTPClientRequest("GET", server.url + "large"))
    var least = Int.max
    for _ in 0..<5 {
        expect(try await client.get(server.url).text, is: "small")
        least = min(least, (ProcessFacts(getpid())?.residentBytes ?? .max) - before)
    }
    expect(least < 8 << 20, "\(least) bytes more")
    var count = 0
    for try await piece in large.body {
        count += piece.count
        expect(piece.allSatisfy { $0 == 0x78 })
    }
    expect(count, is: 50 << 20)
    server.stop()
}

/// The other way: a server that does not read is not sent more than fits.
private func slowServer(_ client: HTTPClient) async throws {
    let taken = Shared(0)
    let reading = Shared(false)
    let slow = ScriptedServer { peer in
        peer.readRequest()
        while !reading.value { usleep(2000) }
        // Each piece in a chunk of its own, and the last one, which is empty.
        let body = peer.read(400 * (65536 + "10000\r\n\r\n".utf8.count) + "0\r\n\r\n".utf8.count)
        peer.send(response(200, "\(body?.count { $0 == 0x62 } ?? 0)"))
    }
    let pieces = AsyncStream<[UInt8]>(unfolding: {
        guard taken.value < 400 else { return nil }
        taken.change { $0 += 1 }
        return [UInt8](repeating: 0x62, count: 65536)
    })
    let upload = Task { try await client.post(slow.url, .stream(pieces)).text }
    var last = -1
    while last != taken.value {
        last = taken.value
        try await WorkerTimer.sleep(0.05)
    }
    expect(last > 0 && last < 300, "\(last) pieces were asked for")
    reading.value = true
    expect(try await upload.value, is: "\(400 * 65536)")
    slow.stop()
}
