import Foundation
import TestSupport
import Testing

import struct TestSupport.SeededGenerator

@testable import ApusLoad

@Suite struct `Addresses of agents` {
    @Test(arguments: [
        ("host1", "host1", 7788, "host1:7788"), ("host1:1", "host1", 1, "host1:1"),
        ("192.0.2.1:65535", "192.0.2.1", 65535, "192.0.2.1:65535"), ("[::1]", "::1", 7788, "[::1]:7788"),
        ("[fe80::1]:0", "fe80::1", 0, "[fe80::1]:0"),
    ])
    func `are read as people write them`(_ text: String, _ host: String, _ port: Int, _ description: String) throws {
        let address = try LoadAgentAddress(text, option: "--agents")
        #expect(address.host == host)
        #expect(Int(address.port) == port)
        #expect(address.description == description)
    }

    @Test(arguments: ["", ":1", "h:", "h:x", "h:65536", "h:1:2", "::1", "[::1", "[::1]1", "h ost", "http://h", "h:-1"])
    func `that are none are refused`(_ text: String) {
        let error = #expect(throws: LoadOptionsError.self) { try LoadAgentAddress(text, option: "--agents") }
        #expect(error?.option == "--agents")
    }
}

@Suite struct `Greeting of agents` {
    private static let secret = try? LoadAgentSecret(Array("sixteen bytes and more".utf8), from: "")
    private static let other = try? LoadAgentSecret(Array("sixteen bytes and more!".utf8), from: "")

    /// RFC 4231 §4.3 tells what HMAC-SHA256 is; this is that each part of a greeting goes into it.
    @Test func `proves the secret for this greeting, by this side, and nothing else`() {
        let challenge = AgentGreeting.Challenge(hasSecret: true)
        let answer = AgentGreeting.Answer(to: challenge, Self.secret)
        let expected = AgentGreeting.proof(of: .coordinator, Self.secret, challenge, answer.nonce)
        #expect(AgentGreeting.isSame(answer.proof, as: expected))
        let others = [
            AgentGreeting.proof(of: .agent, Self.secret, challenge, answer.nonce),
            AgentGreeting.proof(of: .coordinator, Self.other, challenge, answer.nonce),
            AgentGreeting.proof(of: .coordinator, nil, challenge, answer.nonce),
            AgentGreeting.proof(of: .coordinator, Self.secret, .init(hasSecret: true), answer.nonce),
            AgentGreeting.proof(of: .coordinator, Self.secret, challenge, AgentGreeting.nonce()), [], [0],
        ]
        for other in others { #expect(!AgentGreeting.isSame(other, as: expected)) }
        for index in expected.indices {
            var wrong = expected
            wrong[index] ^= 1
            #expect(!AgentGreeting.isSame(wrong, as: expected))
        }
    }

    @Test func `does not send the secret`() throws {
        let secret = try #require(Self.secret)
        let challenge = AgentGreeting.Challenge(hasSecret: true)
        let answer = AgentGreeting.Answer(to: challenge, secret)
        let admission = AgentGreeting.Admission(answer, to: challenge, secret, processes: 1)
        for sent in [challenge.encoded, answer.encoded, admission.encoded] {
            #expect(sent.firstRange(of: secret.bytes) == nil)
        }
    }

    @Test func `asks for a secret that cannot be guessed`() {
        let error = #expect(throws: LoadOptionsError.self) { try LoadAgentSecret(Array("short".utf8), from: "--x") }
        #expect(error?.description.hasPrefix("--x: a secret has at least 16 bytes") == true)
    }
}

@Suite struct `Coordinator of agents` {
    private func error(_ options: LoadOptions) -> String {
        do {
            return "no error: " + (try LoadRun.run(options)).text
        } catch {
            return "\(error)"
        }
    }

    private func words(_ agent: ScriptedAgent) -> String { error(.from(agent)) }

