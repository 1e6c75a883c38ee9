import CApus

/// What `status` shows, at one moment, as the master sees it.
struct ServiceSnapshot {
    struct WorkerRow {
        let name: String
        let listen: String
        let eventLoop: String
        /// Wait statuses of processes that ended, with how many times.
        let exits: [(status: Int32, count: Int)]
    }

    struct ProcessRow {
        let pid: Int32
        let name: String
        let id: Int
        let listen: String
        let memory: UInt64
        let counters: capus_worker_status
        let requestRate: Int
        /// Nanoseconds, when it is busy.
        let busy: UInt64?
        /// It was replaced and finishes what is under way.
        let isLeaving: Bool
    }

    let startTime: String
    let seconds: Int64
    let load: [Double]
    let workers: [WorkerRow]
    let processes: [ProcessRow]
}

extension ServiceSnapshot {
    init(_ master: Master, rates: [Int32: Int] = [:]) {
        startTime = master.startTime
        seconds = (capus_monotonic_ns() - master.startedAt) / 1_000_000_000
        var load = [0.0, 0.0, 0.0]
        capus_load_average(&load)
        self.load = load
        workers = zip(WorkerBase.all, Master.keys(of: WorkerBase.all)).map { worker, key in
            let exits = (master.exits[key] ?? [0: 0]).sorted { $0.key < $1.key }
            return WorkerRow(
                name: worker.name, listen: worker.socketName, eventLoop: worker.backend.rawValue,
                exits: exits.map { ($0.key, $0.value) })
        }
        let now = UInt64(capus_monotonic_ns())
        let rows = master.slots.flatMap { slot in slot.children.map { (slot, $0) } }
        processes = rows.sorted { $0.1.pid < $1.1.pid }.map { slot, child in
            let counters = child.status.pointee
            return ProcessRow(
                pid: child.pid, name: slot.name, id: slot.id, listen: slot.listen,
                memory: capus_resident_bytes(child.pid), counters: counters, requestRate: rates[child.pid] ?? 0,
                busy: counters.busyTime(at: now), isLeaving: slot.leaving.contains { $0 === child })
        }
    }
}

/// Requests per second of each process between two looks.
final class RequestRates {
    private static let shortest: Int64 = 500_000_000

    private var lastLook: Int64 = 0
    private var requests: [Int32: UInt64] = [:]
    private var rates: [Int32: Int] = [:]

    /// The rates since the look before, if that is long enough ago to tell.
    func look(at children: [WorkerChild], now: Int64 = capus_monotonic_ns()) -> [Int32: Int] {
        let elapsed = now - lastLook
        guard elapsed >= Self.shortest else { return rates }
        var fresh: [Int32: UInt64] = [:]
        rates = [:]
        for child in children {
            let count = child.status.pointee.requests
            fresh[child.pid] = count
            if let before = requests[child.pid], count >= before {
                let rate = (Double(count - before) * 1e9 / Double(elapsed)).rounded()
                rates[child.pid] = Int(exactly: rate) ?? .max
            }
        }
        requests = fresh
        lastLook = now
        return rates
    }
}
