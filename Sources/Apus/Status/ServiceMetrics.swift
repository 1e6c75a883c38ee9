import ApusProtocols
import CApus

/// The counters of the whole service, summed over all its processes, whichever asks.
public struct ServiceMetrics: Sendable {
    /// The name of the worker that they belong to.
    public let worker: String
    /// Processes that run.
    public package(set) var processes = 0
    /// Connections open now.
    public package(set) var connections = 0
    /// Connections accepted since the service was started.
    public package(set) var accepted = 0
    /// Messages received since then.
    public package(set) var requests = 0
    /// Sends that failed: peer gone or buffer full.
    public package(set) var failedSends = 0
    /// Errors thrown by callbacks.
    public package(set) var callbackErrors = 0
    /// Bytes received.
    public package(set) var bytesRead = 0
    /// Bytes sent.
    public package(set) var bytesWritten = 0
    /// Timers that wait.
    public package(set) var timers = 0

    package init(worker: String) { self.worker = worker }

    /// The counters of each worker, in the order of their names. Empty outside of worker processes.
    public static var current: [ServiceMetrics] {
        guard let process = WorkerProcess.current else { return [] }
        var byName: [String: ServiceMetrics] = [:]
        for entry in process.board.entries {
            byName[entry.workerName, default: ServiceMetrics(worker: entry.workerName)].add(entry)
        }
        return byName.values.sorted { $0.worker < $1.worker }
    }

    /// The counters of this process alone.
    public static var ofThisProcess: ServiceMetrics {
        var metrics = ServiceMetrics(worker: WorkerProcess.current?.workers.first?.name ?? "none")
        if let process = WorkerProcess.current { metrics.add(process.loop.status.pointee) }
        return metrics
    }

    mutating func add(_ entry: capus_worker_status) {
        if entry.kind == UInt32(CAPUS_ENTRY_PROCESS) {
            processes += 1
            Self.add(entry.connections, to: &connections)
            Self.add(entry.timers, to: &timers)
        }
        Self.add(entry.accepted, to: &accepted)
        Self.add(entry.requests, to: &requests)
        Self.add(entry.failed_sends, to: &failedSends)
        Self.add(entry.callback_errors, to: &callbackErrors)
        Self.add(entry.bytes_read, to: &bytesRead)
        Self.add(entry.bytes_written, to: &bytesWritten)
    }

    /// Each process writes its counters itself, and one that was taken over must not end others with them.
    private static func add(_ count: UInt64, to sum: inout Int) { sum &+= Int(truncatingIfNeeded: count) }

    private enum Kind: String { case counter, gauge }

    private struct Family {
        let name: String
        let kind: Kind
        let help: String
        let value: KeyPath<ServiceMetrics, Int>
    }

    private static let families: [Family] = [
        Family(name: "apus_processes", kind: .gauge, help: "Worker processes that run.", value: \.processes),
        Family(name: "apus_connections", kind: .gauge, help: "Connections open now.", value: \.connections),
        Family(name: "apus_timers", kind: .gauge, help: "Timers that wait.", value: \.timers),
        Family(name: "apus_accepted_total", kind: .counter, help: "Connections accepted.", value: \.accepted),
        Family(name: "apus_requests_total", kind: .counter, help: "Messages received.", value: \.requests),
        Family(name: "apus_failed_sends_total", kind: .counter, help: "Sends that failed.", value: \.failedSends),
        Family(
            name: "apus_callback_errors_total", kind: .counter, help: "Errors thrown by callbacks.",
            value: \.callbackErrors),
        Family(name: "apus_received_bytes_total", kind: .counter, help: "Bytes received.", value: \.bytesRead),
        Family(name: "apus_sent_bytes_total", kind: .counter, help: "Bytes sent.", value: \.bytesWritten),
    ]

    /// The counters in the text format of Prometheus, version 0.0.4. Counters do not go back when a process ends.
    public static var prometheusText: String {
        let workers = current
        var text = ""
        for family in families {
            text += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
            for worker in workers {
                text += "\(family.name){worker=\"\(escaped(worker.worker))\"} \(worker[keyPath: family.value])\n"
            }
        }
        return text
    }

    private static func escaped(_ label: String) -> String {
        label.escaped {
            switch $0 {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: nil
            }
        }
    }
}
