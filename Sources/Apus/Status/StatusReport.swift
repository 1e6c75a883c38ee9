import CApus

extension Master {
    /// What the control socket answers.
    func answer(_ command: String) -> String {
        switch command {
        case "status": StatusReport(self).text
        default: "unknown command \(command)"
        }
    }
}

/// The table that `status` prints, made of the workers' shared pages: it is right while a worker is blocked, since no
/// worker is asked.
struct StatusReport {
    /// A loop that has not come back for this long is busy.
    private static let busyAfter: UInt64 = 200_000_000

    let text: String

    init(_ master: Master) {
        let names = master.slots.map(\.worker.name)
        let listens = master.slots.map { Self.listenName($0.worker) }
        let nameWidth = max(8, names.map(\.count).max() ?? 0)
        let listenWidth = max(8, listens.map(\.count).max() ?? 0)
        var lines = Self.global(master, nameWidth)
        lines.append(Self.rule("PROCESS STATUS", 56))
        lines += Self.processes(master, nameWidth, listenWidth)
        text = lines.joined(separator: "\n")
    }

    private static func listenName(_ worker: WorkerBase) -> String { worker.socketName }

    private static func rule(_ title: String, _ right: Int) -> String {
        String(repeating: "-", count: 51) + title + String(repeating: "-", count: right)
    }

    private static func global(_ master: Master, _ nameWidth: Int) -> [String] {
        let seconds = (capus_monotonic_ns() - master.startedAt) / 1_000_000_000
        var load = [0.0, 0.0, 0.0]
        capus_load_average(&load)
        let loads = load.map { "\(Double(Int($0 * 100)) / 100)" }.joined(separator: ", ")
        let processes = master.slots.flatMap(\.children).count
        var lines = [
            "Start worker in \(Service.settings.daemonize ? "DAEMON" : "DEBUG") mode.", rule("GLOBAL STATUS", 57),
            Banner.versionLine,
            "start time:\(master.startTime)   run \(seconds / 86400) days \(seconds % 86400 / 3600) hours   "
                + "load average: \(loads)",
            "\(WorkerBase.all.count) workers    \(processes) processes",
            Banner.pad("name", nameWidth) + "     event-loop     exit_status     exit_count",
        ]
        for worker in WorkerBase.all {
            let exits = master.exits[ObjectIdentifier(worker)] ?? [0: 0]
            for (status, count) in exits.sorted(by: { $0.key < $1.key }) {
                lines.append(
                    Banner.pad(worker.name, nameWidth) + "     " + Banner.pad(Service.settings.backend.rawValue, 14)
                        + " "
                        + Banner.pad("\(status)", 16) + Banner.pad("\(count)", 16))
            }
        }
        return lines
    }

    private struct Totals {
        var memory = 0.0
        var connections: UInt64 = 0
        var failures: UInt64 = 0
        var timers: UInt64 = 0
        var requests: UInt64 = 0
    }

    private static func processes(_ master: Master, _ nameWidth: Int, _ listenWidth: Int) -> [String] {
        var lines = [
            "pid\tmemory  " + Banner.pad("listening", listenWidth) + " " + Banner.pad("name", nameWidth)
                + " connections " + Banner.pad("send_fail", 9) + " " + Banner.pad("timers", 8)
                + Banner.pad("total_request", 13) + "  qps    status"
        ]
        var totals = Totals()
        let rows = master.slots.flatMap { slot in slot.children.map { (slot, $0) } }.sorted { $0.1.pid < $1.1.pid }
        for (slot, child) in rows {
            let page = child.status.pointee
            let memory = Double(capus_resident_bytes(child.pid)) / 1_048_576
            totals.memory += memory
            totals.connections += page.connections
            totals.failures += page.failed_sends
            totals.timers += page.timers
            totals.requests += page.requests
            lines.append(
                "\(child.pid)\t" + Banner.pad(megabytes(memory), 7) + " "
                    + Banner.pad(listenName(slot.worker), listenWidth)
                    + " " + Banner.pad(slot.worker.name, nameWidth) + " "
                    + numbers(page.connections, page.failed_sends, page.timers, page.requests) + state(page))
        }
        lines.append(rule("PROCESS STATUS", 56))
        lines.append(
            "Summary\t" + Banner.pad(megabytes(totals.memory), 7) + " " + Banner.pad("-", listenWidth) + " "
                + Banner.pad("-", nameWidth) + " "
                + numbers(totals.connections, totals.failures, totals.timers, totals.requests) + "[Summary] ")
        return lines
    }

    private static func numbers(
        _ connections: UInt64, _ failures: UInt64, _ timers: UInt64, _ requests: UInt64
    ) -> String {
        Banner.pad("\(connections)", 11) + " " + Banner.pad("\(failures)", 9) + " " + Banner.pad("\(timers)", 7) + " "
            + Banner.pad("\(requests)", 13) + " " + Banner.pad("0", 6) + " "
    }

    /// Busy since when, and in what: the usual cause is a handler that blocks.
    private static func state(_ page: capus_worker_status) -> String {
        let now = UInt64(capus_monotonic_ns())
        guard page.busy_since_ns > 0, now > page.busy_since_ns, now - page.busy_since_ns > busyAfter else {
            return "[idle]"
        }
        let tenths = (now - page.busy_since_ns) / 100_000_000
        return "[busy] \(tenths / 10).\(tenths % 10) s in \(Activity.name(page.doing))"
    }

    private static func megabytes(_ value: Double) -> String {
        let hundredths = Int(value * 100 + 0.5)
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)M"
    }
}
