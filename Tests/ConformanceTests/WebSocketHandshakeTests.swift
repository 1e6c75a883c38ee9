import Glibc
import TestSupport
import Testing

/// A server's side of the handshake: spec 05 §8.1.
@Suite struct WebSocketHandshakeTests {
    /// What is sent before the handshake is over arrives behind it, in the order of the program.
    @Test(arguments: Setup.all)
    func whatIsSentEarlyArrivesInOrder(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--early", "yes"]) { server in
            let client = try server.connect()
            try client.openWebSocket()
            #expect(try client.readFrames(3).map(\.text) == ["early", "during", "after"])
            #expect(try server.event("early") == "early queued")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func whatIsPublishedEarlyKeepsItsPlace(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            try client.openWebSocket("/early-order")
            #expect(try client.readFrames(2).map(\.text) == ["first", "second"])
        }
    }

    /// Each connection has the earlier protocol of its own.
    @Test(arguments: Setup.eachBackend)
    func theEndIsToldToWhoeverAskedForIt(_ setup: Setup) async throws {
        try await withScenario("websocket-routes", setup) { server in
            let clients = [try server.connect(), try server.connect()]
            #expect(try clients[0].get("/own").text == "hello")
            for client in clients { try client.openWebSocket("/quiet") }
            clients[0].close()
            #expect(try server.nextEvent() == "own closed")
            clients[1].close()
            #expect(try server.nextEvent() == "http closed")
        }
    }

    /// Who is refused gets an answer, also where a handler of errors is set.
    @Test(arguments: Setup.eachBackend)
    func refusalsWithAnErrorHandler(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--error-handler", "yes"]) { server in
            for (request, status) in [
                ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400), (Client.webSocketRequest("/reject"), 429),
            ] {
                let client = try server.connect()
                try client.send(request)
                #expect(try client.textToEnd().hasPrefix("HTTP/1.1 \(status) "))
            }
            try server.finish()
            #expect(server.count("handled") == 0)
        }
    }

    /// The head may come in any pieces, and frames right behind it.
    @Test(arguments: Setup.eachBackend)
    func theRequestMayComeInPieces(_ setup: Setup) async throws {
        try await withScenario("websocket", setup) { server in
            let client = try server.connect()
            let bytes = Array(Client.webSocketRequest().utf8) + WebSocketFrame(.text, "behind").bytes()
            for byte in bytes { try client.send([byte]) }
            #expect(try client.read(through: "\r\n\r\n").starts(with: Array("HTTP/1.1 101 ".utf8)))
            #expect(try client.readFrame().text == "behind")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func subprotocolsAndFields(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--protocols", "v2,v1"]) { server in
            let cases = [
                ("/", "v1, v2", "v2"), ("/", "v1", "v1"), ("/", "other", nil), ("/pick", "v2, v9", "v9"),
                ("/", nil, nil),
            ]
            for (path, offered, selected) in cases {
                let client = try server.connect()
                let head = try client.openWebSocket(path, offered.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? "")
                #expect(head.contains("Sec-WebSocket-Protocol: ") == (selected != nil))
                if let selected { #expect(head.contains("\r\nSec-WebSocket-Protocol: \(selected)\r\n")) }
                #expect(try server.event("connected") == "connected \(path) \(selected ?? "none") false")
            }
            let client = try server.connect()
            #expect(try client.openWebSocket("/fields").contains("\r\nSet-Cookie: a=b\r\n"))
        }
    }

    /// Each is answered as HTTP does, and nothing is called for it afterwards.
    @Test(arguments: Setup.all)
    func refusals(_ setup: Setup) async throws {
        let request = Client.webSocketRequest()
        let cases: [(String, Int, String)] = [
            (Client.webSocketRequest("/throw"), 401, "WWW-Authenticate: Basic\r\n"),
            (Client.webSocketRequest("/reject"), 429, "later"), (Client.webSocketRequest("/fail"), 500, ""),
            (Client.webSocketRequest("/", "Origin: https://evil.example\r\n"), 403, "origin"),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Sec-WebSocket-Version: 13\r\n"),
            (request.replacing("Version: 13", with: "Version: 8"), 426, "Sec-WebSocket-Version: 13\r\n"),
            (request.replacing("Connection: keep-alive, Upgrade\r\n", with: ""), 400, "proxy"),
            (request.replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "dGhl"), 400, "Sec-WebSocket-Key"),
            (request.replacing("GET", with: "POST"), 400, "GET"), ("MIAOWU / HTTP/1.1\r\n\r\n", 400, ""),
            (Client.webSocketRequest("/", "X: \(String(repeating: "x", count: 17_000))\r\n"), 431, ""),
            (request.replacing("HTTP/1.1", with: "HTTP/1.0"), 400, "HTTP/1.1"),
        ]
        try await withScenario("websocket", setup, ["--origins", "https://good.example"]) { server in
            for (request, status, contained) in cases {
                let client = try server.connect()
                _ = try client.sendWhilePossible(Array(request.utf8))
                let answer = try client.textToEnd()
                #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.contains(contained), "\(request)\n\(answer)")
                client.close()
                try server.event("closed")
            }
            let client = try server.connect()
            try client.send(Client.webSocketRequest("/close"))
            #expect(try client.textToEnd().isEmpty)
            client.close()
            try server.event("closed")
            let good = try server.connect()
            try good.openWebSocket("/", "Origin: https://GOOD.example\r\n")
            #expect(try server.event("connected") == "connected / none false")
            #expect(server.count("connected") == 1)
        }
    }

    /// Who says nothing, or never ends, is given up.
    @Test(arguments: Setup.eachBackend)
    func slowHandshakes(_ setup: Setup) async throws {
        try await withScenario("websocket", setup, ["--ws-handshake-timeout", "1"]) { server in
            let silent = try server.connect()
            let slow = try server.connect()
            try slow.send("GET / HTTP/1.1\r\n")
            #expect(try slow.textToEnd().hasPrefix("HTTP/1.1 408 "))
            #expect(try silent.textToEnd().isEmpty)
        }
    }

    /// WebSockets on the port of an HTTP worker, also through a router.
    @Test(arguments: Setup.all, [[], ["--router", "yes"]])
    func upgradesFromHTTP(_ setup: Setup, _ options: [String]) async throws {
        try await withScenario("websocket-routes", setup, options) { server in
            let first = try server.connect()
            #expect(try first.get("/hello").text == "hello")
            let head = try first.openWebSocket(
                "/chat?a=b", "Sec-WebSocket-Protocol: chat\r\n", with: WebSocketFrame(.text, "one").bytes())
            #expect(head.contains("\r\nSec-WebSocket-Protocol: chat\r\n"))
            #expect(try server.event("joined") == "joined /chat?a=b chat")
            #expect(try first.readFrame().text == "1")
            let second = try server.connect()
            try second.openWebSocket("/chat", "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            try second.send(WebSocketFrame(.text, "two"))
            #expect(try second.readFrame().text == "2")
            #expect(try first.readFrame().text == "two")
            for (request, status) in [
                ("GET /chat HTTP/1.1\r\nHost: h\r\n\r\n", 400), (Client.webSocketRequest("/chat?no"), 403),
            ] {
                let client = try server.connect()
                try client.send(request)
                #expect(try client.readReply().status == status)
                // A refusal is an answer like others.
                #expect(try client.get("/hello").text == "hello")
            }
            try first.send(WebSocketFrame(close: 1000))
            #expect(try first.readFrame().description == "close 1000 ")
            #expect(try first.readToEnd().bytes.isEmpty)
            first.close()
            #expect(try server.event("left") == "left 1000")
            try second.send(WebSocketFrame(.text, "three"))
            #expect(try second.readFrame().text == "1")
        }
    }

    /// A handler that suspends, and callbacks of one connection alone.
    @Test(arguments: Setup.eachBackend)
    func upgradesFromAsyncRoutes(_ setup: Setup) async throws {
        try await withScenario("websocket-routes", setup, ["--router", "yes"]) { server in
            let client = try server.connect()
            try client.openWebSocket("/async", with: WebSocketFrame(.text, "early").bytes())
            try client.send(WebSocketFrame(.text, "late"))
            #expect(try client.readFrames(2).map(\.text) == ["early", "late"])
            #expect(try server.event("access") == "access GET /async 101")
            client.close()
            // The worker's own callback, since the WebSocket has none.
            try server.event("http closed")
        }
    }
}
