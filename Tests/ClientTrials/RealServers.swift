import Apus
import ApusClient
import Glibc
import TestSupport
import TrialSupport

/// Descriptors of this process.
private func openDescriptors() -> Int { ProcessFacts(getpid())?.descriptorCount ?? -1 }

private func address(_ server: NginxServer, _ path: String) -> String {
    "http+unix://\(server.socket.replacing("/", with: "%2F"))\(path)"
}

private let locations = """
    gzip on; gzip_min_length 1; gzip_types *;
    location /hello { return 200 "hello"; }
    location /large { default_type text/plain; root /; try_files /usr/bin/redis-server =404; }
    location /taken { client_max_body_size 100m; return 201 "taken"; }
    location /moved { absolute_redirect off; return 302 /hello; }
    location /refuse { return 403 "no"; }
    """

/// nginx: keep-alive, compression, files, uploads, HEAD, over a Unix socket.
func realServer(_ words: [String]) async throws {
    let client = HTTPClient()
    var metrics: [HTTPClientMetrics] = []
    client.onRequestEnd = { metrics.append($0) }
    let server = try NginxServer(locations)
    expect(try await client.get(address(server, "/hello")).text, is: "hello")
    let compressed = try await client.get(address(server, "/large"))
    let plain = try await client.get(address(server, "/large"), headers: ["Accept-Encoding": "identity"])
    expect(compressed.body.count > 1_000_000 && compressed.body == plain.body)
    expect(compressed.headers["Content-Encoding"] == nil && plain.headers["Content-Length"] == "\(plain.body.count)")
    let raw = try await client.get(address(server, "/large"), headers: ["Accept-Encoding": "gzip"])
    expect(raw.headers["Content-Encoding"], is: "gzip")
    expect(raw.body.count < plain.body.count)
    let head = try await client.head(address(server, "/large"))
    expect(head.status == .ok && head.body.isEmpty && head.headers["Content-Type"] == "text/plain")
    // The same heads, but for their bodies.
    for _ in 0..<3 {
        expect(try await client.head(address(server, "/refuse")).body.isEmpty)
        expect(try await client.get(address(server, "/refuse")).text, is: "no")
    }
    expect(try await client.get(address(server, "/moved")).text, is: "hello")
    expect(try await client.get(address(server, "/refuse")).status, is: .forbidden)
    let part = try await client.get(
        address(server, "/large"), headers: ["Accept-Encoding": "identity", "Range": "bytes=1-3"])
    expect(part.status == .partialContent && part.body == Array(plain.body[1...3]))
    var small = HTTPClientRequest("GET", address(server, "/large"))
    small.maxBodyBytes = 100_000
    let tooLarge = await expectError { _ = try await client.send(small) }
    expect(tooLarge as? HTTPClientError, is: .bodyTooLarge(limit: 100_000))
    let posted = try await client.post(address(server, "/taken"), .bytes(plain.body))
    expect(posted.status == .created && posted.text == "taken")
    let requests = try server.stop()
    expect(
        requests.map(\.status),
        is: ["200", "200", "200", "200", "200"]
            + Array(repeating: "403", count: 6) + ["302", "200", "403", "206", "200", "201"])
    // Two connections: that of the response which was too large was closed.
    expect(Set(requests.map(\.connection)).count, is: 2)
    expect(metrics.count, is: 16)
    expect(metrics[0].status == 200 && !metrics[0].isReused && metrics[1].isReused && metrics[11].redirects == 1)
    expect(metrics.allSatisfy { $0.totalTime >= $0.waitingTime && $0.receivedBytes > 0 })
    expect(metrics[14].error == .bodyTooLarge(limit: 100_000))
    client.close()
}