    /// The means of the two agents' figures would be others, all of them.
    @Test func `merges histograms, and averages nothing`() throws {
        let quick = Self.agent { result in
            for _ in 0..<980 { result.latencies.record(nanoseconds: 1_000_000, count: 1) }
        }
        let slow = Self.agent { result in
            for _ in 0..<19 { result.latencies.record(nanoseconds: 500_000_000, count: 1) }
            result.latencies.record(nanoseconds: 2_000_000_000, count: 1)
        }
        defer {
            quick.stop()
            slow.stop()
        }
        let report = try LoadRun.run(.from(quick, slow))
        #expect(report.latencies.count == 1000)
        #expect(report.requests == 1000)
        #expect(report.processes == 2)
        #expect(report.agents.map(\.requests) == [980, 20])
        let latency = report.latency
        #expect(latency.min == 1000)
        #expect(latency.max == 2_000_000)
        for (percentile, milliseconds) in [(50.0, 1.0), (90, 1), (98, 1), (98.1, 500), (99.9, 500), (99.91, 2000)] {
            let value = report.latencies.microseconds(atPercentile: percentile) / 1000
            #expect(abs(value / milliseconds - 1) < 0.002, "\(percentile): \(value)")
        }
        #expect(abs(latency.mean / 12_480 - 1) < 0.002)
        // The agents' intervals lie beside each other, too.
        #expect(report.timeline.map(\.requests) == [1000])
        #expect(abs(report.timeline[0].microseconds(atPercentile: 99) / 500_000 - 1) < 0.002)
    }

    private static func agent(_ change: @escaping @Sendable (inout LoadResult) -> Void) -> ScriptedAgent {
        ScriptedAgent { channel in
            var result = LoadResult()
            result.elapsed = 1_000_000_000
            result.connectionsOpened = 1
            change(&result)
            result.requests = result.latencies.count
            var recorder = IntervalRecorder()
            var progress = LoadProgress()
            progress.requests = result.requests
            progress.interval = recorder.last(result, result.elapsed)?.interval
            guard channel.send(.ready), channel.receive(timeout: -1)?.kind == .start else { return }
            _ = channel.send(.progress, progress.encoded) && channel.send(.result, result.encoded)
            while channel.state == .open { _ = channel.receive(timeout: -1) }
        }
    }

    @Test func `warns of the agent that was the bottleneck`() throws {
        let idle = Self.agent { result in
            result.cpuTime = result.elapsed / 100
            result.latencies.record(nanoseconds: 1000, count: 1)
        }
        let busy = Self.agent { result in
            result.cpuTime = result.elapsed / 100 * 97
            result.latencies.record(nanoseconds: 1000, count: 1)
        }
        defer {
            idle.stop()
            busy.stop()
        }
        let report = try LoadRun.run(.from(idle, busy))
        #expect(report.wasClientBottleneck)
        #expect(report.text.contains("Agent \(busy.address) was busy 97 % of the time"))
        #expect(report.text.contains("Processes    2 of 2 agents\n"))
        let agents = try #require(try jsonObject(report.json)["agents"] as? [[String: Any]])
        #expect(agents.map { $0["client_cpu_percent"] as? Double } == [1, 97])
    }

    @Test func `names another version`() {
        let future = ScriptedAgent.stranger({ channel in
            _ = channel.send(bytes: AgentGreeting.preamble(version: AgentGreeting.version + 1))
            _ = channel.receive(timeout: -1)
        })
        defer { future.stop() }
        let version = AgentGreeting.version
        #expect(words(future) == "agent \(future.address) speaks version \(version + 1), this is \(version)")
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", ""])
    func `names what is no agent`(_ words: String) {
        let server = ScriptedAgent.stranger({ _ = $0.send(bytes: Array(words.utf8)) })
        defer { server.stop() }
        let reason = words.isEmpty ? "does not greet: the connection was closed" : "is no agent of apus load"
        #expect(self.words(server) == "agent \(server.address) \(reason)")
    }

    @Test func `names an agent that only claims to know the secret`() throws {
        let agent = ScriptedAgent.stranger({ channel in
            let challenge = AgentGreeting.Challenge(hasSecret: true)
            _ = channel.send(bytes: AgentGreeting.preamble()) && channel.send(.challenge, challenge.encoded)
            guard channel.receiveBytes(AgentGreeting.preambleCount, timeout: -1) != nil,
                let answer = channel.receive(timeout: -1).flatMap({ AgentGreeting.Answer(decoding: $0.bytes) })
            else { return }
            let admission = AgentGreeting.Admission(answer, to: challenge, nil, processes: 1)
            _ = channel.send(.admitted, admission.encoded)
            _ = channel.receive(timeout: -1)
        })
        defer { agent.stop() }
        var options = LoadOptions.from(agent)
        options.agentSecret = try LoadAgentSecret(Array("sixteen bytes and more".utf8), from: "")
        #expect(error(options) == "agent \(agent.address) does not know the secret")
        // And one that asks for none is not told what the secret is good for.
        let open = ScriptedAgent { _ in }
        defer { open.stop() }
        options.agents = [open.address]
        #expect(error(options) == "agent \(open.address) was started without a secret, and here one is given")
    }

    @Test func `shows no control characters of others`() {
        let agent = ScriptedAgent { channel in _ = channel.send(.failure, Array("fails\u{1B}[2J\r\n".utf8)) }
        defer { agent.stop() }
        #expect(words(agent) == "agent \(agent.address) fails[2J")
    }

    struct Breakage: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let script: @Sendable (inout ProcessChannel) -> Void
    }

