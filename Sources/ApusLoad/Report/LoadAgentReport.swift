/// What one agent did.
public nonisolated struct LoadAgentReport: Sendable {
    /// Where it listens.
    public let address: LoadAgentAddress
    /// Processes that put on its share.
    public let processes: Int
    /// Requests that it completed.
    public let requests: UInt64
    /// How much of its time the busiest of its processes was on a processor, in percent.
    public let clientCPUPercent: Double

    /// It could not connect to the server at all.
    let cannotConnect: Bool
    /// Why that was.
    let cause: String

    init(_ address: LoadAgentAddress, _ result: LoadResult) {
        self.address = address
        processes = result.processes
        requests = result.requests
        clientCPUPercent = result.busiestShare * 100
        cannotConnect = result.end == .neverConnected
        cause = result.connectCause.text
    }
}
