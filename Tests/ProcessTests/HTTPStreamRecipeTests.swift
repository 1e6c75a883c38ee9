import TestSupport
import Testing

/// The recipes whose answers are made, or handed on, while they are sent.
@Suite struct HTTPStreamRecipeTests {
    private let onAnyPort = ["--on", "127.0.0.1:0"]

    @Test(arguments: backends)
    func chunkedAnswer(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("ChunkedAnswer", backend, onAnyPort)
            let small = try recipe.ask("GET /rows?count=3")
            #expect(small.text == "number,square\n0,0\n1,1\n2,4\n" && small.trailers == ["Row-Count: 3"])
            let large = try recipe.ask("GET /rows?count=20000")
            #expect(large.text.hasSuffix("\n19999,399960001\n") && large.trailers == ["Row-Count: 20000"])
            for query in ["", "?count=x", "?count=-1", "?count=99999999999"] {
                #expect(try recipe.ask("GET /rows\(query)").status == 400)
            }
            #expect(try recipe.ask("GET /").status == 404)

            // A client that reads nothing of a gigabyte costs next to nothing, and holds up nobody.
            let worker = try #require(recipe.master.children.first)
            let before = worker.residentBytes
            let idle = try Client(recipe.endpoint, receiveBuffer: 4096)
            try idle.send("GET /rows?count=100000000 HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try idle.read(through: "\r\n\r\n")
            let ticks = try Client(recipe.endpoint)
            try ticks.send("GET /ticks HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try ticks.read(through: "\r\n\r\n")
            #expect(try ticks.read(through: "tick 1\n").count > 0)
            #expect(try ticks.read(through: "tick 10\n").count > 0)
            // Nor does one that reads more quickly than rows are made.
            let isEnough = Shared(false)
            let read = Shared(0)
            defer { isEnough.value = true }
            let greedy = Helper { [endpoint = recipe.endpoint] in
                let client = try Client(endpoint)
                try client.send("GET /rows?count=1000000000 HTTP/1.1\r\nHost: h\r\n\r\n")
                while !isEnough.value {
                    try client.skip(65536)
                    read.change { $0 += 65536 }
                }
            }
            #expect(eventually { read.value > 1 << 20 })
            for count in 1...20 { #expect(try recipe.ask("GET /rows?count=\(count)").status == 200) }
            isEnough.value = true
            try greedy.join()
            #expect(worker.residentBytes - before < 16 << 20)
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func sseClock(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("SSEClock", backend, onAnyPort)
            #expect(try recipe.ask("GET /").text.contains("new EventSource(\"/events\")"))
            let client = try Client(recipe.endpoint)
            try client.send("GET /events HTTP/1.1\r\nHost: h\r\nLast-Event-ID: 1000000000\r\n\r\n")
            let head = String(decoding: try client.read(through: "\r\n\r\n"), as: UTF8.self)
            #expect(head.contains("Content-Type: text/event-stream\r\n"))
            let missed = String(decoding: try client.read(through: "id: "), as: UTF8.self)
            #expect(missed.contains("retry: 2000\n") && missed.contains("event: missed\ndata: "))
            let first = try #require(Int(try client.readLine()))
            #expect(try client.readLine().hasPrefix("data: 20"))
            _ = try client.read(through: "id: ")
            let second = try #require(Int(try client.readLine()))
            #expect(second > first && first > 1_700_000_000)
            for id in ["x", "9223372036854775807", "-9223372036854775808"] {
                let other = try Client(recipe.endpoint)
                try other.send("GET /events HTTP/1.1\r\nHost: h\r\nLast-Event-ID: \(id)\r\n\r\n")
                #expect(try other.read(through: "\ndata: 20").count > 0)
            }
            #expect(try recipe.stop() == .code(0))
        }
    }

    private func proxy(_ backend: String, to url: String) throws -> ServedRecipe {
        try ServedRecipe("StreamingProxy", backend, onAnyPort + ["--to", url])
    }

    @Test(arguments: backends)
    func aProxyHandsOnWhatIsSaid(_ backend: String) async throws {
        try await TestThreads.light.run {
            let heads = Shared<[String]>([])
            let server = ScriptedServer { peer in
                while let head = peer.readHead() {
                    heads.change { $0.append(head) }
                    let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                    let count = length.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
                    let body = peer.read(count) ?? []
                    let extra = "Connection: X-Hop\r\nX-Hop: 1\r\nX-Own: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                    if head.hasPrefix("HEAD ") {
                        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\(extra)\r\n")
                    } else {
                        peer.send("HTTP/1.1 203 Other\r\nContent-Length: \(body.count)\r\n\(extra)\r\n")
                        peer.send(body)
                    }
                }
            }
            defer { server.stop() }
            let recipe = try proxy(backend, to: server.url)
            let fields = "X-Mine: 5\r\nConnection: X-Not\r\nX-Not: 1\r\nX-Forwarded-For: 1.2.3.4\r\n"
            let reply = try recipe.ask("PUT /a/%20b?c=d", fields, body: "over and out")
            #expect(reply.statusLine == "HTTP/1.1 203 Other" && reply.text == "over and out")
            #expect(reply["X-Own"] == "2" && reply["X-Hop"] == nil && reply.count("Set-Cookie") == 2)
            let head = try #require(heads.value.first)
            #expect(head.hasPrefix("PUT /a/%20b?c=d HTTP/1.1\r\n") && head.contains("X-Mine: 5\r\n"))
            #expect(head.contains("X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n") && head.contains("Via: 1.1 apus\r\n"))
            #expect(!head.contains("X-Not"))
            #expect(try recipe.ask("HEAD /")["Content-Length"] == "7")

            let chunked = try Client(recipe.endpoint)
            try chunked.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            #expect(try chunked.readReply().status == 203)
            #expect(try recipe.ask("OPTIONS *").status == 400)
            #expect(try recipe.ask("GET /", "Upgrade: websocket\r\nConnection: Upgrade\r\n").status == 501)
            #expect(try recipe.stop() == .code(0))

            let down = try proxy(backend, to: "http://127.0.0.1:\(ScriptedServer.closedPort())")
            #expect(try down.ask("GET /").status == 502)
            #expect(try Service("Examples", "StreamingProxy", backend, ["--to", "x"]).run("start").status == .code(64))
        }
    }

    /// The server behind gets as far as the buffers in between reach, and goes on when the client reads.
    @Test(arguments: backends)
    func aProxyKeepsBackPressure(_ backend: String) async throws {
        try await TestThreads.light.run {
            let size = 64 << 20
            let sent = Shared(0)
            let server = ScriptedServer { peer in
                guard peer.readRequest() else { return }
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                let piece = [UInt8](repeating: 0x61, count: 64 << 10)
                while sent.value < size, peer.send(piece) { sent.change { $0 += piece.count } }
                peer.waitForClose()
            }
            defer { server.stop() }
            let recipe = try proxy(backend, to: server.url)
            let client = try Client(recipe.endpoint, receiveBuffer: 4096)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read(through: "\r\n\r\n")
            // It stands still: nothing more was sent while others were served.
            var last = -1
            try waitFor("a server that is slowed down") { () -> Void? in
                defer { last = sent.value }
                for _ in 0..<20 { _ = try recipe.ask("OPTIONS *") }
                return last == sent.value && last > 0 ? () : nil
            }
            #expect(sent.value < size)
            try client.skip(size)
            #expect(eventually { sent.value == size })
            #expect(try recipe.stop() == .code(0))
        }
    }

    /// What breaks off is not taken for a whole.
    @Test(arguments: backends)
    func aProxyPassesOnThatAnAnswerBroke(_ backend: String) async throws {
        try await TestThreads.light.run {
            let server = ScriptedServer { peer in
                guard peer.readRequest() else { return }
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            }
            defer { server.stop() }
            let recipe = try proxy(backend, to: server.url)
            let client = try Client(recipe.endpoint)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let text = try client.textToEnd()
            #expect(text.contains("hello") && !text.hasSuffix("0\r\n\r\n"))
            #expect(try recipe.stop() == .code(0))
        }
    }
}
