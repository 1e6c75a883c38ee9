import ApusLoad
import Foundation
import Synchronization
import TestSupport
import Testing

/// What becomes of requests that are not all the same when their connection ends, and of their latencies.
@Suite(.serialized) struct `Visits that go on over another connection` {
    @Test func `sends again what was not answered, and nothing else`() throws {
        let answered = Mutex<[String]>([])
        let server = ScriptedServer { peer in
            guard let head = peer.readHead() else { return }
            answered.withLock { $0.append(String(head.split(separator: " ")[1])) }
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            shutdown(peer.fd, Int32(SHUT_WR))
            peer.waitForClose()
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url + "{{seq}}")
        options.connections = 1
        options.pipelineDepth = 4
        options.requests = 20
        let report = try LoadRun.run(options)
        #expect(report.isSuccess, "\(report.text)")
        #expect(answered.withLock { $0 } == (1...20).map { "/\($0)" })
    }

    @Test func `a rate does not wait for what was not expected`() throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.connections = 2
        options.requests = 50
        options.rate = 1000
        options.expectation.statuses = [404...404]
        options.timeout = .seconds(1)
        let report = try LoadRun.run(options)
        #expect(report.errors(.unexpected) == 50)
        #expect(!report.gaveUp)
    }

    /// The first response is late on purpose: the latency has to be that long at least.
    @Test func `a latency goes from the first request to where the redirect led`() throws {
        let server = ScriptedServer { peer in
            guard let head = peer.readHead() else { return }
            guard head.hasPrefix("GET /start ") else {
                peer.send(ScriptedServer.hello)
                return
            }
            Thread.sleep(forTimeInterval: 0.1)
            peer.send("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url + "start")
        options.connections = 1
        options.requests = 3
        options.keepsAlive = false
        options.followsRedirects = true
        let report = try LoadRun.run(options)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.latency.min >= 100_000)
    }

    @Test func `processes begin with different addresses`() throws {
        let sources = Mutex<Set<String>>([])
        let server = ScriptedServer { peer in
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getpeername(peer.fd, $0, &length) }
            }
            sources.withLock { _ = $0.insert(String(cString: inet_ntoa(address.sin_addr))) }
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        let result = try apusLoad(
            "-t", "2", "-c", "2", "-n", "10", "--source", "127.0.9.1-127.0.9.2", server.url)
        #expect(result.status == 0, "\(result.errors)")
        #expect(sources.withLock { $0 } == ["127.0.9.1", "127.0.9.2"])
    }
}
