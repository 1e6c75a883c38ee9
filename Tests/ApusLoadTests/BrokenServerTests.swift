import ApusLoad
import Foundation
import TestSupport
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
    /// How far responses are looked into.
    enum Depth: CaseIterable {
        case counted, inspected

        func apply(to options: inout LoadOptions) {
            // Counts the same, and has each request and response pass through a visitor's hands.
            if self == .inspected { options.expectation.statuses = [100...599] }
        }
    }

    private func run(
        _ depth: Depth, _ server: ScriptedServer, requests: Int?, _ change: (inout LoadOptions) -> Void = { _ in }
    ) throws -> LoadReport {
        var options = LoadOptions(url: server.url)
        options.connections = 2
        options.requests = requests
        options.timeout = .seconds(20)
        depth.apply(to: &options)
        change(&options)
        defer { server.stop() }
        return try LoadRun.run(options)
    }

    @Test(arguments: BrokenServer.all, Depth.allCases)
    func `counts each request that failed, by kind`(_ broken: BrokenServer, _ depth: Depth) throws {
        let report = try run(depth, ScriptedServer(broken.script), requests: 7)
        #expect(report.requests == 0)
        #expect(report.errors(broken.kind) == 7, "\(report.text)")
        #expect(report.errorCount == 7)
        #expect(report.cause(of: broken.kind) == broken.cause)
        #expect(report.unfinished == 0)
        #expect(!report.isSuccess)
    }

    @Test(arguments: Depth.allCases)
    func `counts each request that one did not even read`(_ depth: Depth) throws {
        let report = try run(depth, ScriptedServer { _ in }, requests: 7)
        // Closing with a request unread resets the connection: it is a matter of moments what is seen of that.
        #expect(report.errors(.closedEarly) + report.errors(.read) + report.errors(.write) == 7, "\(report.text)")
        #expect(report.errorCount == 7)
    }

    @Test(arguments: Depth.allCases)
    func `gives a silent one no longer than the timeout`(_ depth: Depth) throws {
        let report = try run(depth, ScriptedServer { $0.waitForClose() }, requests: 100) {
            $0.timeout = .milliseconds(200)
        }
        #expect(report.errors(.timeout) == 2)
        #expect(report.gaveUp)
        #expect(report.unfinished == 98)
        #expect(report.duration >= 0.2)
        #expect(report.text.contains("no response was completed for 0.20 s"))
    }

    @Test(arguments: Depth.allCases)
    func `does not let one that trickles hold it up`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while !peer.waitForClose(milliseconds: 5), peer.send("x") {}
        }
        let report = try run(depth, server, requests: 100) { $0.timeout = .milliseconds(200) }
        #expect(report.errors(.timeout) == 2)
        #expect(report.gaveUp)
    }

    @Test(arguments: Depth.allCases)
    func `ends on time when a silent one leaves requests unanswered`(_ depth: Depth) throws {
        let report = try run(depth, ScriptedServer { $0.waitForClose() }, requests: nil) {
            $0.duration = .milliseconds(300)
        }
        #expect(report.duration >= 0.3)
        #expect(report.unfinished == 2)
        #expect(report.errorCount == 0)
        #expect(!report.isSuccess)
    }

    @Test(arguments: Depth.allCases)
    func `ends on time when one dies, and says so`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            for _ in 0..<10 where peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        var options = LoadOptions(url: server.url)
        options.connections = 1
        options.requests = 1000
        options.timeout = .milliseconds(300)
        depth.apply(to: &options)
        // The first answers come before it stops listening.
        let report = try LoadRun.run(options) { if $0.requests > 0 { server.stop() } }
        // A request that was under way on a broken connection has failed; failed connects belong to no request.
        let failed = report.errorCount - report.errors(.connect)
        #expect(report.requests + report.unfinished + failed == 1000, "\(report.text)")
        #expect(report.requests == 1000 || report.errors(.connect) > 0)
    }

    // MARK: No errors

    @Test(arguments: Depth.allCases)
    func `reconnects when one closes between responses`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            for _ in 0..<3 where peer.readRequest() { peer.send(ScriptedServer.hello) }
            // The next request may have been sent already: it is lost.
            if peer.index % 2 == 0 { peer.readRequest() }
        }
        let report = try run(depth, server, requests: 90)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 90)
        #expect(report.reconnects >= 28)
        #expect(report.latencies.count == 90)
    }

    @Test(arguments: Depth.allCases)
    func `counts an error when one closes again without an answer`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            // Answers on the first connection only.
            guard peer.readRequest(), peer.index == 0 else { return }
            peer.send(ScriptedServer.hello)
            peer.readRequest()
        }
        let report = try run(depth, server, requests: 5) { $0.connections = 1 }
        #expect(report.requests == 1)
        #expect(report.reconnects == 1)
        #expect(report.errors(.closedEarly) == 4)
    }

    @Test(arguments: Depth.allCases)
    func `sends the rest of a batch again when one closes within it`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            for _ in 0..<3 where peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        let report = try run(depth, server, requests: 100) { $0.pipelineDepth = 8 }
        // A reset may overtake responses, which then are errors; none is lost from the count.
        #expect(report.requests + report.errorCount == 100)
        #expect(report.requests >= 90)
    }

    @Test(arguments: [1, 4], Depth.allCases)
    func `reconnects when one announces that it closes`(_ pipelined: Int, _ depth: Depth) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            // Pipelined requests are read, or closing would reset the connection.
            shutdown(peer.fd, Int32(SHUT_WR))
            peer.waitForClose()
        }
        let report = try run(depth, server, requests: 20) { options in
            options.connections = 1
            options.pipelineDepth = pipelined
        }
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 20)
        #expect(report.reconnects == 19)
        #expect(report.connectionsOpened == 20)
        #expect(server.connections == 20)
    }

    @Test(arguments: Depth.allCases)
    func `waits no longer than a moment for a close that was announced`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            peer.waitForClose()
        }
        let report = try run(depth, server, requests: 6)
        #expect(report.isSuccess)
        #expect(report.requests == 6)
    }

    @Test(arguments: Depth.allCases)
    func `reads bodies that end with the connection`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.0 200 OK\r\n\r\nas long as it takes")
        }
        let report = try run(depth, server, requests: 10)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 10)
    }

    @Test(arguments: Depth.allCases)
    func `reads responses that come in pieces`(_ depth: Depth) throws {
        let response =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n"
        let server = ScriptedServer { peer in
            var on: Int32 = 1
            setsockopt(peer.fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            while peer.readRequest() {
                for byte in response.utf8 { peer.send(String(UnicodeScalar(byte))) }
            }
        }
        let report = try run(depth, server, requests: 30)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 30)
    }

    @Test(arguments: Depth.allCases)
    func `reports bytes that belong to no response`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() { peer.send(ScriptedServer.hello + "!") }
        }
        let report = try run(depth, server, requests: 5) { $0.connections = 1 }
        #expect(report.requests == 5)
        #expect(report.errors(.malformed) >= 4)
        #expect(report.cause(of: .malformed) == "bytes behind the response")
    }

    @Test(arguments: Depth.allCases)
    func `counts requests that one does not want to read`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.resetOnClose()
        }
        let report = try run(depth, server, requests: 40) { $0.body = [UInt8](repeating: 0, count: 8_000_000) }
        #expect(report.errors(.write) + report.errors(.read) == 40, "\(report.text)")
        #expect(report.errorCount == 40)
    }

    @Test(arguments: Depth.allCases)
    func `takes an answer that comes instead of reading the request`(_ depth: Depth) throws {
        let isOver = DispatchSemaphore(value: 0)
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            // Neither reads nor closes while the load lasts.
            isOver.wait()
        }
        defer { for _ in 0..<server.connections { isOver.signal() } }
        let report = try run(depth, server, requests: 4) { $0.body = [UInt8](repeating: 0, count: 8_000_000) }
        #expect(report.errorCount == 0, "\(report.text)")
        #expect(report.statuses[4] == 4)
    }

    @Test(arguments: Depth.allCases)
    func `takes an answer that comes before the request is sent`(_ depth: Depth) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            shutdown(peer.fd, Int32(SHUT_WR))
            peer.waitForClose()
        }
        let report = try run(depth, server, requests: 4) { $0.body = [UInt8](repeating: 0, count: 8_000_000) }
        #expect(report.errorCount == 0, "\(report.text)")
        #expect(report.statuses[4] == 4)
    }
}
