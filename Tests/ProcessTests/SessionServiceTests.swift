import TestSupport
import Testing

/// Sessions that several processes of a service share.
@Suite struct SessionServiceTests {
    @Test(arguments: backends)
    func processesShareSessions(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let service = try Service(
                "ConformanceServer", "sessions", backend,
                ["--listen", "127.0.0.1:0", "--count", "2", "--store", "file", "--folder", folder.path])
            let (master, _, _, clients) = try startedWithClients(service)
            let both = try [#require(clients[0]), #require(clients[1])]
            var id: String?
            for round in 0..<20 {
                let client = both[round % 2]
                let cookie = id.map { "Cookie: SID=\($0)\r\n" } ?? ""
                // Half way the client logs in, at the process that answers it just then.
                let path = round == 10 ? "/regenerate" : "/count?n"
                try client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\(cookie)\r\n")
                let reply = try client.readReply()
                let new = reply["Set-Cookie"].map { String($0.dropFirst(4).prefix { $0 != ";" }) }
                #expect(round == 0 || (new == id) == (round != 10))
                id = new ?? id
                #expect(reply.text == "n=\(round < 10 ? round + 1 : round)")
            }
            #expect(try master.stop() == .code(0))
        }
    }
}
