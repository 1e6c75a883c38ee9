import Glibc
import TestSupport
import Testing

/// Answers whose body is sent piece by piece: spec 05 §5 and §7.
@Suite struct HTTPStreamTests {
    private static let rest = "HTTP/1.1\r\nHost: h\r\n\r\n"

    /// More than the limit waits with whoever writes; the next request waits for the end.
    @Test(arguments: Setup.all)
    func piecesArriveInOrderAsThereIsRoom(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /pieces?500 \(Self.rest)GET / \(Self.rest)")
            let reply = try client.readReply()
            #expect(reply["Transfer-Encoding"] == "chunked" && reply["Content-Length"] == nil)
            #expect(reply["Content-Type"] == "application/octet-stream" && reply["Connection"] == "keep-alive")
            #expect(reply.body == pattern(10_000) * 500)
            #expect(try client.readReply().text == "Hello, World!")
            try server.finish()
            #expect(server.count("too much") == 0)
        }
    }

    /// Without a limit of the connection's own, too.
    @Test(arguments: Setup.all)
    func piecesThatNobodyReadsWaitWithWhoWritesThem(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /usual-pieces?1000 \(Self.rest)")
            #expect(client.isReadable(within: Client.patience))
            #expect(try client.readReply().body.count == 10_000_000)
            try server.finish()
            #expect(server.count("too much") == 0)
        }
    }

    /// The handler hears that its connection closes; what it has sent leaves all the same.
    @Test(arguments: Setup.all)
    func closingInTheMidstOfAnAnswerKeepsWhatWasSent(_ setup: Setup) async throws {
        try await withScenario("http", setup, on: .heavy) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /closing?8000000 \(Self.rest)")
            let bytes = try client.readToEnd().bytes
            #expect(bytes.count > 8_000_000)
            #expect(!bytes.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8))
        }
    }

    @Test(arguments: Setup.all)
    func whoWritesLearnsThatTheClientHasGone(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /pieces?5000 \(Self.rest)")
            _ = try client.read(30_000)
            client.reset()
            #expect(try server.event("gone").contains("closed"))
        }
    }

    @Test(arguments: Setup.all)
    func lengthsTrailersAndBodilessAnswers(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let known = try client.get("/length?6")
            #expect(known.status == 201 && known.text == "abcdef" && known["Transfer-Encoding"] == nil)
            #expect(try server.event("second") == "second failed")
            let chunked = try client.get("/trailers")
            #expect(chunked.text == "data" && chunked.trailers == ["Sum: 42"])
            #expect(try server.event("after") == "after failed false")
            let empty = try client.get("/no-content")
            #expect(empty.status == 204 && empty["Transfer-Encoding"] == nil)
            for target in ["/pieces?3", "/length?6", "/trailers"] {
                try client.send("HEAD \(target) \(Self.rest)")
                let head = try client.readReply(toHead: true)
                #expect(head.count("Transfer-Encoding") + head.count("Content-Length") == 1, "\(target)")
            }
            #expect(try client.get("/").text == "Hello, World!")
        }
    }

    /// RFC 9112 §7.1: no chunks for HTTP/1.0; the end is that of the connection.
    @Test(arguments: Setup.all)
    func oldClientsGetABodyThatEndsWithTheConnection(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET /pieces?2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let head = String(decoding: try client.read(through: "\r\n\r\n"), as: UTF8.self)
            #expect(head.contains("Connection: close\r\n") && !head.contains("Transfer-Encoding"))
            #expect(try client.readToEnd().bytes == pattern(10_000) * 2)
            // A length that is known keeps it open.
            let other = try server.connect()
            try other.send("GET /length?6 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try other.readReply().text == "abcdef")
            #expect(try other.get("/").text == "Hello, World!")
        }
    }

    /// A body that is not complete never looks complete.
    @Test(arguments: Setup.all, ["/torn", "/refused", "/forgotten", "/length?7", "/length?5", "/flood"])
    func whatIsMissingIsSeen(_ setup: Setup, _ target: String) async throws {
        try await withScenario("http", setup, ["--linger", "0"]) { server in
            let client = try server.connect()
            if target == "/flood" {
                try client.send("GET \(target) \(Self.rest)")
                #expect(try server.event("flooded") == "flooded false closed")
            } else {
                try client.send("GET \(target) \(Self.rest)GET / \(Self.rest)")
            }
            let text = try client.readToEnd().bytes
            let end = Array("\r\n0\r\n\r\n".utf8)
            #expect(!text.indices.contains { text[$0...].starts(with: end) })
            #expect(!String(decoding: text.suffix(200), as: UTF8.self).contains("Hello"))
            #expect(try server.connect().get("/").status == 200)
            try server.finish()
            #expect(server.count("close 1") == 1)
        }
    }

    /// What ends an answer is the handler's error, not the writer that it left behind.
    @Test(arguments: Setup.backends)
    func whatAHandlerThrowsBehindTheHeadIsHeardOf(_ backend: String) async throws {
        let setup = Setup(backend: backend, transport: .ipv4)
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET /torn \(Self.rest)")
            _ = try client.readToEnd()
            #expect(server.log.contains("failed: torn"))
        }
    }

    /// What was to send a body has no say in the protocol that the connection speaks after it.
    @Test(arguments: Setup.eachBackend)
    func aWriterEndsWithItsProtocol(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET /switch \(Self.rest)")
            _ = try client.read(through: "\r\n\r\n")
            #expect(try server.event("late") == "late failed false")
            try client.send("one\ntwo\n")
            #expect(try client.readLine() == "echo one")
            #expect(try client.readLine() == "echo two")
        }
    }

    /// RFC 9110 §9.3.2: there is no event to wait for.
    @Test(arguments: Setup.eachBackend)
    func aHeadOfEventsIsComplete(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("HEAD /events?30 \(Self.rest)GET /push \(Self.rest)")
            let head = try client.readReply(toHead: true)
            #expect(head["Content-Type"] == "text/event-stream")
            #expect(try client.readReply().text == "false")
        }
    }

    /// Who takes nothing of a body is given up, whoever waits for it.
    @Test(arguments: Setup.eachBackend)
    func aStalledStreamIsGivenUp(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--close-timeout", "1"]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /pieces?5000 \(Self.rest)")
            #expect(try server.event("gone").contains("closed"))
            // One that has nothing to send is not stalled.
            let quiet = try server.connect()
            try quiet.send("GET /kept-open \(Self.rest)")
            _ = try quiet.read(through: "open \r\n")
            #expect(!quiet.isReadable(within: 2.5))
        }
    }

    @Test(arguments: Setup.all)
    func eventsArePushedUntilTheProcessLeaves(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET /events?30 \(Self.rest)")
            let head = String(decoding: try client.read(through: "\r\n\r\n"), as: UTF8.self)
            #expect(
                head.contains("Content-Type: text/event-stream\r\n") && head.contains("Cache-Control: no-cache\r\n"))
            _ = try client.read(through: "data: first\n\n\r\n")
            // What is sent while nothing happens.
            _ = try client.read(through: ": \n\n\r\n")
            let other = try server.connect()
            #expect(try other.get("/push").text == "true")
            _ = try client.read(through: "event: note\nid: 7\ndata: two\ndata: lines\n\n\r\n")
            server.process.signal(SIGTERM)
            _ = try client.readToEnd()
            #expect(try server.process.waitForExit() == .code(0))
        }
    }

    /// A graceful stop waits for answers, but not for streams of events, which have no end.
    @Test(arguments: Setup.backends)
    func aGracefulStopEndsEventsAndWaitsForAnswers(_ backend: String) async throws {
        try await withScenario("http", Setup(backend: backend, transport: .ipv4)) { server in
            let events = try server.connect()
            try events.send("GET /events \(Self.rest)")
            try server.event("events")
            let answer = try server.connect(receiveBuffer: 4096)
            try answer.send("GET /pieces?500 \(Self.rest)")
            _ = try answer.read(through: "\r\n\r\n")
            try server.leave(SIGQUIT)
            _ = try events.readToEnd()
            #expect(try answer.readToEnd().bytes.count > 5_000_000)
            #expect(try server.process.waitForExit() == .code(0))
        }
    }

    @Test(arguments: Setup.eachBackend)
    func cookiesAndRedirections(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let cookies = try client.get("/cookie").headers.filter { $0.name == "Set-Cookie" }.map(\.value)
            #expect(
                cookies == [
                    "a=b%3B%20c%3D%C3%BC; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax", "second=; Max-Age=0",
                ])
            #expect(try server.event("bad") == "bad false false")
            let reply = try client.get("/redirect")
            #expect(reply.status == 303 && reply["Location"] == "/elsewhere?%C3%BC=%0D%0AX:%20y")
            #expect(reply["X"] == nil)
        }
    }
}
