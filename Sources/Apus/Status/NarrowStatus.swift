import CApus

/// The table of `status -d` on a terminal that is too narrow for the full one: the same figures, with names cut.
struct NarrowStatus {
    let text: String

    init(_ snapshot: ServiceSnapshot, width: Int) {
        let sum = StatusTotals(snapshot)
        let nameWidth = max(4, min(12, snapshot.processes.map(\.name.count).max() ?? 4))
        func row(_ cells: [String]) -> String {
            let widths = [7, 8, nameWidth, 6, 5, 6, 11, 7]
            let numbers = zip(cells, widths).enumerated().map { index, cell in
                index == 2 ? TextColumns.pad(cell.0, cell.1) : TextColumns.right(cell.0, cell.1)
            }
            return numbers.joined(separator: " ") + " " + cells[8]
        }
        func cells(_ counters: capus_worker_status, _ rate: Int) -> [String] {
            [
                "\(counters.connections)", "\(counters.failed_sends)", "\(counters.timers)", "\(counters.requests)",
                "\(rate)",
            ]
        }
        var lines = StatusReport.heading(snapshot)
        lines[1] = TextColumns.rule("GLOBAL STATUS", width: width)
        for worker in snapshot.workers {
            let exits = worker.exits.filter { $0.count > 0 }.map { "\($0.count) × \(ExitReason(raw: $0.status))" }
            lines.append(
                "\(worker.name)  \(worker.listen)  exits: \(exits.isEmpty ? "none" : exits.joined(separator: ", "))")
        }
        lines.append(TextColumns.rule("PROCESS STATUS", width: width))
        lines.append(row(["pid", "memory", "name", "conns", "fails", "timers", "requests", "qps", "status"]))
        for process in snapshot.processes {
            let name = TextColumns.cut(process.name, to: nameWidth, keeping: nameWidth - 2)
            lines.append(
                row(
                    ["\(process.pid)", TextColumns.megabytes(process.memory), name]
                        + cells(process.counters, process.requestRate) + [StatusReport.state(process)]))
        }
        lines.append(
            row(["Summary", TextColumns.megabytes(sum.memory), "-"] + cells(sum.counters, sum.requestRate) + [""]))
        text = lines.map { String($0.prefix(width)) }.joined(separator: "\n")
    }
}
