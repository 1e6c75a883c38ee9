import CApus
import Testing

@testable import Apus

/// Workers write the counters that their master and the other workers read. One that was taken over writes anything.
@Suite struct `Counters of a worker that lies` {
    private let largest: capus_worker_status = {
        var entry = capus_worker_status()
        withUnsafeMutableBytes(of: &entry) { $0.initializeMemory(as: UInt8.self, repeating: 0xFF) }
        entry.kind = UInt32(CAPUS_ENTRY_PROCESS)
        return entry
    }()

    private func row(_ counters: capus_worker_status) -> ServiceSnapshot.ProcessRow {
        ServiceSnapshot.ProcessRow(
            pid: 1, name: "name", id: 0, listen: "none", memory: 4096, counters: counters, requestRate: .max,
            busy: .max, isLeaving: false)
    }

    @Test func `are shown, and end nobody`() {
        let snapshot = ServiceSnapshot(
            startTime: "", seconds: 0, load: [0, 0, 0], workers: [], processes: [row(largest), row(largest)])
        #expect(StatusReport(snapshot).text.contains(" \(UInt64.max) "))
        #expect(NarrowStatus(snapshot, width: 200).text.contains("Summary"))
        #expect(snapshot.json.contains("\"total_request\": \(UInt64.max)"))
        #expect(StatusTotals(snapshot).counters.requests == UInt64.max - 1)
    }

    @Test func `have rates`() {
        var entry = capus_worker_status()
        withUnsafeMutablePointer(to: &entry) { status in
            let child = WorkerChild(pid: 1, channel: -1, inbox: -1, member: 1, told: [], entry: 0, status: status)
            let rates = RequestRates()
            _ = rates.look(at: [child], now: 1_000_000_000)
            status.pointee.requests = .max
            #expect(rates.look(at: [child], now: 1_500_000_000) == [1: .max])
            status.pointee.requests = 7
            #expect(rates.look(at: [child], now: 2_500_000_000).isEmpty)
            status.pointee.requests = 17
            #expect(rates.look(at: [child], now: 4_500_000_000) == [1: 5])
        }
    }

    @Test func `are summed`() {
        var metrics = ServiceMetrics(worker: "name")
        for _ in 0..<3 { metrics.add(largest) }
        #expect(metrics.processes == 3 && metrics.requests == -3)
    }

    @Test func `leave a record of a crash`() {
        var entry = largest
        withUnsafeMutablePointer(to: &entry) { status in
            #expect(CrashRecord(status, canName: true).description == "last in the event loop")
            status.pointee.doing = UInt64(CAPUS_DOING_MESSAGE)
            #expect(CrashRecord(status, canName: true).description.hasPrefix("last in onMessage of connection"))
        }
    }
}
