import ApusLoad
import Foundation
import Testing

/// A server that does something wrong, and what has to be reported of it.
struct BrokenServer: CustomTestStringConvertible, Sendable {
    let name: String
    let kind: LoadErrorKind
    var cause = ""
    let script: @Sendable (ScriptedServer.Peer) -> Void

    var testDescription: String { name }

    static let all: [BrokenServer] = [
        BrokenServer(name: "closes instead of an answer", kind: .closedEarly) { $0.readRequest() },
        BrokenServer(name: "closes within the head", kind: .closedEarly) { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nContent-Le")
        },
        BrokenServer(name: "closes behind an interim response", kind: .closedEarly) { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 100 Continue\r\n\r\n")
        },
        BrokenServer(name: "truncates the body", kind: .closedEarly) { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHell")
        },
        BrokenServer(name: "truncates a chunk", kind: .closedEarly) { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHell")
        },
        BrokenServer(name: "forgets the last chunk", kind: .closedEarly) { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n")
        },
        BrokenServer(name: "sends garbage", kind: .malformed, cause: "no HTTP/1 status line") { peer in
            peer.readRequest()
            peer.send("What do you want?\r\n")
            peer.waitForClose()
        },
        BrokenServer(name: "sends a bad chunk", kind: .malformed, cause: "invalid chunk") { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHello\r\n")
            peer.waitForClose()
        },
        BrokenServer(name: "contradicts itself", kind: .malformed, cause: "invalid Content-Length") { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nHello")
            peer.waitForClose()
        },
        BrokenServer(name: "resets", kind: .read, cause: "Connection reset by peer") { peer in
            peer.readRequest()
            peer.resetOnClose()
        },
        BrokenServer(name: "resets within the body", kind: .read, cause: "Connection reset by peer") { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nHello")
            // What was sent has to arrive before the reset discards it.
            if !peer.waitForClose(milliseconds: 50) { peer.resetOnClose() }
        },
    ]
}

@Suite(.serialized) struct `Load on a broken server` {
    private func run(
        _ server: ScriptedServer, requests: Int?, _ change: (inout LoadOptions) -> Void = { _ in }
    ) throws -> LoadReport {
        var options = LoadOptions(url: server.url)
        options.connections = 2
        options.requests = requests
        options.timeout = .seconds(20)
        change(&options)
        defer { server.stop() }
        return try LoadRun.run(options)
    }

    @Test(arguments: BrokenServer.all)
    func `counts each request that failed, by kind`(_ broken: BrokenServer) throws {
        let report = try run(ScriptedServer(broken.script), requests: 7)
        #expect(report.requests == 0)
        #expect(report.errors(broken.kind) == 7, "\(report.text)")
        #expect(report.errorCount == 7)
        #expect(report.cause(of: broken.kind) == broken.cause)
        #expect(report.unfinished == 0)
        #expect(!report.isSuccess)
    }

    @Test func `counts each request that one did not even read`() throws {
        let report = try run(ScriptedServer { _ in }, requests: 7)
        // Closing with a request unread resets the connection: it is a matter of moments what is seen of that.
        #expect(report.errors(.closedEarly) + report.errors(.read) + report.errors(.write) == 7, "\(report.text)")
        #expect(report.errorCount == 7)
    }

    @Test func `gives a silent one no longer than the timeout`() throws {
        let report = try run(ScriptedServer { $0.waitForClose() }, requests: 100) { $0.timeout = .milliseconds(200) }
        #expect(report.errors(.timeout) == 2)
        #expect(report.gaveUp)
        #expect(report.unfinished == 98)
        #expect(report.duration >= 0.2)
        #expect(report.text.contains("no response was completed for 0.20 s"))
    }

