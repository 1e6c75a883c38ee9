import ApusProtocols
import Glibc
import TestSupport
import Testing

/// Outgoing WebSockets: spec 05 §9.
@Suite struct WebSocketClientTests {
    /// A server that clients connect to, which the test plays.
    private func withClients(
        _ setup: Setup, _ options: [String] = [], _ body: @Sendable (ScenarioServer, Acceptor) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let acceptor = try Acceptor(setup.transport.rawValue, in: folder)
            let address = setup.transport == .unix ? "\(acceptor.endpoint)" : "ws://\(acceptor.endpoint)"
            let server = try ScenarioServer("websocket-client", setup, ["--to", address] + options)
            try body(server, acceptor)
            try server.finish()
        }
    }

    /// Takes the request of a client, and agrees.
    private func accept(
        _ acceptor: Acceptor, _ fields: String = "", with more: [UInt8] = []
    ) throws -> (peer: Client, request: String) {
        let peer = try acceptor.accept()
        let request = String(decoding: try peer.read(through: "\r\n\r\n"), as: UTF8.self)
        let key = request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }?.dropFirst(19) ?? ""
        let accept = String(decoding: WebSocketHandshake.accept(for: key.utf8), as: UTF8.self)
        let head =
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n"
            + "Sec-WebSocket-Accept: \(accept)\r\n\(fields)\r\n"
        try peer.send(Array(head.utf8) + more)
        return (peer, request)
    }

    @Test(arguments: Setup.plain)
    func whatIsSentBeforeTheHandshakeComesFirst(_ setup: Setup) async throws {
        let options = ["--authorization", "Basic eA==", "--protocols", "a,b"]
        try await withClients(setup, options) { server, acceptor in
            let path = setup.transport == .unix ? "" : "/path?q=1"
            #expect(try server.tell("open \(path)") == "state false")
            // Frames in the same segment as the answer.
            let (peer, request) = try accept(
                acceptor, "Sec-WebSocket-Protocol: b\r\nX-Seen: yes\r\n",
                with: WebSocketFrame(.text, "again").bytes(mask: nil) + WebSocketFrame(.ping, "p").bytes(mask: nil))
            let host = setup.transport == .unix ? "localhost" : "\(acceptor.endpoint)"
            let lines = request.split(separator: "\r\n").map(String.init)
            #expect(
                lines.filter { !$0.hasPrefix("Sec-WebSocket-Key") } == [
                    "GET \(path.isEmpty ? "/" : path) HTTP/1.1", "Host: \(host)", "Connection: Upgrade",
                    "Upgrade: websocket", "Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Version: 13",
                    "Authorization: Basic eA==",
                ])
            let frames = try (0..<4).map { _ in try peer.readFrame(isMasked: true).description }
            #expect(frames == ["text first", "text second", "text answer", "pong p"])
            // Waiting counts as what is to be sent: 5 bytes behind a head and a mask.
            #expect(try server.nextEvents(4) == ["pending 11", "connect", "open 101 yes b", "message again"])
            #expect(try server.tell("send hello") == "sent")
            #expect(try peer.readFrame(isMasked: true).text == "hello")
            try peer.send(WebSocketFrame(close: 4000, "bye").bytes(mask: nil))
            #expect(try peer.readFrame(isMasked: true).description == "close 4000 ")
            peer.finishSending()
            #expect(try peer.readToEnd().bytes.isEmpty)
            #expect(try server.nextEvents(2) == ["peer closes 4000 bye", "closed 4000"])
        }
    }

    /// RFC 6455 §5.3: another mask for each frame.
    @Test(arguments: Setup.eachBackend.filter { !$0.isSecured })
    func masksDiffer(_ setup: Setup) async throws {
        try await withClients(setup) { server, acceptor in
            _ = try server.tell("open /")
            let (peer, _) = try accept(acceptor)
            _ = try (0..<2).map { _ in try peer.readFrame(isMasked: true) }
            var masks: Set<[UInt8]> = []
            for _ in 0..<300 {
                _ = try server.tell("send abc")
                masks.insert(Array(try peer.read(9)[2..<6]))
            }
            #expect(masks.count > 295)
            for count in [200, 70_000] {
                _ = try server.tell("bytes \(count)")
                #expect(try peer.readFrame(isMasked: true).payload == pattern(count))
            }
        }
    }

    /// What is no WebSocket is said, and followed by `onClose`.
    @Test(arguments: Setup.plain)
    func refusedHandshakes(_ setup: Setup) async throws {
        let cases = [
            ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "401 Unauthorized"),
            ("HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n", "location /there"), ("SSH-2.0-x\r\n", "HTTP"),
            (
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", "key"
            ),
        ]
        try await withClients(setup) { server, acceptor in
            for (answer, reason) in cases {
                _ = try server.tell("open ")
                let peer = try acceptor.accept()
                _ = try peer.read(through: "\r\n\r\n")
                try peer.send(answer)
                try server.event("connect")
                let events = try server.nextEvents(2)
                #expect(events[0].hasPrefix("error 1 ") && events[0].contains(reason), "\(events[0])")
                #expect(events[1] == "closed 1006")
                _ = try peer.readToEnd()
            }
        }
    }

    @Test(arguments: Setup.eachBackend.filter { !$0.isSecured })
    func timeOutsOfClients(_ setup: Setup) async throws {
        let options = ["--ws-handshake-timeout", "1", "--ws-close-timeout", "1", "--ping", "1", "--pong", "1"]
        try await withClients(setup, options) { server, acceptor in
            _ = try server.tell("open /")
            let silent = try acceptor.accept()
            #expect(try server.event("error").contains("did not answer"))
            silent.close()
            _ = try server.tell("open /")
            let (peer, _) = try accept(acceptor)
            var frame: WebSocketFrame
            repeat { frame = try peer.readFrame(isMasked: true) } while frame.kind == .text
            #expect(frame == WebSocketFrame(.ping))
            try server.event("open")
            #expect(try server.event("closed") == "closed 1006")
        }
    }

    /// The handshake is made anew, and callbacks are kept.
    @Test(arguments: Setup.plain)
    func reconnecting(_ setup: Setup) async throws {
        try await withClients(setup, ["--reconnects", "2"]) { server, acceptor in
            _ = try server.tell("open ")
            for round in 0..<3 {
                let (peer, _) = try accept(acceptor)
                let texts = try (0..<(round == 0 ? 2 : 1)).map { _ in try peer.readFrame(isMasked: true).text }
                #expect(texts.last == "second")
                if round == 1 { peer.reset() } else { try peer.send(WebSocketFrame(close: 1001).bytes(mask: nil)) }
                #expect(try server.event("closed") == "closed \(round == 1 ? 1006 : 1001)")
            }
        }
    }

    /// What waits for a handshake is not lost with an attempt; an end that the callback begins anew is one end.
    @Test(arguments: Setup.plain)
    func attemptsAndEndsThatAreBegunAnew(_ setup: Setup) async throws {
        try await withClients(setup, ["--by-itself", "yes"]) { server, acceptor in
            _ = try server.tell("open ")
            let failing = try acceptor.accept()
            _ = try failing.read(through: "\r\n\r\n")
            try failing.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            #expect(try server.event("closed") == "closed 1006")
            let (peer, _) = try accept(acceptor)
            #expect(try (0..<2).map { _ in try peer.readFrame(isMasked: true).text } == ["first", "second"])
            try peer.send(WebSocketFrame(close: 1000, "anew").bytes(mask: nil))
            #expect(try server.event("closed") == "closed 1000")
            let (next, _) = try accept(acceptor)
            // Its callbacks went with the life that `destroy` has ended.
            _ = try server.tell("send hello")
            #expect(try next.readFrame(isMasked: true).text == "hello")
            #expect(!acceptor.isAsked(within: 0.1))
            try server.finish()
            #expect(server.count("closed") == 2)
        }
    }

    /// A message in pieces is one of its own life.
    @Test(arguments: Setup.plain)
    func piecesOfAnEarlierLife(_ setup: Setup) async throws {
        try await withClients(setup, ["--by-itself", "yes"]) { server, acceptor in
            _ = try server.tell("open ")
            let (peer, _) = try accept(acceptor)
            _ = try (0..<2).map { _ in try peer.readFrame(isMasked: true) }
            _ = try server.tell("start")
            #expect(try server.tell("piece one") == "written")
            let frame = try peer.readFrame(isMasked: true)
            #expect(frame == WebSocketFrame(.text, "one", isFinal: false))
            peer.reset()
            let (next, _) = try accept(acceptor)
            #expect(try next.readFrame(isMasked: true).text == "second")
            #expect(try server.tell("piece two").contains("closed"))
            #expect(try server.tell("drop") == "ok")
            #expect(try server.tell("send still here") == "sent")
            #expect(try next.readFrame(isMasked: true).text == "still here")
        }
    }

    /// Who gives a connection up ends the loop over its messages.
    @Test(arguments: Setup.plain)
    func givingUpEndsTheLoop(_ setup: Setup) async throws {
        try await withClients(setup, ["--by-itself", "yes"]) { server, acceptor in
            _ = try server.tell("listen")
            let (peer, _) = try accept(acceptor)
            _ = try peer.readFrame(isMasked: true)
            try peer.send(WebSocketFrame(close: 1008).bytes(mask: nil))
            #expect(try server.event("over") == "over 1008")
        }
    }

    /// However a life ends, a loop over messages goes on with those of the next; a connection that is closed here stays
    /// closed.
    @Test(arguments: Setup.plain)
    func reconnectingByItself(_ setup: Setup) async throws {
        try await withClients(setup, ["--by-itself", "yes"]) { server, acceptor in
            #expect(try server.tell("listen") == "ok")
            for round in 0..<4 {
                if round == 2 {
                    // One that comes to nothing.
                    let peer = try acceptor.accept()
                    _ = try peer.read(through: "\r\n\r\n")
                    try peer.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
                    // Not of what could not be sent any more.
                    while try !server.event("error").contains("503") {}
                }
                let (peer, _) = try accept(acceptor)
                #expect(try peer.readFrame(isMasked: true).text == "subscribe")
                try peer.send(WebSocketFrame(.text, "\(round)").bytes(mask: nil))
                #expect(try server.event("heard") == "heard \(round)")
                // The time that a closing life was given does not end the next one.
                if round == 2 { #expect(!peer.isReadable(within: 1.2)) }
                switch round {
                case 0: peer.reset()
                case 1:
                    try peer.send(WebSocketFrame(close: 1012).bytes(mask: nil))
                    // So that it closes in order, rather than by a reset.
                    #expect(try peer.readFrame(isMasked: true).description == "close 1012 ")
                case 2: peer.close()
                default:
                    _ = try server.tell("close")
                    #expect(try peer.readFrame(isMasked: true).description == "close 1000 ")
                    try peer.send(WebSocketFrame(close: 1000).bytes(mask: nil))
                    peer.finishSending()
                }
            }
            #expect(try server.event("over") == "over 1000")
            #expect(!acceptor.isAsked(within: 0.2))
        }
    }

    /// Against a server of this library, over everything; TLS by its options.
    @Test(arguments: Setup.all, [[], ["--compress", "yes"]])
    func conversations(_ setup: Setup, _ compression: [String]) async throws {
        try await TestThreads.light.run {
            let peer = try ScenarioServer(
                "websocket", setup, compression.isEmpty ? [] : ["--compress", "usual", "--protocols", "x"])
            let scheme = setup.isSecured ? "wss" : "ws"
            let address = setup.transport == .unix ? "\(peer.endpoint)" : "\(scheme)://\(peer.endpoint)"
            let secured =
                setup.isSecured
                ? ["--server-name", "localhost", "--server-ca", TestCertificates.shared.certificate("localhost")] : []
            let client = try ScenarioServer(
                "websocket-client", setup, ["--to", address, "--protocols", "x"] + compression + secured)
            let selected = compression.isEmpty ? "none" : "x"
            #expect(try client.tell("converse") == "[\"\(selected)\", \"0\", \"1\", \"2\"] 1001")
            #expect(try peer.event("peer closes") == "peer closes 1001 done")
            #expect(try client.tell("ask") == "question 1000")
            #expect(try client.tell("wrong").contains("websocket is spoken by workers alone"))
            try client.finish()
            try peer.finish()
        }
    }
}
