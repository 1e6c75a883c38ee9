import TestSupport
import Testing

/// What connections cost that wait.
@Suite struct IdleMemoryTests {
    /// A plain one a few hundred bytes; one over TLS what OpenSSL needs, without what it would keep of the handshake
    /// and of the certificates: see bench/README.md.
    @Test(arguments: Setup.eachBackend)
    func idleConnectionsCostLittle(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--keep-alive", "600"], on: .heavy) { server in
            let facts = try #require(server.process.facts)
            func open(_ count: Int) throws -> [Client] {
                try (0..<count).map { _ in
                    // At once: a server waits for the first request only so long.
                    let client = try server.connect()
                    #expect(try client.get("/").status == 200)
                    return client
                }
            }
            let first = try open(200)
            let before = facts.residentBytes
            let more = try open(800)
            let each = (facts.residentBytes - before) / more.count
            #expect(each < (setup.isSecured ? 13 * 1024 : 1000), "\(each) bytes")
            withExtendedLifetime(first) {}
        }
    }
}
