import TestSupport
import Testing

/// Spans of a server's requests: the handlers run on the loop, and those that wait take turns.
@Suite struct TraceTests {
    @Test(arguments: Setup.tcp)
    func spansKnowTheirClient(_ setup: Setup) async throws {
        try await withScenario("traces", setup) { server in
            let scheme = setup.isSecured ? "https" : "http"
            #expect(try server.connect().get("/at-once/7").text == scheme)
            #expect(try server.nextEvent().hasPrefix("span inner "))
            let event = try server.nextEvent()
            #expect(event.hasPrefix("span GET /at-once/:id "))
            #expect(event.hasSuffix(" \(scheme) \(setup.transport == .ipv6 ? "::1" : "127.0.0.1")"), "\(event)")
        }
    }

    /// Each handler finds its own request's span again behind its wait.
    @Test(arguments: Setup.eachBackend)
    func handlersThatWaitKeepTheirSpans(_ setup: Setup) async throws {
        try await withScenario("traces", setup) { server in
            let clients = try (0..<8).map { _ in try server.connect() }
            for (number, client) in clients.enumerated() {
                try client.send(
                    "GET /waits/\(40 - number) HTTP/1.1\r\nHost: h\r\nIn-Memory-Trace-Id: trace-\(40 - number)\r\n"
                        + "In-Memory-Span-Id: client\r\n\r\n")
            }
            for client in clients { #expect(try client.readReply().text == "waited") }
            let spans = try server.nextEvents(16)
            for number in 33...40 {
                let own = spans.filter { $0.contains(" trace=trace-\(number) ") }
                #expect(own.count == 2, "\(spans)")
                let inner = try #require(own.first { $0.hasPrefix("span inner \(number) ") })
                let outer = try #require(own.first { $0.hasPrefix("span GET /waits/:milliseconds ") })
                let id = try #require(outer.split(separator: " ").first { $0.hasPrefix("id=") }).dropFirst(3)
                #expect(inner.contains(" parent=\(id) ") && outer.contains(" parent=client "))
            }
        }
    }
}
