import CApus

/// Those who share one load, seen from whoever divided it: processes of this host, or agents on others.
nonisolated struct ProcessGroup {
    private enum Origin {
        case process(id: Int32)
        case agent(LoadAgentAddress, processes: Int)
    }

    private struct Member {
        let origin: Origin
        var channel: ProcessChannel
        var progress = LoadProgress()
        var result: LoadResult?
        /// When it said something last.
        var heardAt: Int64 = 0

        var isAgent: Bool { if case .agent = origin { true } else { false } }

        /// Why there is no result of this one.
        func lost(_ how: String) -> LoadError {
            guard case .agent(let address, _) = origin else { return .processLost }
            return .agent(address, "was lost: \(how); its part is missing, so there is no report")
        }

        /// It has said itself why there will be none.
        func failed(_ message: ProcessChannel.Message) -> LoadError {
            guard case .agent(let address, _) = origin else { return .processLost }
            return .agent(address, message.reason)
        }
    }

    /// Milliseconds that a process may take to be ready; an agent has to start its own.
    private static let startTimeout: Int32 = 30_000
    private static let agentStartTimeout: Int32 = 45_000
    private static let progressTimeout: Int32 = 250
    /// Milliseconds that a process may take to end when there is nothing more for it to do.
    private static let endTimeout: Int32 = 5000
    /// Nanoseconds between two signs of life to agents.
    private static let aliveInterval: Int64 = 1_000_000_000
    /// Nanoseconds of silence after which the other side has vanished: it has something to say some times a second.
    static let mostSilence: Int64 = 10_000_000_000

    private var members: [Member] = []

    // MARK: Members

    /// Starts a process of this host for each share.
    mutating func start(_ shares: [LoadPlan]) throws(LoadError) {
        for share in shares { try start(share) }
    }

    private mutating func start(_ plan: LoadPlan) throws(LoadError) {
        var own: Int32 = -1
        var theirs: Int32 = -1
        let failure = capus_socket_pair(&own, &theirs, false)
        guard failure == 0 else { throw .system("make a socket pair", errno: -failure) }
        defer { capus_close(theirs) }
        let id = Self.spawn(theirs)
        guard id > 0 else {
            capus_close(own)
            throw .system("start a process", errno: -id)
        }
        members.append(Member(origin: .process(id: id), channel: ProcessChannel(fd: own)))
        guard members[members.count - 1].channel.send(.plan, plan.encoded) else { throw .processLost }
    }

    private static func spawn(_ descriptor: Int32) -> Int32 {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { path in
            let failure = capus_executable_path(path.baseAddress!, path.count)
            guard failure == 0 else { return failure }
            var arguments = [path.baseAddress, nil]
            var descriptors = [descriptor]
            let environment = capus_environment_with(LoadProcess.variable, "1")
            defer { capus_unset_environment(LoadProcess.variable) }
            return capus_spawn(path.baseAddress!, &arguments, environment, &descriptors, 1)
        }
    }

    /// Connects to the agents, and divides the plan among all their processes.
    mutating func join(
        _ agents: [LoadAgentAddress], _ secret: LoadAgentSecret?, _ plan: LoadPlan
    ) throws(LoadError) {
        for agent in agents {
            let link = try AgentLink.open(agent, secret)
            members.append(Member(origin: .agent(agent, processes: link.processes), channel: link.channel))
        }
        var total = 0
        for case .agent(_, let processes) in members.map(\.origin) { total += processes }
        guard total <= plan.connections else {
            throw .options(
                LoadOptionsError(
                    "--connections", "the agents' \(total) processes cannot share \(plan.connections) connections"))
        }
        var first = 0
        for member in members {
            guard case .agent(_, let processes) = member.origin else { continue }
            let share = AgentShare(plan, processes: first..<(first + processes), of: total).encoded
            first += processes
            guard share.count <= ProcessChannel.Limits.agents.mostBytes else {
                throw .options(LoadOptionsError("--body", "agents take at most 64 MiB"))
            }
            guard member.channel.send(.plan, share) else { throw member.lost("it does not take its plan") }
        }
    }

    /// Waits until all of them are prepared.
    mutating func awaitReady() throws(LoadError) {
        for index in members.indices {
            let timeout = members[index].isAgent ? Self.agentStartTimeout : Self.startTimeout
            let message = members[index].channel.receive(timeout: timeout)
            if let message, message.kind == .failure { throw members[index].failed(message) }
            guard message?.kind == .ready else { throw members[index].lost(members[index].channel.silence) }
        }
    }

    /// Starts the clock in all of them.
    mutating func begin() throws(LoadError) {
        for index in members.indices {
            guard members[index].channel.send(.start) else { throw members[index].lost("it has left before the start") }
            members[index].heardAt = capus_monotonic_ns()
        }
    }

    // MARK: The run

    /// Waits for the results, in the order of the members. `goesOn` is asked some times a second, and when one of the
    /// descriptors becomes readable: all are to stop when it says no.
    mutating func collect(
        wakingFor descriptors: [Int32], while goesOn: () -> Bool, onProgress: (LoadProgress) -> Void
    ) throws(LoadError) -> [LoadResult] {
        var nextAlive = capus_monotonic_ns()
        var isStopping = false
        while members.contains(where: { $0.result == nil }) {
            wait(isStopping ? [] : descriptors)
            if !isStopping, !goesOn() || hasFailed {
                isStopping = true
                for member in members where member.result == nil { _ = member.channel.send(.stop) }
            }
            for index in members.indices where members[index].result == nil {
                for ended in try receive(index) {
                    var progress = progress
                    (progress.interval, progress.intervalIndex) = (ended.interval, ended.intervalIndex)
                    onProgress(progress)
                }
            }
            if capus_monotonic_ns() >= nextAlive {
                nextAlive = capus_monotonic_ns() + Self.aliveInterval
                // Whoever does not take it is found out by its silence.
                for member in members where member.isAgent && member.result == nil { _ = member.channel.send(.alive) }
            }
            onProgress(progress)
        }
        return members.compactMap(\.result)
    }

    /// One of them cannot connect to the server at all: the others' figures would be those of another load.
    private var hasFailed: Bool { members.contains { $0.result?.end == .neverConnected } }

    private func wait(_ others: [Int32]) {
        let descriptors = members.filter { $0.result == nil }.map(\.channel.fd) + others
        var ready = [Bool](repeating: false, count: descriptors.count)
        _ = capus_wait_readable(descriptors, &ready, Int32(descriptors.count), Self.progressTimeout)
    }

    /// Takes all messages of one member that are there. Returns what it says of intervals that have ended.
    private mutating func receive(_ index: Int) throws(LoadError) -> [LoadProgress] {
        var ended: [LoadProgress] = []
        while let message = members[index].channel.receive(timeout: 0) {
            members[index].heardAt = capus_monotonic_ns()
            switch message.kind {
            case .progress:
                guard let progress = LoadProgress(decoding: message.bytes),
                    members[index].progress.isContinued(requests: progress.requests, errors: progress.errors)
                else { throw members[index].lost("its progress cannot be understood") }
                members[index].progress = progress
                if progress.interval != nil { ended.append(progress) }
            case .result:
                guard let result = LoadResult(decoding: message.bytes),
                    members[index].progress.isContinued(requests: result.requests, errors: result.errors.total)
                else { throw members[index].lost("its result cannot be understood") }
                members[index].result = result
                return ended
            case .failure: throw members[index].failed(message)
            default: throw members[index].lost("it says what does not belong here")
            }
        }
        let channel = members[index].channel
        guard channel.state == .open else { throw members[index].lost(channel.silence) }
        if members[index].isAgent, capus_monotonic_ns() - members[index].heardAt > Self.mostSilence {
            throw members[index].lost("it has said nothing for \(NumberText.seconds(Double(Self.mostSilence) / 1e9))")
        }
        return ended
    }

    /// How far all of them have come.
    private var progress: LoadProgress {
        var total = LoadProgress()
        for member in members {
            total.requests += member.result?.requests ?? member.progress.requests
            total.errorTally.add(member.result?.errors ?? member.progress.errorTally)
            total.elapsed = max(total.elapsed, member.result?.elapsed ?? member.progress.elapsed)
            guard member.result == nil else { continue }
            total.isWarmingUp = total.isWarmingUp || member.progress.isWarmingUp
            total.connections += member.progress.connections
            total.waiting += member.progress.waiting
        }
        return total
    }

    // MARK: The end

    /// What each agent did, once there are results.
    var agents: [LoadAgentReport] {
        members.compactMap { member in
            guard case .agent(let address, _) = member.origin, let result = member.result else { return nil }
            return LoadAgentReport(address, result)
        }
    }

    /// A member that still runs ends when its channel does.
    func close() {
        for member in members { capus_close(member.channel.fd) }
        for case .process(let id) in members.map(\.origin) { Self.reap(id) }
    }

    /// An agent lives on: it must leave no dead processes behind.
    private static func reap(_ id: Int32) {
        let watch = capus_process_watch(id)
        if watch >= 0 {
            var hasEnded = false
            if capus_wait_readable([watch], &hasEnded, 1, endTimeout) == 0 {
                _ = capus_send_signal(id, Int32(CAPUS_SIGKILL))
                _ = capus_wait_readable([watch], &hasEnded, 1, endTimeout)
            }
            capus_close(watch)
        }
        var status: Int32 = 0
        _ = capus_reap(&status)
    }
}
