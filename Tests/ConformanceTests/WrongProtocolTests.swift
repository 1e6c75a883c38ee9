import TestSupport
import Testing

/// Clients that speak something else to a port of HTTP: each gets what it understands, and the log says what it is.
@Suite struct WrongProtocolTests {
    private static let tcp = Setup.tcp.filter { !$0.isSecured }
    private static let secured = Setup.tcp.filter { $0.isSecured }

    @Test(arguments: tcp)
    func tlsOnAPlainPort(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            for _ in 0..<3 {
                let client = try server.connect()
                try client.send(Client.tlsHello())
                let end = try client.readToEnd()
                #expect(end.bytes == [0x15, 3, 1, 0, 2, 2, 70] && end.ending == .finished)
            }
            #expect(throws: Failure.self) { _ = try Client(server.endpoint, isSecured: true) }
            #expect(try server.connect().get("/").status == 200)
            // Nobody fills the log with it.
            #expect((1...2).contains(server.log.count(of: "speaks TLS on a plain port (http://")))
        }
    }

    @Test(arguments: tcp)
    func http2WithoutAsking(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            #expect(try client.readReply().status == 505)
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(server.log.contains("speaks HTTP/2 without asking"))
            // Behind a request it is none.
            let late = try server.connect()
            #expect(try late.get("/").status == 200)
            try late.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            #expect(try late.readReply().status == 400)
        }
    }

    @Test(
        arguments: tcp,
        [
            Array("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".utf8), Array("PROXY UNKNOWN\r\n".utf8),
            Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [0x21, 0x11, 0, 12] + Array(repeating: 1, count: 12),
        ])
    func aLoadBalancerThatIsNotTrusted(_ setup: Setup, _ header: [UInt8]) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send(header + Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
            #expect(try client.readReply().status == 400)
            #expect(server.log.contains("sends a header of the PROXY protocol"))
            #expect(server.log.contains("`trustedProxies`"))
        }
    }

    @Test(arguments: secured)
    func plainHTTPOnATLSPort(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            for body in ["", String(repeating: "x", count: 5000)] {
                let client = try Client(server.endpoint)
                try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                let reply = try client.readReply()
                #expect(reply.status == 400 && reply.text == "This port speaks TLS: use https://\n")
                let end = try client.readToEnd()
                #expect(end.bytes.isEmpty && end.ending == .finished)
            }
            #expect(server.log.contains("the client speaks plain HTTP on a TLS port"))
            #expect(try server.connect().get("/").status == 200)
        }
    }
}