    static let breakages: [Breakage] = [
        Breakage(testDescription: "no kind of message") { _ = $0.send(bytes: [UInt8](repeating: 0xEE, count: 100)) },
        Breakage(testDescription: "a message without an end") { channel in
            _ = channel.send(bytes: [ProcessChannel.Kind.result.rawValue] + [UInt8](repeating: 0x7F, count: 8))
            _ = channel.receive(timeout: -1)
        },
        Breakage(testDescription: "a message longer than any") { channel in
            _ = channel.send(bytes: [ProcessChannel.Kind.result.rawValue, 0, 0, 0, 0, 0x10, 0, 0, 0])
            _ = channel.receive(timeout: -1)
        },
        Breakage(testDescription: "an empty result") { _ = $0.send(.result) },
        Breakage(testDescription: "random progress") { channel in
            var random = SeededGenerator(seed: 1)
            _ = channel.send(.progress, (0..<200).map { _ in .random(in: 0...255, using: &random) })
        },
        Breakage(testDescription: "progress that goes back") { channel in
            var progress = LoadProgress()
            progress.requests = 2
            _ = channel.send(.progress, progress.encoded)
            progress.requests = 1
            _ = channel.send(.progress, progress.encoded)
        },
        Breakage(testDescription: "half a message") { _ = $0.send(bytes: [ProcessChannel.Kind.result.rawValue, 0]) },
        Breakage(testDescription: "what only a coordinator says") { _ = $0.send(.start) },
    ]

    @Test(arguments: breakages)
    func `names an agent that is broken`(_ breakage: Breakage) {
        let agent = ScriptedAgent { channel in
            guard channel.send(.ready), channel.receive(timeout: -1)?.kind == .start else { return }
            breakage.script(&channel)
            while channel.state == .open { _ = channel.receive(timeout: -1) }
        }
        defer { agent.stop() }
        let words = words(agent)
        #expect(words.hasPrefix("agent \(agent.address) was lost: "), "\(words)")
        #expect(words.hasSuffix("; its part is missing, so there is no report"))
    }

    @Test func `divides nothing among more processes than connections`() {
        let agents = [ScriptedAgent { _ in }, ScriptedAgent { _ in }]
        defer { for agent in agents { agent.stop() } }
        var options = LoadOptions.from(agents[0], agents[1])
        options.connections = 1
        #expect(error(options) == "--connections: the agents' 2 processes cannot share 1 connections")
    }

    @Test func `sends no more than agents take`() {
        let agent = ScriptedAgent { _ in }
        defer { agent.stop() }
        var options = LoadOptions.from(agent)
        options.body = [UInt8](repeating: 0x61, count: 64 << 20)
        #expect(error(options) == "--body: agents take at most 64 MiB")
    }

    @Test func `refuses what agents cannot do`() throws {
        var options = LoadOptions(url: "http://127.0.0.1/")
        options.agents = [LoadAgentAddress(host: "a", port: 1)]
        try options.validate()
        var wrong = [options, options, options, options]
        wrong[0].processes = 2
        wrong[1].unixPath = "/run/socket"
        wrong[2].agents += options.agents
        wrong[3].agents = (1...101).map { LoadAgentAddress(host: "a", port: $0) }
        for options in wrong { #expect(throws: LoadOptionsError.self) { try options.validate() } }
    }
}

@Suite(.serialized) struct `Agent` {
    @Test func `refuses to listen for others without a secret`() throws {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let result = try apusLoad("agent", "--listen", address)
            #expect(result.status == 64)
            #expect(result.errors.contains("needs a secret, with --secret-file or APUS_LOAD_SECRET"))
        }
        let short = try RunningProgram(
            Products.tool, ["load", "agent", "--listen", "0.0.0.0:0"], environment: ["APUS_LOAD_SECRET": "short"])
        let result = short.finish()
        #expect(result.status == 64)
        #expect(result.errors.contains("at least 16 bytes"))
    }

