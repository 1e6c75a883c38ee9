import ApusProtocols

/// A question to all workers for their connections.
final class ConnectionsQuery {
    private var awaited: [(child: WorkerChild, slot: WorkerSlot)]
    private let isJSON: Bool
    private var rows = ""
    /// Nobody waits for it any more.
    private(set) var isOver = false

    init(_ children: [(WorkerChild, WorkerSlot)], isJSON: Bool) {
        awaited = children.map { (child: $0.0, slot: $0.1) }
        self.isJSON = isJSON
        for (child, _) in children { child.ask(self) }
    }

    /// How it is put to a process.
    var message: ChannelMessage { isJSON ? .connectionsJSON : .connections }

    func end() { isOver = true }

    var isComplete: Bool { awaited.isEmpty }

    func add(_ pid: Int32, _ text: String) {
        // A process that was taken over must not control the terminal of whoever asks.
        rows += text.split(atASCII: "\n", omittingEmptySubsequences: false).map { Log.oneLine(String($0)) }
            .joined(separator: "\n")
        awaited.removeAll { $0.child.pid == pid }
    }

    /// The process has ended, and its connections with it.
    func forget(_ pid: Int32) { awaited.removeAll { $0.child.pid == pid } }

    /// What has been reported, with a line for each process that has not.
    var text: String {
        let all = rows + awaited.map { ConnectionsReport.missing($0.child, $0.slot, isJSON: isJSON) }.joined()
        guard isJSON else { return ConnectionsReport.heading + all }
        return "{\"connections\": [\n\(all.hasSuffix(",\n") ? String(all.dropLast(2)) : all)\n]}"
    }
}
