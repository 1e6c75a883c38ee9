import CApus
import Foundation
import TestSupport

@testable import ApusLoad

/// An agent that says what a test wants.
final class ScriptedAgent: Sendable {
    private let server: ScriptedServer

    var address: LoadAgentAddress { LoadAgentAddress(host: "127.0.0.1", port: server.port) }

    /// Lets a coordinator in, and takes its plan. `script` says the rest.
    convenience init(_ script: @escaping @Sendable (inout ProcessChannel) -> Void) {
        self.init(from: { channel in
            let challenge = AgentGreeting.Challenge(hasSecret: false)
            _ = channel.send(bytes: AgentGreeting.preamble()) && channel.send(.challenge, challenge.encoded)
            guard channel.receiveBytes(AgentGreeting.preambleCount, timeout: -1) != nil,
                let message = channel.receive(timeout: -1),
                let answer = AgentGreeting.Answer(decoding: message.bytes)
            else { return }
            let admission = AgentGreeting.Admission(answer, to: challenge, nil, processes: 1)
            _ = channel.send(.admitted, admission.encoded)
            channel.limits = .agents
            guard channel.receive(timeout: -1)?.kind == .plan else { return }
            script(&channel)
        })
    }

    /// An agent whose script has all that it says.
    static func stranger(_ script: @escaping @Sendable (inout ProcessChannel) -> Void) -> ScriptedAgent {
        ScriptedAgent(from: script)
    }

    private init(from script: @escaping @Sendable (inout ProcessChannel) -> Void) {
        server = ScriptedServer { peer in
            var channel = ProcessChannel(fd: peer.fd, limits: .greeting)
            script(&channel)
        }
    }

    func stop() { server.stop() }
}

extension LoadOptions {
    /// A load from these agents, on nobody: scripted ones do nothing.
    static func from(_ agents: ScriptedAgent...) -> LoadOptions {
        var options = LoadOptions(url: "http://127.0.0.1:1/")
        options.agents = agents.map(\.address)
        return options
    }
}

/// A coordinator that says what a test wants.
final class ScriptedCoordinator {
    var channel: ProcessChannel

    init(_ agent: RunningAgent) throws {
        let address = try LoadAgentAddress(agent.address, option: "")
        var native = capus_address()
        guard capus_address_parse(address.host, address.port, &native) else { throw CocoaError(.fileNoSuchFile) }
        var isPending = false
        channel = ProcessChannel(fd: capus_connect(&native, &isPending), limits: .agents)
    }

    func close() { capus_close(channel.fd) }

    /// What the agent asks for.
    func challenge() -> AgentGreeting.Challenge? {
        guard channel.receiveBytes(AgentGreeting.preambleCount, timeout: -1) != nil else { return nil }
        return channel.receive(timeout: -1).flatMap { AgentGreeting.Challenge(decoding: $0.bytes) }
    }

    /// Does what every coordinator does, up to its plan.
    func enter(_ secret: LoadAgentSecret? = nil) -> Bool {
        guard let challenge = challenge() else { return false }
        let answer = AgentGreeting.Answer(to: challenge, secret)
        guard channel.send(bytes: AgentGreeting.preamble()), channel.send(.answer, answer.encoded) else { return false }
        return channel.receive(timeout: -1)?.kind == .admitted
    }

    /// The agent closes, or says why.
    func end() -> String {
        while channel.state == .open {
            if let message = channel.receive(timeout: -1), message.kind == .failure { return message.reason }
        }
        return "closed"
    }
}
