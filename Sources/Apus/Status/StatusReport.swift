import CApus

/// The table that `status` prints: spec'd to the column, for people and for scripts that cut it.
struct StatusReport {
    let text: String

    private static let ruleLeft = 51

    init(_ snapshot: ServiceSnapshot) {
        let nameWidth = max(8, snapshot.workers.map(\.name.count).max() ?? 0)
        let listens = snapshot.workers.map(\.listen) + snapshot.processes.map(\.listen)
        let listenWidth = max(8, listens.map(\.count).max() ?? 0)
        var lines = StatusReport.heading(snapshot)
        lines[1] = TextColumns.rule("GLOBAL STATUS", left: Self.ruleLeft, right: 57)
        lines.append(TextColumns.pad("name", nameWidth) + "     event-loop     exit_status     exit_count")
        for worker in snapshot.workers {
            for exit in worker.exits {
                lines.append(
                    TextColumns.pad(worker.name, nameWidth) + "     "
                        + TextColumns.pad(worker.eventLoop, 14) + " "
                        + TextColumns.pad("\(exit.status)", 16) + TextColumns.pad("\(exit.count)", 16))
            }
        }
        lines.append(TextColumns.rule("PROCESS STATUS", left: Self.ruleLeft, right: 56))
        lines += Self.processes(snapshot, nameWidth, listenWidth)
        text = lines.joined(separator: "\n")
    }

    /// What stands above the tables, with a place for the rule in the second line.
    static func heading(_ snapshot: ServiceSnapshot) -> [String] {
        let seconds = snapshot.seconds
        let loads = snapshot.load.map { "\(Double(Int($0 * 100)) / 100)" }.joined(separator: ", ")
        return [
            "Start worker in \(Service.settings.daemonize ? "DAEMON" : "DEBUG") mode.", "",
            Banner.versionLine,
            "start time:\(snapshot.startTime)   run \(seconds / 86400) days \(seconds % 86400 / 3600) hours   "
                + "load average: \(loads)",
            "\(snapshot.workers.count) workers    \(snapshot.processes.count) processes",
        ]
    }

    private static func processes(_ snapshot: ServiceSnapshot, _ nameWidth: Int, _ listenWidth: Int) -> [String] {
        var lines = [
            "pid\tmemory  " + TextColumns.pad("listening", listenWidth) + " " + TextColumns.pad("name", nameWidth)
                + " connections " + TextColumns.pad("send_fail", 9) + " " + TextColumns.pad("timers", 8)
                + TextColumns.pad("total_request", 13) + "  qps    status"
        ]
        for row in snapshot.processes {
            lines.append(
                "\(row.pid)\t" + TextColumns.pad(TextColumns.megabytes(row.memory), 7) + " "
                    + TextColumns.pad(row.listen, listenWidth) + " " + TextColumns.pad(row.name, nameWidth) + " "
                    + numbers(row.counters, row.requestRate) + state(row))
        }
        let sum = StatusTotals(snapshot)
        lines.append(TextColumns.rule("PROCESS STATUS", left: ruleLeft, right: 56))
        lines.append(
            "Summary\t" + TextColumns.pad(TextColumns.megabytes(sum.memory), 7) + " "
                + TextColumns.pad("-", listenWidth) + " " + TextColumns.pad("-", nameWidth) + " "
                + numbers(sum.counters, sum.requestRate) + "[Summary] ")
        return lines
    }

    private static func numbers(_ counters: capus_worker_status, _ requestRate: Int) -> String {
        TextColumns.pad("\(counters.connections)", 11) + " " + TextColumns.pad("\(counters.failed_sends)", 9) + " "
            + TextColumns.pad("\(counters.timers)", 7) + " " + TextColumns.pad("\(counters.requests)", 13) + " "
            + TextColumns.pad("\(requestRate)", 6) + " "
    }

    /// Busy since when, and in what: the usual cause is a handler that blocks.
    static func state(_ row: ServiceSnapshot.ProcessRow) -> String {
        let leaving = row.isLeaving ? " leaving" : ""
        guard let busy = row.busy else { return "[idle]\(leaving)" }
        return "[busy]\(leaving) \(Activity.describe(row.counters.doing, for: busy))"
    }
}

/// The sums of all processes.
struct StatusTotals {
    var memory: UInt64 = 0
    var requestRate = 0
    var counters = capus_worker_status()

    init(_ snapshot: ServiceSnapshot) {
        for row in snapshot.processes {
            memory += row.memory
            // Processes write their counters themselves, and one that was taken over writes what it likes.
            requestRate &+= row.requestRate
            counters.connections &+= row.counters.connections
            counters.failed_sends &+= row.counters.failed_sends
            counters.timers &+= row.counters.timers
            counters.requests &+= row.counters.requests
        }
    }
}