/// Killed and started again while 40 tasks ask: what was answered was right, the others have errors that say so, and
/// all goes on.
func killedServer(_ words: [String]) async throws {
    let client = HTTPClient()
    var server: NginxServer? = try NginxServer(locations)
    let url = Shared(address(server!, "/hello"))
    expect(try await client.get(url.value).text, is: "hello")
    var answered = 0
    var failed = 0
    var isOver = false
    let tasks = (0..<40).map { _ in
        Task {
            while !isOver {
                do {
                    expect(try await client.get(url.value).text, is: "hello")
                    answered += 1
                } catch let error as HTTPClientError {
                    switch error {
                    case .connectFailed, .connectionLost: failed += 1
                    default: expect(false, "\(error)")
                    }
                    try await WorkerTimer.sleep(0.001)
                }
            }
        }
    }
    for _ in 0..<5 {
        let before = answered
        try await expectEventually { answered > before + 200 }
        try server!.kill()
        let failedBefore = failed
        try await expectEventually { failed > failedBefore + 20 }
        server = try NginxServer(locations)
        url.value = address(server!, "/hello")
    }
    let before = answered
    try await expectEventually { answered > before + 200 }
    isOver = true
    for task in tasks { try await task.value }
    expect(client.connectionCount <= 41, "\(client.connectionCount) connections")
    client.close()
    _ = try server!.stop()
}

/// 20,000 requests leave nothing behind.
func manyRequests(_ words: [String]) async throws {
    let client = HTTPClient()
    let server = try NginxServer(locations)
    let url = address(server, "/hello")
    func ask(_ count: Int) async {
        let results = await client.sendAll((0..<count).map { _ in HTTPClientRequest("GET", url) }, concurrency: 64)
        expect(results.allSatisfy { (try? $0.get())?.text == "hello" })
    }
    await ask(5000)
    let descriptors = openDescriptors()
    let memory = ProcessFacts(getpid())?.residentBytes ?? 0
    for _ in 0..<3 { await ask(5000) }
    expect(openDescriptors(), is: descriptors)
    let grown = (ProcessFacts(getpid())?.residentBytes ?? 0) - memory
    expect(grown < 4 << 20, "\(grown) bytes more")
    client.close()
    _ = try server.stop()
}

func compression(_ words: [String]) async throws {
    let client = HTTPClient()
    // "hello" ten times: zlib, bare, gzip in two members.
    let zlib: [UInt8] = try gzipped("hello", "zlib")
    let bare = try gzipped("hello", "raw")
    let gzip = try gzipped("hello", "gzip")
    for (name, coding, bytes, expected) in [
        ("zlib", "deflate", zlib, "hello"), ("bare deflate", "deflate", bare, "hello"), ("gzip", "GZIP", gzip, "hello"),
        ("two members", "gzip", gzip + gzip, "hellohello"), ("no bytes", "gzip", [], ""),
        ("cut off", "gzip", Array(gzip.dropLast(3)), nil), ("garbage", "gzip", Array("garbage".utf8), nil),
        ("garbage behind", "gzip", gzip + [1, 2, 3], nil), ("not known", "br", Array("x".utf8), "x"),
    ] as [(String, String, [UInt8], String?)] {
        for size in [1, 1000] {
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: \(coding)\r\nContent-Length: \(bytes.count)\r\n\r\n"
            let server = serve(Array(head.utf8) + bytes, inPiecesOf: size)
            defer { server.stop() }
            let text = try? await client.get(server.url).text
            expect(text == expected, "\(name): \(text ?? "an error")")
        }
    }
    // A few bytes that become a gigabyte: no more is made of them than is allowed.
    let bomb = try gzipped(String(repeating: "\u{0}", count: 64 << 20), "gzip")
    expect(bomb.count < 100_000)
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n"
    let server = serve(Array(head.utf8) + bomb)
    let error = await expectError { _ = try await client.get(server.url) }
    expect(error as? HTTPClientError, is: .bodyTooLarge(limit: 10 << 20))
    server.stop()
}

/// As Python's zlib compresses it.
func gzipped(_ text: String, _ format: String) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    try writeText(text, to: folder.file("plain"))
    let bits = ["zlib": "15", "raw": "-15", "gzip": "31"][format]!
    let script = """
        import sys, zlib
        c = zlib.compressobj(9, zlib.DEFLATED, \(bits))
        data = open(sys.argv[1], 'rb').read()
        open(sys.argv[2], 'wb').write(c.compress(data) + c.flush())
        """
    let python = try ServerProcess(
        "/usr/bin/python3", ["-c", script, folder.file("plain"), folder.file("out")], in: folder)
    guard try python.waitForExit() == .code(0) else { throw Failure(python.errorText) }
    return folder.bytes("out")
}
