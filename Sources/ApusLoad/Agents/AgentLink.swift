import CApus

/// A coordinator's connection to an agent that has let it in.
nonisolated struct AgentLink {
    /// How long an agent may take to accept a connection, and for each word of its greeting.
    private static let patience: Int32 = 10_000

    let address: LoadAgentAddress
    /// Processes that the agent puts on its share with.
    let processes: Int
    let channel: ProcessChannel

    /// Throws, and names the agent, when it cannot be reached or does not let this coordinator in.
    static func open(_ address: LoadAgentAddress, _ secret: LoadAgentSecret?) throws(LoadError) -> AgentLink {
        let fd = try connect(address)
        do throws(LoadError) {
            return try greet(address, ProcessChannel(fd: fd, limits: .greeting), secret)
        } catch {
            capus_close(fd)
            throw error
        }
    }

    private static func connect(_ agent: LoadAgentAddress) throws(LoadError) -> Int32 {
        var address = capus_address()
        do throws(LoadError) {
            guard case .ip(let known) = try LoadEndpoint(host: agent.host, port: agent.port).resolved() else {
                preconditionFailure("a resolved name is an address")
            }
            address = known
        } catch {
            guard case .cannotConnect(_, let cause) = error else { throw error }
            throw .agent(agent, "cannot be reached: \(cause)")
        }
        var isPending = false
        let fd = capus_connect(&address, &isPending)
        var failure = fd < 0 ? -fd : 0
        if fd >= 0, isPending {
            guard ProcessChannel(fd: fd, limits: .greeting).waitWritable() else {
                capus_close(fd)
                throw .agent(agent, "cannot be reached: no answer in time")
            }
            failure = capus_connect_result(fd)
        }
        guard failure == 0 else {
            if fd >= 0 { capus_close(fd) }
            throw .agent(agent, "cannot be reached: \(String(cString: capus_error_text(failure)))")
        }
        return fd
    }

    private static func greet(
        _ address: LoadAgentAddress, _ channel: ProcessChannel, _ secret: LoadAgentSecret?
    ) throws(LoadError) -> AgentLink {
        var channel = channel
        guard let preamble = channel.receiveBytes(AgentGreeting.preambleCount, timeout: patience) else {
            throw .agent(address, "does not greet: \(channel.silence)")
        }
        guard let version = AgentGreeting.version(in: preamble) else {
            throw .agent(address, "is no agent of apus load")
        }
        guard version == AgentGreeting.version else {
            throw .agent(address, "speaks version \(version), this is \(AgentGreeting.version)")
        }
        let first = try next(.challenge, &channel, address)
        guard let challenge = AgentGreeting.Challenge(decoding: first) else { throw .agent(address, strange) }
        guard challenge.hasSecret == (secret != nil) else {
            throw .agent(
                address,
                challenge.hasSecret
                    ? "asks for a secret: give it with --secret-file or \(LoadAgentSecret.variable)"
                    : "was started without a secret, and here one is given")
        }
        let answer = AgentGreeting.Answer(to: challenge, secret)
        guard channel.send(bytes: AgentGreeting.preamble()), channel.send(.answer, answer.encoded) else {
            throw .agent(address, "has closed the connection")
        }
        let last = try next(.admitted, &channel, address)
        guard let admission = AgentGreeting.Admission(decoding: last) else { throw .agent(address, strange) }
        let expected = AgentGreeting.proof(of: .agent, secret, challenge, answer.nonce)
        guard AgentGreeting.isSame(admission.proof, as: expected) else {
            throw .agent(address, "does not know the secret")
        }
        channel.limits = .agents
        return AgentLink(address: address, processes: admission.processes, channel: channel)
    }

    private static let strange = "sent a greeting that cannot be understood"

    private static func next(
        _ kind: ProcessChannel.Kind, _ channel: inout ProcessChannel, _ address: LoadAgentAddress
    ) throws(LoadError) -> [UInt8] {
        guard let message = channel.receive(timeout: patience) else {
            throw .agent(address, "does not greet: \(channel.silence)")
        }
        if message.kind == .failure { throw .agent(address, message.reason) }
        guard message.kind == kind else { throw .agent(address, strange) }
        return message.bytes
    }
}