    @Test func `ends with 0 when it is asked to`() throws {
        for signal in [SIGINT, SIGTERM] {
            let agent = try RunningAgent()
            agent.signal(signal)
            #expect(agent.finish().status == 0)
        }
    }

    @Test func `explains itself`() throws {
        let help = try apusLoad("agent", "--help")
        #expect(help.status == 0)
        for word in ["--listen", "--threads", "--secret-file", "neither encrypted", "ssh -N -L"] {
            #expect(help.output.contains(word), "\(word)")
        }
        #expect(try apusLoad("--help", "hosts").output.contains("--agents"))
    }

    /// Whatever comes, the agent lives, and serves the next one.
    @Test func `survives strangers`() throws {
        let agent = try RunningAgent()
        var random = SeededGenerator(seed: 7)
        for round in 0..<60 {
            let stranger = try ScriptedCoordinator(agent)
            defer { stranger.close() }
            let bytes: [UInt8] = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                .random(in: 0...255, using: &random)
            }
            switch round % 4 {
            case 0: _ = stranger.channel.send(bytes: bytes)
            case 1: _ = stranger.channel.send(bytes: AgentGreeting.preamble() + bytes)
            case 2: _ = stranger.channel.send(bytes: AgentGreeting.preamble()) && stranger.channel.send(.answer, bytes)
            default:
                #expect(stranger.enter())
                _ = stranger.channel.send(.plan, bytes)
                #expect(stranger.end() == "was sent a plan that cannot be understood")
            }
        }
        try expectService(agent)
    }

    @Test func `tells another version`() throws {
        let agent = try RunningAgent()
        let coordinator = try ScriptedCoordinator(agent)
        defer { coordinator.close() }
        let version = AgentGreeting.version
        #expect(coordinator.channel.send(bytes: AgentGreeting.preamble(version: version + 1)))
        #expect(coordinator.challenge() != nil)
        #expect(coordinator.end() == "speaks version \(version), the coordinator \(version + 1)")
        #expect(agent.line(with: "speaks version \(version), the coordinator \(version + 1)") != nil)
        try expectService(agent)
    }

    /// Behind Unix sockets are services that trust whoever may open them.
    @Test func `connects to no Unix socket for others`() throws {
        let agent = try RunningAgent()
        let coordinator = try ScriptedCoordinator(agent)
        defer { coordinator.close() }
        #expect(coordinator.enter())
        let plan = LoadPlan(endpoint: .unix(path: "/run/socket"), request: [0x61], timeout: 1_000_000)
        let share = AgentShare(plan, processes: 0..<1, of: 1)
        #expect(coordinator.channel.send(.plan, share.encoded))
        #expect(coordinator.end() == "was sent a plan that cannot be understood")
        try expectService(agent)
    }

    /// What answers one coordinator is of no use to another.
    @Test func `lets nobody in with the answer to another greeting`() throws {
        let agent = try RunningAgent(environment: RunningAgent.secret)
        let secret = try LoadAgentSecret(Array(RunningAgent.secret.values.joined().utf8), from: "")
        let seen = try ScriptedCoordinator(agent)
        let answer = AgentGreeting.Answer(to: try #require(seen.challenge()), secret)
        seen.close()
        let again = try ScriptedCoordinator(agent)
        defer { again.close() }
        #expect(again.challenge() != nil)
        #expect(again.channel.send(bytes: AgentGreeting.preamble()) && again.channel.send(.answer, answer.encoded))
        #expect(again.end() == "refuses the coordinator: its secret is another one")
        let known = try ScriptedCoordinator(agent)
        defer { known.close() }
        #expect(known.enter(secret))
    }

    private func expectService(_ agent: RunningAgent) throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        let result = try apusLoad("--agents", agent.address, "-n", "20", "-c", "2", server.url)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("Requests     20   "))
    }
}
