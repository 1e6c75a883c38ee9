import CApus

/// One coordinator's time with an agent: its greeting, and one run.
nonisolated struct AgentSession {
    /// Milliseconds that a coordinator may take for each word of its greeting. Others wait meanwhile, and are more
    /// patient.
    private static let greetingTimeout: Int32 = 5000
    /// Milliseconds that it may take to send its plan, and from then on until all other agents are ready.
    private static let startTimeout: Int32 = 60_000
    /// Nanoseconds between two words of progress, unless there is news.
    private static let progressInterval: Int64 = 200_000_000

    private let agent: LoadAgent
    private var channel: ProcessChannel
    private let peer: String
    private let listener: Int32
    private let signals: Int32
    /// The coordinator has been let in: there is no time for others.
    private var isAdmitted = false
    /// The agent is to end.
    private var isEnding = false
    /// When the coordinator said something last.
    private var heardAt: Int64 = 0
    private var toldAt: Int64 = 0
    /// The coordinator takes no more.
    private var isAbandoned = false

    init(_ agent: LoadAgent, _ channel: ProcessChannel, _ peer: String, _ listener: Int32, _ signals: Int32) {
        self.agent = agent
        self.channel = channel
        self.peer = peer
        self.listener = listener
        self.signals = signals
    }

    /// From the greeting to the result.
    mutating func run() {
        guard greet() else { return }
        isAdmitted = true
        channel.limits = .agents
        guard let message = next(within: Self.startTimeout) else { return agent.say("\(peer) has left before a run") }
        guard message.kind == .plan, let share = AgentShare(decoding: message.bytes, processes: agent.processes) else {
            refuse("was sent a plan that cannot be understood")
            return
        }
        do throws(LoadError) {
            try run(share)
        } catch {
            refuse("failed: \(error)")
        }
    }

    // MARK: The greeting

    private mutating func greet() -> Bool {
        let challenge = AgentGreeting.Challenge(hasSecret: agent.secret != nil)
        guard channel.send(bytes: AgentGreeting.preamble()), channel.send(.challenge, challenge.encoded) else {
            return false
        }
        let preamble = wait(Self.greetingTimeout) { $0.receiveBytes(AgentGreeting.preambleCount, timeout: 0) }
        // A coordinator that goes by what it was told says nothing.
        guard let preamble else { return false }
        guard let version = AgentGreeting.version(in: preamble) else {
            agent.say("\(peer) is no coordinator of apus load")
            return false
        }
        guard version == AgentGreeting.version else {
            return refuse("speaks version \(AgentGreeting.version), the coordinator \(version)")
        }
        guard let message = next(within: Self.greetingTimeout), message.kind == .answer,
            let answer = AgentGreeting.Answer(decoding: message.bytes)
        else { return refuse("was sent an answer that cannot be understood") }
        let expected = AgentGreeting.proof(of: .coordinator, agent.secret, challenge, answer.nonce)
        guard answer.hasSecret == challenge.hasSecret, AgentGreeting.isSame(answer.proof, as: expected) else {
            return refuse("refuses the coordinator: its secret is another one")
        }
        let admission = AgentGreeting.Admission(answer, to: challenge, agent.secret, processes: agent.processes)
        return channel.send(.admitted, admission.encoded)
    }

    @discardableResult
    private func refuse(_ reason: String) -> Bool {
        _ = channel.send(.failure, Array(reason.utf8))
        agent.say("\(peer): \(reason)")
        return false
    }

    // MARK: The run

    private mutating func run(_ share: AgentShare) throws(LoadError) {
        var group = ProcessGroup()
        defer { group.close() }
        try group.start(share.shares)
        try group.awaitReady()
        guard channel.send(.ready), next(within: Self.startTimeout)?.kind == .start else {
            return agent.say("\(peer) has left before a run")
        }
        try group.begin()
        heardAt = capus_monotonic_ns()
        let results = try group.collect(wakingFor: [channel.fd, listener, signals]) {
            goesOn()
        } onProgress: {
            tell($0)
        }
        let total = LoadResult.sum(results)
        if isEnding {
            refuse("was ended on its host")
        } else if channel.state != .open || isAbandoned || !channel.send(.result, total.encoded) {
            isAbandoned = true
        }
        let figures = "\(NumberText.grouped(total.requests)) requests, \(NumberText.grouped(total.errors.total)) errors"
        let time = NumberText.seconds(Double(total.elapsed) / 1e9)
        agent.say("\(peer): \(figures) in \(time)\(isAbandoned ? ", then the coordinator was gone" : "")")
    }

    /// Whatever the coordinator says but that it is there, and its silence, end the run.
    private mutating func goesOn() -> Bool {
        heed(0)
        while let message = channel.receive(timeout: 0) {
            guard message.kind == .alive else { return false }
            heardAt = capus_monotonic_ns()
        }
        if channel.state != .open || capus_monotonic_ns() - heardAt > ProcessGroup.mostSilence { isAbandoned = true }
        return !isEnding && !isAbandoned
    }

    private mutating func tell(_ progress: LoadProgress) {
        let now = capus_monotonic_ns()
        guard progress.interval != nil || now - toldAt >= Self.progressInterval, !isAbandoned else { return }
        toldAt = now
        if !channel.send(.progress, progress.encoded) { isAbandoned = true }
    }

    // MARK: Waiting

    private mutating func next(within timeout: Int32) -> ProcessChannel.Message? {
        wait(timeout) { $0.receive(timeout: 0) }
    }

    /// What `take` takes from the channel once it is there; nil when it does not come in so many milliseconds, or the
    /// agent is to end.
    private mutating func wait<Taken>(_ timeout: Int32, _ take: (inout ProcessChannel) -> Taken?) -> Taken? {
        let deadline = capus_monotonic_ns() + Int64(timeout) * 1_000_000
        while true {
            if let taken = take(&channel) { return taken }
            let left = deadline - capus_monotonic_ns()
            guard channel.state == .open, !isEnding, left > 0 else { return nil }
            heed(Int32(left / 1_000_000 + 1))
        }
    }

    /// Waits for the coordinator, and meanwhile heeds signals and turns other coordinators away.
    private mutating func heed(_ timeout: Int32) {
        let descriptors = [channel.fd, signals] + (isAdmitted ? [listener] : [])
        var ready = [Bool](repeating: false, count: descriptors.count)
        _ = capus_wait_readable(descriptors, &ready, Int32(descriptors.count), timeout)
        if ready[1] { isEnding = true }
        if isAdmitted, ready[2] { turnAway() }
    }

    private func turnAway() {
        var other = capus_address()
        let fd = capus_accept(listener, &other)
        guard fd >= 0 else { return }
        defer { capus_close(fd) }
        let channel = ProcessChannel(fd: fd, limits: .greeting)
        _ =
            channel.send(bytes: AgentGreeting.preamble())
            && channel.send(.failure, Array("is busy with another load".utf8))
    }
}
