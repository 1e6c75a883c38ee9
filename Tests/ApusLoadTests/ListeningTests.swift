import ApusLoad
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct `Broadcasts and pushes` {
    @Test func `each broadcast comes to each connection`() throws {
        try withExampleServer("websocket", example: "Broadcast") { server in
            let result = try apusLoad("--broadcast", "-R", "500", "-n", "200", "-c", "30", "--json", server.url)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 200)
            #expect(report["deliveries"] as? Int == 6000)
            #expect(report["unfinished"] as? Int == 0)
            #expect(report["exchange"] as? String == "broadcasts")
            // The opening handshakes are requests, too.
            #expect(try server.requestCount() == 230)
        }
    }

    /// Hands on each line to all who are connected, and closes the second one, who has heard two.
    @Test func `what does not come to a connection is counted`() throws {
        let peers = Mutex<[ScriptedServer.Peer]>([])
        let server = ScriptedServer { peer in
            peers.withLock { $0.append(peer) }
            var heard = 0
            while let first = peer.read(1) {
                let line = first + Array(peer.readAll(until: "\n").utf8)
                let isOver = peers.withLock { peers in
                    for peer in peers { peer.send(line) }
                    heard += 1
                    return peer.index == 1 && heard == 2
                }
                if isOver { break }
            }
            peers.withLock { $0.removeAll { $0.fd == peer.fd } }
        }
        defer { server.stop() }
        var options = LoadOptions(url: "text://127.0.0.1:\(server.port)")
        options.exchange = .broadcasts
        options.connections = 3
        options.requests = 60
        options.rate = 1000
        options.timeout = .milliseconds(500)
        let report = try LoadRun.run(options)
        #expect(report.errorCount > 0)
        #expect(!report.isSuccess)
        #expect(report.deliveries + report.errorCount + report.unfinished <= 180 + 2)
        #expect(report.requests < 60 || report.deliveries < 180)
    }

    @Test func `counts what a server sends by itself, after the body`() throws {
        let subscriptions = Received()
        let server = ScriptedServer { peer in
            subscriptions.append(peer.readAll(until: "\n"))
            while peer.send("tick\ntack\n") { usleep(1000) }
        }
        defer { server.stop() }
        let result = try apusLoad(
            "--receive", "-c", "3", "-n", "500", "--body", "all", "--json", "text://127.0.0.1:\(server.port)")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        let report = try jsonObject(result.output)
        #expect(report["requests"] as? Int ?? 0 >= 500)
        #expect(subscriptions.text == "all\nall\nall\n")
        #expect(((report["latency_us"] as? [String: Double])?["max"] ?? 0) > 0)
    }

    @Test func `counts no push beyond those that were asked for`() throws {
        let server = ScriptedServer { peer in
            peer.send(String(repeating: "tick\n", count: 1000))
            peer.waitForClose()
        }
        defer { server.stop() }
        let result = try apusLoad("--receive", "-c", "1", "-n", "500", "--json", "text://127.0.0.1:\(server.port)")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try jsonObject(result.output)["requests"] as? Int == 500)
    }

    @Test func `waits for a push without a time-out, and tells of those who close`() throws {
        let server = ScriptedServer { peer in
            peer.send("one\n")
            if peer.index == 0 { return }
            peer.waitForClose()
        }
        defer { server.stop() }
        var options = LoadOptions(url: "text://127.0.0.1:\(server.port)")
        options.exchange = .pushes
        options.connections = 2
        options.duration = .seconds(1)
        options.timeout = .milliseconds(100)
        let report = try LoadRun.run(options)
        // The first, the second, and the first again.
        #expect(report.requests == 3)
        #expect(report.errors(.closedEarly) == 1)
        #expect(report.errorCount == 1)
    }
}