    @Test func `does not let one that trickles hold it up`() throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while !peer.waitForClose(milliseconds: 5), peer.send("x") {}
        }
        let report = try run(server, requests: 100) { $0.timeout = .milliseconds(200) }
        #expect(report.errors(.timeout) == 2)
        #expect(report.gaveUp)
    }

    @Test func `ends on time when a silent one leaves requests unanswered`() throws {
        let report = try run(ScriptedServer { $0.waitForClose() }, requests: nil) { $0.duration = .milliseconds(300) }
        #expect(report.duration >= 0.3)
        #expect(report.unfinished == 2)
        #expect(report.errorCount == 0)
        #expect(!report.isSuccess)
    }

    @Test func `ends on time when one dies, and says so`() throws {
        let server = ScriptedServer { peer in
            for _ in 0..<10 where peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        var options = LoadOptions(url: server.url)
        options.connections = 1
        options.requests = 1000
        options.timeout = .milliseconds(300)
        // The first answers come before it stops listening.
        let report = try LoadRun.run(options) { if $0.requests > 0 { server.stop() } }
        // A request that was under way on a broken connection has failed; failed connects belong to no request.
        let failed = report.errorCount - report.errors(.connect)
        #expect(report.requests + report.unfinished + failed == 1000, "\(report.text)")
        #expect(report.requests == 1000 || report.errors(.connect) > 0)
    }

    // MARK: No errors

    @Test func `reconnects when one closes between responses`() throws {
        let server = ScriptedServer { peer in
            for _ in 0..<3 where peer.readRequest() { peer.send(ScriptedServer.hello) }
            // The next request may have been sent already: it is lost.
            if peer.index % 2 == 0 { peer.readRequest() }
        }
        let report = try run(server, requests: 90)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 90)
        #expect(report.reconnects >= 28)
        #expect(report.latencies.count == 90)
    }

    @Test func `counts an error when one closes again without an answer`() throws {
        let server = ScriptedServer { peer in
            // Answers on the first connection only.
            guard peer.readRequest(), peer.index == 0 else { return }
            peer.send(ScriptedServer.hello)
            peer.readRequest()
        }
        let report = try run(server, requests: 5) { $0.connections = 1 }
        #expect(report.requests == 1)
        #expect(report.reconnects == 1)
        #expect(report.errors(.closedEarly) == 4)
    }

    @Test func `sends the rest of a batch again when one closes within it`() throws {
        let server = ScriptedServer { peer in
            for _ in 0..<3 where peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        let report = try run(server, requests: 100) { $0.pipelineDepth = 8 }
        // A reset may overtake responses, which then are errors; none is lost from the count.
        #expect(report.requests + report.errorCount == 100)
        #expect(report.requests >= 90)
    }

    @Test(arguments: [1, 4])
    func `reconnects when one announces that it closes`(_ depth: Int) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            // Pipelined requests are read, or closing would reset the connection.
            shutdown(peer.fd, Int32(SHUT_WR))
            peer.waitForClose()
        }
        let report = try run(server, requests: 20) { options in
            options.connections = 1
            options.pipelineDepth = depth
        }
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 20)
        #expect(report.reconnects == 19)
        #expect(report.connectionsOpened == 20)
        #expect(server.connections == 20)
    }

    @Test func `waits no longer than a moment for a close that was announced`() throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            peer.waitForClose()
        }
        let report = try run(server, requests: 6)
        #expect(report.isSuccess)
        #expect(report.requests == 6)
    }

    @Test func `reads bodies that end with the connection`() throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.0 200 OK\r\n\r\nas long as it takes")
        }
        let report = try run(server, requests: 10)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 10)
    }

    @Test func `reads responses that come in pieces`() throws {
        let response =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n"
        let server = ScriptedServer { peer in
            var on: Int32 = 1
            setsockopt(peer.fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            while peer.readRequest() {
                for byte in response.utf8 { peer.send(String(UnicodeScalar(byte))) }
            }
        }
        let report = try run(server, requests: 30)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 30)
    }

    @Test func `reports bytes that belong to no response`() throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() { peer.send(ScriptedServer.hello + "!") }
        }
        let report = try run(server, requests: 5) { $0.connections = 1 }
        #expect(report.requests == 5)
        #expect(report.errors(.malformed) >= 4)
        #expect(report.cause(of: .malformed) == "bytes behind the response")
    }

    @Test func `counts requests that one does not want to read`() throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.resetOnClose()
        }
        let report = try run(server, requests: 40) { $0.body = [UInt8](repeating: 0, count: 8_000_000) }
        #expect(report.errors(.write) + report.errors(.read) == 40, "\(report.text)")
        #expect(report.errorCount == 40)
    }

    @Test func `takes an answer that comes instead of reading the request`() throws {
        let isOver = DispatchSemaphore(value: 0)
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            // Neither reads nor closes while the load lasts.
            isOver.wait()
        }
        defer { for _ in 0..<server.connections { isOver.signal() } }
        let report = try run(server, requests: 4) { $0.body = [UInt8](repeating: 0, count: 8_000_000) }
        #expect(report.errorCount == 0, "\(report.text)")
        #expect(report.statuses[4] == 4)
    }

    @Test func `takes an answer that comes before the request is sent`() throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            shutdown(peer.fd, Int32(SHUT_WR))
            peer.waitForClose()
        }
        let report = try run(server, requests: 4) { $0.body = [UInt8](repeating: 0, count: 8_000_000) }
        #expect(report.errorCount == 0, "\(report.text)")
        #expect(report.statuses[4] == 4)
    }
}
