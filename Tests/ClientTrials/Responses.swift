import Apus
import ApusClient
import TestSupport
import TrialSupport

/// A server that sends each connection the same, in pieces of so many bytes, and closes.
func serve(_ bytes: [UInt8], inPiecesOf size: Int = .max) -> ScriptedServer {
    ScriptedServer { peer in
        guard peer.readRequest() else { return }
        for start in stride(from: 0, to: bytes.count, by: min(size, max(1, bytes.count))) {
            guard peer.send(Array(bytes[start..<min(start + min(size, bytes.count), bytes.count)])) else { return }
        }
    }
}

/// Every case, in one piece and in pieces; afterwards the same client is as good as new.
func responses(_ words: [String]) async throws {
    let client = HTTPClient()
    let good = ScriptedServer { peer in while peer.readRequest(), peer.send(ScriptedServer.hello) {} }
    for testCase in ResponseCase.all {
        for size in [Int.max, 1, 2, 7] where size == .max || testCase.bytes.count < 2000 {
            let server = serve(testCase.bytes, inPiecesOf: size)
            defer { server.stop() }
            let note = "\(testCase.name) in pieces of \(size)"
            do {
                let response = try await client.get(server.url)
                expect(response.status.code == testCase.expected?.0, "\(note): status \(response.status)")
                expect(response.text == testCase.expected?.1, "\(note): \(response.text)")
            } catch let error as HTTPClientError {
                expect(testCase.expected == nil, "\(note): \(error)")
            }
            expect(try await client.get(good.url).text, is: "Hello", note)
        }
    }
    expect(good.connections, is: 1)
    good.stop()
    client.close()
    expect(client.connectionCount, is: 0)
}

/// A response that is cut off behind each of its bytes, and one that stops there: an error each time, and no
/// connection stays behind.
func everyByte(_ words: [String]) async throws {
    let client = HTTPClient()
    let whole = Array(
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;x\r\nhello\r\n0\r\nX-Sum: y\r\n\r\n").utf8)
    for stalls in [false, true] {
        for count in 0..<whole.count {
            let server = ScriptedServer { peer in
                guard peer.readRequest(), peer.send(Array(whole[..<count])) else { return }
                if stalls { peer.waitForClose() }
            }
            defer { server.stop() }
            var request = HTTPClientRequest("GET", server.url)
            request.idleTimeout = stalls ? 0.02 : 60
            let error = await expectError("after \(count) bytes") { _ = try await client.send(request) }
            switch error as? HTTPClientError {
            case .timedOut(.progress, _): expect(stalls, "after \(count) bytes")
            case .connectionLost: expect(!stalls, "after \(count) bytes")
            default: expect(false, "after \(count) bytes: \(error.map { "\($0)" } ?? "")")
            }
            expect(client.connectionCount, is: 0)
        }
    }
}

/// What breaks a message never leaves.
func misuse(_ words: [String]) async throws {
    let seen = Shared("")
    let server = ScriptedServer { peer in
        while let head = peer.readHead() {
            seen.change { $0 = head }
            guard peer.send(ScriptedServer.hello) else { return }
        }
    }
    let client = HTTPClient()
    for url in [
        "", "http", "http:/x", "ftp://127.0.0.1/", "http://", "http://a b/", "http://[::1/", "http://h:99999/",
        "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/\u{0}", "http+unix://socket/",
    ] {
        let error = await expectError(url) { _ = try await client.get(url) }
        if case .invalidURL(let failure) = error as? HTTPClientError {
            expect(!failure.reason.isEmpty && "\(failure)".contains("address"))
        } else {
            expect(false, "\(url): \(error.map { "\($0)" } ?? "")")
        }
    }
    for request in [
        HTTPClientRequest("GE T", server.url), HTTPClientRequest("GET\r\nX: y", server.url),
        HTTPClientRequest("CONNECT", server.url),
        HTTPClientRequest("POST", server.url, headers: ["Content-Length": "3"], body: .text("ab")),
        HTTPClientRequest("POST", server.url, headers: ["Transfer-Encoding": "chunked"], body: .text("ab")),
    ] {
        let error = await expectError(request.method) { _ = try await client.send(request) }
        if case .invalidRequest = error as? HTTPClientError { continue }
        expect(false, "\(error.map { "\($0)" } ?? "")")
    }
    var headers: HTTPHeaders = [:]
    expect(!headers.add("X", "y\r\nZ: 1"))
    _ = try await client.get(server.url + "a b/ü?c=d e#f", query: ["q": "1&2=ü +"], headers: headers)
    expect(seen.value.hasPrefix("GET /a%20b/%C3%BC?c=d%20e&q=1%262%3D%C3%BC+%2B HTTP/1.1\r\n"), seen.value)
    _ = try await client.post(server.url, .bytes([1], contentType: "a\r\nZ: 1"))
    expect(!seen.value.contains("\nZ: 1"), seen.value)
    let lines = seen.value.split(separator: "\r\n")
    expect(lines.contains("Content-Length: 1") && lines.contains("Host: 127.0.0.1:\(server.port)"), seen.value)
    client.close()
    let error = await expectError { _ = try await client.get(server.url) }
    expect(error as? HTTPClientError == .closed)
    server.stop()
}
