import CApus

extension ServiceSnapshot {
    /// `status --json`: one object. `processes` have `pid`, `worker`, `id`, `listen`, `memory_bytes`, `connections`,
    /// `send_fail`, `callback_errors`, `timers`, `total_request`, `bytes_read`, `bytes_written`, `accepted`, `state`
    /// (idle or busy), `leaving`, and when busy `busy_seconds` and `doing`;
    /// `workers` have `name`, `listen`, `event_loop` and `exits`
    /// (`status` raw and `reason` in words, `count`).
    var json: String {
        var object = JSONObject()
        object.add("version", Service.version)
        object.add("mode", Service.settings.daemonize ? "daemon" : "foreground")
        object.add("event_loop", Service.settings.backend.rawValue)
        object.add("master_pid", Int(capus_process_id()))
        object.add("start_time", startTime)
        object.add("uptime_seconds", Int(seconds))
        object.add("workers", workers.map(Self.json))
        object.add("processes", processes.map(Self.json))
        let sum = StatusTotals(self)
        object.add("summary") { summary in
            summary.add("memory_bytes", sum.memory)
            summary.add("connections", sum.counters.connections)
            summary.add("send_fail", sum.counters.failed_sends)
            summary.add("timers", sum.counters.timers)
            summary.add("total_request", sum.counters.requests)
        }
        return object.text
    }

    private static func json(_ worker: WorkerRow) -> JSONObject {
        var object = JSONObject()
        object.add("name", worker.name)
        object.add("listen", worker.listen)
        object.add("event_loop", worker.eventLoop)
        let exits = worker.exits.filter { $0.count > 0 }.map { exit in
            var object = JSONObject()
            object.add("status", Int(exit.status))
            object.add("reason", "\(ExitReason(raw: exit.status))")
            object.add("count", exit.count)
            return object.line
        }
        object.add("exits", json: "[\(exits.joined(separator: ", "))]")
        return object
    }

    private static func json(_ process: ProcessRow) -> JSONObject {
        var object = JSONObject()
        object.add("pid", Int(process.pid))
        object.add("worker", process.name)
        object.add("id", process.id)
        object.add("listen", process.listen)
        object.add("memory_bytes", process.memory)
        object.add("connections", process.counters.connections)
        object.add("send_fail", process.counters.failed_sends)
        object.add("callback_errors", process.counters.callback_errors)
        object.add("timers", process.counters.timers)
        object.add("total_request", process.counters.requests)
        object.add("bytes_read", process.counters.bytes_read)
        object.add("bytes_written", process.counters.bytes_written)
        object.add("accepted", process.counters.accepted)
        object.add("state", process.busy == nil ? "idle" : "busy")
        object.add("leaving", process.isLeaving)
        if let busy = process.busy {
            object.add("busy_seconds", json: "\(busy / 1_000_000_000).\(busy / 100_000_000 % 10)")
            object.add("doing", Activity.name(process.counters.doing))
        }
        return object
    }
}
