import TestSupport
import Testing

/// Events between "hosts": programs with folders and ports of their own, and eight workers in all.
@Suite struct ClusterServiceTests {
    /// The servers between them, and two hosts.
    private func withHosts(
        _ recipe: String, _ backend: String, _ options: (_ host: String) -> [String],
        _ body: (_ hosts: [[Endpoint]]) throws -> Void
    ) throws {
        let folder = try TemporaryFolder()
        let places = ["--channel", "unix:\(folder.file("channel"))", "--data", "unix:\(folder.file("data"))"]
        let servers = try Service("Examples", "ClusterServers", backend, places)
        let (between, _) = try servers.start()
        let services = try ["a", "b"].map { host in
            try Service(
                "Examples", recipe, backend,
                Array(places[..<2]) + ["--count", "4", "--websocket", "127.0.0.1:0"] + options(host))
        }
        var masters: [ServerProcess] = []
        var hosts: [[Endpoint]] = []
        for service in services {
            let master = try service.launch("start")
            hosts.append(try master.endpoints())
            _ = master.children
            masters.append(master)
        }
        try body(hosts)
        for master in masters + [between] { #expect(try master.stop() == .code(0)) }
    }

    private func open(_ endpoint: Endpoint) throws -> Client {
        let client = try Client(endpoint)
        _ = try client.openWebSocket()
        return client
    }

    @Test(arguments: backends)
    func aRequestReachesAClientOfAnotherProcess(_ backend: String) async throws {
        try await TestThreads.light.run {
            try withHosts("ChannelClusterPush", backend) {
                ["--http", "127.0.0.1:0", "--host", $0]
            } _: { hosts in
                let clients = try hosts.flatMap { host in try (0..<8).map { _ in try open(host[0]) } }
                let ids = try clients.map { String(decoding: try $0.readFrame().payload, as: UTF8.self) }
                #expect(Set(ids).count == 16)
                #expect(ids[..<8].allSatisfy { $0.hasPrefix("a-") } && ids[8...].allSatisfy { $0.hasPrefix("b-") })
                // Processes that have just started may not have subscribed yet.
                let front = try hosts.map { try Client($0[1]) }
                for (index, client) in clients.enumerated() {
                    let reply = try waitFor("a process that has subscribed", within: 60) { () -> String? in
                        let text = try front[index % 2].get("/?to=\(ids[index])&content=n\(index)").text
                        return text == "1 processes\n" ? text : nil
                    }
                    #expect(reply == "1 processes\n")
                    #expect(try client.readFrame() == WebSocketFrame(.text, "n\(index)"))
                }
                #expect(try front[0].get("/?content=all").text == "8 processes\n")
                for client in clients { #expect(try client.readFrame() == WebSocketFrame(.text, "all")) }
                #expect(try front[1].get("/?to=nobody&content=x").status == 400)
                #expect(try front[1].get("/").status == 400)
            }
        }
    }

    @Test(arguments: backends)
    func membersOfAGroupAreInAllProcesses(_ backend: String) async throws {
        try await TestThreads.light.run {
            try withHosts("ChannelGroups", backend) { _ in
                []
            } _: { hosts in
                let clients = try hosts.flatMap { host in try (0..<8).map { _ in try open(host[0]) } }
                for (index, client) in clients.enumerated() {
                    try client.send(WebSocketFrame(.text, #"{"cmd":"add_group","group":"g\#(index % 2)"}"#))
                    #expect(try client.readFrame() == WebSocketFrame(.text, "joined g\(index % 2)"))
                }
                // Until all eight have subscribed: from then on each message reaches all members.
                try client(clients[0], reachesAll: stride(from: 0, to: 16, by: 2).map { clients[$0] })
                try clients[1].send(WebSocketFrame(.text, #"{"cmd":"send_to_group","group":"g1","message":"odd"}"#))
                for index in stride(from: 1, to: 16, by: 2) {
                    #expect(try clients[index].readFrame() == WebSocketFrame(.text, "odd"))
                }
            }
        }
    }

    private func client(_ sender: Client, reachesAll members: [Client]) throws {
        var last = 0
        try waitFor("a message that reaches all", within: 60) { () -> Void? in
            last += 1
            try sender.send(WebSocketFrame(.text, #"{"cmd":"send_to_group","group":"g0","message":"\#(last)"}"#))
            for member in members {
                repeat {
                    guard member.isReadable(within: 0.5) else { return nil }
                } while try member.readFrame() != WebSocketFrame(.text, "\(last)")
            }
            return ()
        }
    }
}
