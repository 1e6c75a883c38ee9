import Foundation
import Testing

@Suite(.serialized) struct `Command line of apus load` {
    @Test func `reports as text, and into a file`() throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        let file = FileManager.default.temporaryDirectory.appending(component: "apus-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        for count in [200, 20] {
            let result = try apusLoad("-n", "\(count)", "-c", "2", "--json", file.path, server.url)
            #expect(result.status == 0)
            #expect(result.errors.isEmpty, "no progress where there is no terminal")
            #expect(result.output.contains("Requests     \(count)   "))
            // The second report is shorter, and nothing of the first is left.
            #expect(try jsonObject(String(contentsOf: file, encoding: .utf8))["requests"] as? Int == count)
        }
    }

    @Test(arguments: [
        [], ["--cacert", "/nonexistent", "https://127.0.0.1/"], ["http://example.com/"],
        ["-d", "soon", "http://127.0.0.1/"],
        ["-n", "0", "http://127.0.0.1/"], ["-t", "3", "-c", "2", "http://127.0.0.1/"], ["--what", "http://127.0.0.1/"],
        ["-H", "no colon", "http://127.0.0.1/"], ["--body", "@/nonexistent", "http://127.0.0.1/"],
    ])
    func `ends with 64 when it is wrong`(_ arguments: [String]) throws {
        let result = try apusLoad(arguments)
        #expect(result.status == 64)
        #expect(!result.errors.isEmpty)
        #expect(result.output.isEmpty)
    }

    /// As they are typed for wrk and for ab.
    @Test func `takes what people are used to`() throws {
        let file = FileManager.default.temporaryDirectory.appending(component: "apus-\(UUID().uuidString)")
        try Data("posted".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let server = ScriptedServer { peer in
            while let head = peer.readHead() {
                let isPost = head.contains("POST / ") && head.contains("Content-Type: a/b\r\n")
                guard !isPost || peer.read(6) == Array("posted".utf8) else { return }
                peer.send(ScriptedServer.hello.replacingOccurrences(of: "200", with: isPost ? "201" : "200"))
            }
        }
        defer { server.stop() }
        let wrk = try apusLoad("-t1", "-c4", "-d200ms", "--latency", "-H", "A: b", server.url)
        #expect(wrk.status == 0, "\(wrk.errors)")
        let ab = try apusLoad("-k", "-n", "20", "-c", "2", "-p", file.path, "-T", "a/b", server.url)
        #expect(ab.status == 0, "\(ab.errors)")
        #expect(ab.output.contains("POST http://"))
        #expect(ab.output.contains("Status       2xx 20"))
        let script = try apusLoad("-s", "post.lua", server.url)
        #expect(script.status == 64)
        #expect(script.errors.contains("--body"))
    }

    @Test(arguments: ["1", "2"])
    func `ends with 1 and one line when nobody listens`(_ processes: String) throws {
        let result = try apusLoad("-t", processes, "http://127.0.0.1:\(ScriptedServer.closedPort())/")
        #expect(result.status == 1)
        #expect(result.output.isEmpty)
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(result.errors.contains("Connection refused"))
    }

    @Test func `ends with 1 when requests failed`() throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("garbage")
        }
        defer { server.stop() }
        let result = try apusLoad("-n", "3", "-c", "1", "--json", server.url)
        #expect(result.status == 1)
        #expect((try jsonObject(result.output)["errors"] as? [String: Int])?["malformed"] == 3)
    }

    @Test(arguments: ["1", "2"])
    func `reports what was done until Ctrl-C`(_ processes: String) throws {
        let semaphore = DispatchSemaphore(value: 0)
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                peer.send(ScriptedServer.hello)
                semaphore.signal()
            }
        }
        defer { server.stop() }
        let program = try RunningProgram(
            Products.tool, ["load", "-d", "60s", "-c", "2", "-t", processes, "--json", server.url])
        for _ in 0..<20 { semaphore.wait() }
        program.signal(SIGINT)
        let result = program.finish()
        #expect(result.status == 0)
        let report = try jsonObject(result.output)
        #expect(report["interrupted"] as? Bool == true)
        #expect(try #require(report["requests"] as? Int) >= 18)
    }

    @Test func `sends what its options say`() throws {
        let semaphore = DispatchSemaphore(value: 0)
        let received = Received()
        let server = ScriptedServer { peer in
            received.set(peer.readAll(until: "the body"))
            peer.send(ScriptedServer.hello)
            semaphore.signal()
        }
        defer { server.stop() }
        let result = try apusLoad(
            "-n", "1", "-m", "PUT", "-H", "X-One: 1", "-H", "X-Two: 2", "--body", "the body", "--no-keepalive",
            server.url + "path?query")
        semaphore.wait()
        #expect(result.status == 0)
        let text = received.text
        #expect(text.hasPrefix("PUT /path?query HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"))
        for line in ["X-One: 1", "X-Two: 2", "Connection: close", "Content-Length: 8"] {
            #expect(text.contains("\r\n\(line)\r\n"), "\(line)")
        }
        #expect(text.hasSuffix("\r\n\r\nthe body"))
    }

    @Test func `explains itself`() throws {
        let help = try apusLoad("--help")
        #expect(help.status == 0)
        for option in ["--connections", "--pipeline", "--no-keepalive", "--json", "latency_us", "closed_early"] {
            #expect(help.output.contains(option), "\(option)")
        }
        let version = try RunningProgram(Products.tool, ["--version"]).finish()
        #expect(version.status == 0)
        #expect(version.output.split(separator: ".").count == 3)
    }
}
