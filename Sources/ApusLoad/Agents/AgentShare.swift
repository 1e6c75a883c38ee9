/// The part of a load that one agent puts on: a load is divided among the processes of all agents, and these are those
/// of one.
nonisolated struct AgentShare {
    /// The whole load.
    let plan: LoadPlan
    /// The processes of this agent among all.
    let processes: Range<Int>
    /// Processes of all agents.
    let total: Int

    /// What each of its processes does.
    var shares: [LoadPlan] { Array(plan.divided(among: total)[processes]) }

    init(_ plan: LoadPlan, processes: Range<Int>, of total: Int) {
        self.plan = plan
        self.processes = processes
        self.total = total
    }

    var encoded: [UInt8] {
        var message = MessageEncoder()
        message.append(processes.lowerBound)
        message.append(processes.count)
        message.append(total)
        message.append(plan.encoded)
        return message.bytes
    }

    /// Nil when the bytes are no share for an agent with so many processes. An agent reaches no Unix sockets for
    /// others: behind them are services that rely on who may open their files.
    init?(decoding bytes: [UInt8], processes own: Int) {
        var message = MessageDecoder(bytes)
        guard let first = message.integer(), let count = message.integer(), let total = message.integer(),
            let encoded = message.text(), message.isAtEnd, count == own,
            (own...LoadOptions.maxAgents * LoadOptions.maxProcesses).contains(total),
            (0...(total - own)).contains(first), let plan = LoadPlan(decoding: encoded), plan.connections >= total,
            case .ip = plan.endpoint
        else { return nil }
        self.init(plan, processes: first..<(first + count), of: total)
    }
}
