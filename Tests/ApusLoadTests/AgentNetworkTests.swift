import Foundation
import Testing

import class TestSupport.TestCertificates

/// Each host is a network namespace, which root can make where the system lets it.
@Suite(
    .serialized,
    .enabled(if: NetworkNamespace.canBeMade, "network namespaces, bridges and veth pairs cannot be made here"))
struct `Load from several hosts` {
    /// A load from the network's third host.
    private func load(
        _ network: TestNetwork, _ agents: [RunningAgent], _ arguments: [String],
        secret: [String: String] = RunningAgent.secret
    ) throws -> RunningProgram {
        let names = agents.map(\.address).joined(separator: ",")
        return try RunningProgram(
            Products.tool, ["load", "--agents", names] + arguments, in: network.coordinator, environment: secret)
    }

    private func withNetwork(
        _ option: String = "http", _ body: (TestNetwork, ExampleServer, [RunningAgent]) throws -> Void
    ) throws {
        let network = try TestNetwork()
        let server = try ExampleServer(option, on: TestNetwork.serverAddress, in: network.server)
        defer { server.stop() }
        let agents = [
            try RunningAgent(in: network.agents[0], processes: 2), try RunningAgent(in: network.agents[1]),
        ]
        try body(network, server, agents)
    }

    @Test(arguments: [
        [], ["-R", "8k"], ["-R", "8k", "--arrivals", "poisson"], ["--no-keepalive"], ["--pipeline", "8"],
    ])
    func `makes exactly as many requests as it was asked for`(_ arguments: [String]) throws {
        try withNetwork { network, server, agents in
            let hgrm = network.folder.appending(component: "hgrm").path
            let result = try load(
                network, agents, ["-n", "4007", "-c", "11", "--json", "--hgrm", hgrm, server.url] + arguments
            ).finish()
            #expect(result.status == 0, "\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 4007)
            #expect((report["status"] as? [String: Int])?["2xx"] == 4007)
            #expect(report["processes"] as? Int == 3)
            #expect(try server.requestCount() == 4007)
            // One after the other, each of the three processes gets one more than its share until nothing is left.
            let parts = try #require(report["agents"] as? [[String: Any]])
            #expect(parts.map { $0["address"] as? String } == agents.map(\.address))
            #expect(parts.map { $0["processes"] as? Int } == [2, 1])
            #expect(parts.map { $0["requests"] as? Int } == [2672, 1335])
            let distribution = try String(contentsOfFile: hgrm, encoding: .utf8)
            #expect(distribution.contains("Total count    =         4007"), "\(distribution.suffix(200))")
            let timeline = try #require(report["timeline"] as? [[String: Any]])
            #expect(timeline.compactMap { $0["requests"] as? Int }.reduce(0, +) == 4007)
            #expect(agents[0].line(with: "2,672 requests, 0 errors") != nil)
            #expect(agents[1].line(with: "1,335 requests, 0 errors") != nil)
        }
    }

    @Test func `puts on a rate for a time, and one step after the other`() throws {
        try withNetwork { network, server, agents in
            let result = try load(network, agents, ["-R", "600", "-d", "1s", "-c", "12", "--json", server.url]).finish()
            #expect(result.status == 0, "\(result.errors)")
            let report = try jsonObject(result.output)
            // The shares interleave: none has a request more than the others.
            #expect(report["requests"] as? Int == 600)
            #expect(report["unfinished"] as? Int == 0)
            #expect(try server.requestCount() == 600)
            let steps = try load(
                network, agents, ["--steps", "300,600", "-d", "500ms", "-c", "12", "--json", server.url]
            ).finish()
            #expect(steps.status == 0, "\(steps.errors)")
            let reports = try #require(try jsonObject(steps.output)["steps"] as? [[String: Any]])
            #expect(reports.compactMap { $0["requests"] as? Int } == [150, 300])
        }
    }

