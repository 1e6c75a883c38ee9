import CApus

/// What `connections` shows. Each worker process writes the rows of its own connections, and the master puts them
/// behind the titles.
final class ConnectionsReport {
    /// Rows written in one turn of the loop: a process with many connections goes on serving them meanwhile.
    private static let rowsPerTurn = 200

    private var rest: [(connection: StreamConnection, workerName: String)]
    private let isJSON: Bool
    private var text = ""

    private static let titles = [
        "PID", "Worker", "CID", "Trans", "Protocol", "ipv4", "ipv6", "Recv-Q", "Send-Q", "Bytes-R", "Bytes-W",
    ]
    private static let widths = [9, 16, 10, 8, 16, 7, 7, 13, 13, 13, 13]

    static var heading: String {
        TextColumns.rule(" APUS CONNECTION STATUS ", left: 69, right: 80) + "\n"
            + zip(titles, widths).map { TextColumns.pad($0, $1) }.joined() + " "
            + TextColumns.pad("Status", 14) + TextColumns.pad("Local Address", 22)
            + TextColumns.pad("Foreign Address", 22) + "\n"
    }

    /// A line for a process that has not answered.
    static func missing(_ child: WorkerChild, _ slot: WorkerSlot, isJSON: Bool) -> String {
        let page = child.status.pointee
        let busy = page.busyTime(at: UInt64(capus_monotonic_ns())).map { Activity.describe(page.doing, for: $0) }
        guard !isJSON else {
            var object = JSONObject()
            object.add("pid", Int(child.pid))
            object.add("worker", slot.name)
            object.add("state", "busy")
            object.add("connections", page.connections)
            return object.line + ",\n"
        }
        return TextColumns.pad("\(child.pid)", widths[0]) + TextColumns.pad(workerCell(slot.name), widths[1])
            + "[busy] \(busy ?? "does not answer"); \(page.connections) connections are not shown\n"
    }

    private static func workerCell(_ name: String) -> String { TextColumns.cut(name, to: 14, keeping: 12) }

    // MARK: In the worker

    /// A report on the connections that these workers have now.
    init(of workers: [WorkerBase], isJSON: Bool) {
        self.isJSON = isJSON
        rest = workers.flatMap { worker in
            worker.connectionsByID.values.sorted { $0.id > $1.id }.map { ($0, worker.name) }
        }
        // Those to other servers belong to the process; the first worker is the one that it runs.
        let owner = workers.first?.name ?? "none"
        rest = OutgoingConnections.shared.byID.values.sorted { $0.id > $1.id }.map { ($0, owner) } + rest
    }

    /// Writes a line for each, and calls `completion` with them.
    func write(on loop: EventLoop, _ completion: @escaping @MainActor (String) -> Void) {
        for _ in 0..<min(Self.rowsPerTurn, rest.count) {
            let (connection, name) = rest.removeLast()
            guard connection.state != .closed else { continue }
            text += isJSON ? Self.json(connection, name) + ",\n" : Self.row(connection, name) + "\n"
        }
        if rest.isEmpty { completion(text) } else { loop.execute { self.write(on: loop, completion) } }
    }

    private static func transport(_ connection: StreamConnection) -> String {
        connection.tls != nil ? "ssl" : connection.peer.family == 1 ? "unix" : "tcp"
    }

    private static func row(_ connection: StreamConnection, _ workerName: String) -> String {
        let name = connection.driver.name == "tcp" ? transport(connection) : connection.driver.name
        let cells = [
            "\(capus_process_id())", workerCell(workerName), "\(connection.id)", transport(connection),
            TextColumns.cut(name, to: 15, keeping: 13), connection.peer.family == 4 ? " 1" : " 0",
            connection.peer.family == 6 ? " 1" : " 0", TextColumns.bytes(connection.partial.count),
            TextColumns.bytes(connection.pendingSendBytes), TextColumns.bytes(connection.bytesRead),
            TextColumns.bytes(connection.bytesWritten),
        ]
        return zip(cells, widths).map { TextColumns.pad($0, $1) }.joined() + " "
            + TextColumns.pad("\(connection.state)".uppercased(), 14)
            + TextColumns.pad(connection.localAddress.text, 22) + TextColumns.pad(connection.peer.text, 22)
    }

    private static func json(_ connection: StreamConnection, _ workerName: String) -> String {
        var object = JSONObject()
        object.add("pid", Int(capus_process_id()))
        object.add("worker", workerName)
        object.add("id", connection.id)
        object.add("direction", connection.extras?.outgoing == nil ? "in" : "out")
        object.add("transport", transport(connection))
        object.add("protocol", connection.driver.name)
        object.add("ip_version", Int(connection.peer.family == 1 ? 0 : connection.peer.family))
        object.add("receive_queue", connection.partial.count)
        object.add("send_queue", connection.pendingSendBytes)
        object.add("bytes_read", connection.bytesRead)
        object.add("bytes_written", connection.bytesWritten)
        object.add("state", "\(connection.state)")
        object.add("local_address", connection.localAddress.text)
        object.add("remote_address", connection.peer.text)
        return object.line
    }
}
