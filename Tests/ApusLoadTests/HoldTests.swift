import Foundation
import Synchronization
import TestSupport
import Testing

@testable import ApusLoad

@Suite(.serialized) struct `Connections that are held` {
    @Test(arguments: ["http", "https", "websocket", "text"])
    func `are opened slowly, kept, and used once`(_ option: String) throws {
        try withExampleServer(option) { server in
            let result = try apusLoad(
                "--hold", "-d", "300ms", "--ramp", "500ms", "-c", "200", "-t", "2", "--source", "127.0.9.1-127.0.9.4",
                "--insecure", "--json", server.url)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 200)
            #expect(report["connections_opened"] as? Int == 200)
            #expect(report["held_seconds"] as? Double == 0.3)
            // The last of a hundred is begun a hundredth before the time is over.
            #expect(report["opening_seconds"] as? Double ?? 0 >= 0.49)
            #expect(report["duration_seconds"] as? Double ?? 0 >= 0.3)
            #expect(report["client_memory_bytes"] as? Int ?? 0 > 1 << 20)
            let handshakes = option == "websocket" ? 200 : 0
            #expect(try server.requestCount() == 200 + handshakes)
        }
    }

    @Test func `come from the addresses in turns`() throws {
        let sources = Mutex<[String: Int]>([:])
        let server = ScriptedServer { peer in
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getpeername(peer.fd, $0, &length) }
            }
            let text = String(cString: inet_ntoa(address.sin_addr))
            sources.withLock { $0[text, default: 0] += 1 }
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.sources = "127.0.9.1,127.0.9.8/31"
        options.connections = 9
        options.requests = 90
        let report = try LoadRun.run(options)
        #expect(report.isSuccess, "\(report.text)")
        #expect(sources.withLock { $0 } == ["127.0.9.1": 3, "127.0.9.8": 3, "127.0.9.9": 3])
    }

    @Test func `and are closed meanwhile are errors`() throws {
        let server = ScriptedServer { peer in
            if peer.index < 3 { return }
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.holds = true
        options.duration = .milliseconds(500)
        options.connections = 10
        let report = try LoadRun.run(options)
        #expect(report.errors(.closedEarly) == 3)
        #expect(report.requests == 10)
        #expect(!report.isSuccess)
    }

    @Test func `are refused when the system does not allow as many`() throws {
        let tool = Products.tool
        let command = "ulimit -n 100; exec '\(tool)' load -c 200 http://127.0.0.1:1/"
        let result = try RunningProgram("/bin/sh", ["-c", command]).finish()
        #expect(result.status == 64)
        #expect(result.errors.contains("--threads"), "\(result.errors)")
        try withExampleServer { server in
            let command = "ulimit -n 140; exec '\(tool)' load -c 200 -n 200 -t 2 \(server.url)"
            let result = try RunningProgram("/bin/sh", ["-c", command]).finish()
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    @Test(arguments: [
        "", "x", "127.0.0.1-", "127.0.0.2-127.0.0.1", "127.0.0.1/24", "127.0.0.0/8", "::1-127.0.0.1", "::/0",
    ])
    func `come from no address that is none`(_ text: String) {
        #expect(throws: LoadOptionsError.self) { try SourceAddresses.parse(text) }
    }

    @Test func `do not come from addresses of another family`() throws {
        var options = LoadOptions(url: "http://127.0.0.1:1/")
        options.sources = "::1"
        #expect(throws: LoadOptionsError.self) { try options.validate() }
        #expect(try SourceAddresses.parse("fd00::1-fd00::3").count == 3)
    }
}