    @Test func `looks up names of agents and of the server where it is called`() throws {
        try withNetwork { network, server, agents in
            let port = try #require(agents[1].address.split(separator: ":").last)
            let url = server.url.replacingOccurrences(of: TestNetwork.serverAddress, with: "server.test")
            let result = try RunningProgram(
                Products.tool, ["load", "--agents", "two.test:\(port)", "-n", "50", "-c", "2", url],
                in: network.coordinator, environment: RunningAgent.secret
            ).finish()
            #expect(result.status == 0, "\(result.errors)")
            #expect(
                result.output.contains("Processes    1 of 1 agent\n             two.test:\(port)   1   50 requests"))
            #expect(try server.requestCount() == 50)
            let unknown = try RunningProgram(
                Products.tool, ["load", "--agents", "three.test", url], in: network.coordinator
            ).finish()
            #expect(unknown.status == 1)
            #expect(unknown.errors.hasPrefix("apus load: agent three.test:7788 cannot be reached: "))
        }
    }

    /// The file is there where the load is started, and nowhere else.
    @Test func `carries the authorities of a server to the agents`() throws {
        try withNetwork("https") { network, server, agents in
            let file = network.folder.appending(component: "authorities.pem").path
            try FileManager.default.copyItem(atPath: TestCertificates.shared.certificate("localhost"), toPath: file)
            for agent in network.agents { try agent.hide(network.folder.path) }
            let arguments = ["-n", "307", "-c", "6", "--json", "--sni", "localhost", server.url]
            let result = try load(network, agents, arguments + ["--cacert", file]).finish()
            #expect(result.status == 0, "\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 307)
            #expect(report["handshakes"] as? Int == 6)
            let unknown = try load(network, agents, arguments).finish()
            #expect(unknown.status == 1)
            #expect(unknown.errors.contains(" from agent 10.77.0."))
            #expect(unknown.errors.contains(": self-signed certificate"))
        }
    }

    @Test func `lets nobody in who does not know the secret`() throws {
        try withNetwork { network, server, agents in
            let cases = [
                (
                    ["APUS_LOAD_SECRET": "a secret that others use"],
                    "refuses the coordinator: its secret is another one"
                ),
                ([:], "asks for a secret: give it with --secret-file or APUS_LOAD_SECRET"),
            ]
            for (secret, reason) in cases {
                let result = try load(network, agents, ["-n", "10", "-c", "3", server.url], secret: secret).finish()
                #expect(result.status == 1)
                #expect(result.errors == "apus load: agent \(agents[0].address) \(reason)\n")
            }
            #expect(agents[0].line(with: "refuses the coordinator")?.contains(" 10.77.0.4:") == true)
            let file = network.folder.appending(component: "secret")
            try Data("a secret that only tests use\n".utf8).write(to: file)
            let result = try load(
                network, agents, ["-n", "10", "-c", "3", "--secret-file", file.path, server.url], secret: [:]
            ).finish()
            #expect(result.status == 0, "\(result.errors)")
            #expect(try server.requestCount() == 10)
        }
    }

    /// Until the load that a program puts on has come to the server.
    private func waitForLoad(of program: RunningProgram, on server: ExampleServer, after count: Int = 0) throws {
        while try server.requestCount() <= count { try #require(program.isRunning) }
    }

    @Test func `names an agent that was killed, and lets the others go`() throws {
        try withNetwork { network, server, agents in
            let program = try load(network, agents, ["-d", "600s", "-c", "6", server.url])
            try waitForLoad(of: program, on: server)
            agents[0].signal(SIGKILL)
            let result = program.finish()
            #expect(result.status == 1)
            #expect(result.output.isEmpty)
            #expect(
                result.errors.hasPrefix("apus load: agent \(agents[0].address) was lost: the connection was closed;"),
                "\(result.errors)")
            #expect(agents[1].line(with: "then the coordinator was gone") != nil)
            try expectIdle(network, server, [agents[1]])
        }
    }

    /// Neither side hears of the other's end.
    @Test func `finds an agent that has vanished by its silence`() throws {
        try withNetwork { network, server, agents in
            let program = try load(network, agents, ["-d", "600s", "-c", "6", server.url])
            try waitForLoad(of: program, on: server)
            try network.agents[0].vanish()
            let result = program.finish()
            #expect(result.status == 1)
            #expect(
                result.errors.contains("agent \(agents[0].address) was lost: it has said nothing for 10.0 s"),
                "\(result.errors)")
            for agent in agents { #expect(agent.line(with: "then the coordinator was gone") != nil) }
        }
    }

    @Test func `ends when whoever started it was killed`() throws {
        try withNetwork { network, server, agents in
            let program = try load(network, agents, ["-d", "600s", "-c", "6", server.url])
            try waitForLoad(of: program, on: server)
            program.signal(SIGKILL)
            _ = program.finish()
            for agent in agents { #expect(agent.line(with: "then the coordinator was gone") != nil) }
            try expectIdle(network, server, agents)
        }
    }

    /// No load is left of the run before, and the next one runs.
    private func expectIdle(_ network: TestNetwork, _ server: ExampleServer, _ agents: [RunningAgent]) throws {
        var before = -1
        // Processes of an agent that was killed end by themselves, a moment later.
        while try server.requestCount() != before { before = try server.requestCount() }
        let result = try load(network, agents, ["-n", "100", "-c", "6", server.url]).finish()
        #expect(result.status == 0, "\(result.errors)")
        #expect(try server.requestCount() == before + 100)
    }

    @Test func `reports what was done until Ctrl-C`() throws {
        try withNetwork { network, server, agents in
            let program = try load(network, agents, ["-d", "600s", "-c", "6", "--json", server.url])
            try waitForLoad(of: program, on: server)
            program.signal(SIGINT)
            let result = program.finish()
            #expect(result.status == 0, "\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["interrupted"] as? Bool == true)
            let done = try #require(report["requests"] as? Int)
            let unfinished = try #require(report["unfinished"] as? Int)
            let count = try server.requestCount()
            #expect(count >= done && count <= done + unfinished)
        }
    }

    @Test func `says that an agent is busy, or was ended`() throws {
        try withNetwork { network, server, agents in
            let first = try load(network, agents, ["-d", "600s", "-c", "6", server.url])
            try waitForLoad(of: first, on: server)
            let second = try load(network, [agents[1]], ["-n", "1", "-c", "1", server.url]).finish()
            #expect(second.status == 1)
            #expect(second.errors == "apus load: agent \(agents[1].address) is busy with another load\n")
            try waitForLoad(of: first, on: server, after: server.requestCount())
            agents[1].signal(SIGTERM)
            let result = first.finish()
            #expect(result.status == 1)
            #expect(result.errors == "apus load: agent \(agents[1].address) was ended on its host\n")
            #expect(agents[1].finish().status == 0)
        }
    }

    @Test func `says which agent cannot reach the server`() throws {
        try withNetwork { network, _, agents in
            let url = "http://\(TestNetwork.serverAddress):1/"
            let result = try load(network, agents, ["-d", "600s", "-c", "6", url]).finish()
            #expect(result.status == 1)
            #expect(result.errors.hasPrefix("apus load: cannot connect to \(TestNetwork.serverAddress):1 from agent "))
            #expect(result.errors.hasSuffix(": Connection refused\n"))
        }
    }
}
