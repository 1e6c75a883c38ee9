import CApus

/// A worker process as its master sees it.
final class WorkerChild {
    let pid: Int32
    let channel: Int32
    let status: UnsafeMutablePointer<capus_worker_status>
    let startedAt: Int64
    /// It has said that it accepts.
    var isReady = false
    /// When it is killed if it has not gone by itself; monotonic nanoseconds, nil for never.
    var killDeadline: Int64?

    init(pid: Int32, channel: Int32, status: UnsafeMutablePointer<capus_worker_status>) {
        self.pid = pid
        self.channel = channel
        self.status = status
        startedAt = capus_monotonic_ns()
    }

    /// Gives back what the master holds for it.
    func release() {
        capus_close(channel)
        capus_status_unmap(status)
    }
}

/// One place for a worker process: an id of one worker, with its listening socket.
final class WorkerSlot {
    let worker: WorkerBase
    let workerIndex: Int
    let id: Int
    /// The socket that the processes of this place accept from; −1 for a worker without a port.
    let listener: Int32

    /// The process that serves.
    var current: WorkerChild?
    /// The process that is to take over from it.
    var replacement: WorkerChild?
    /// Processes that were replaced and finish what is under way.
    var leaving: [WorkerChild] = []
    var backoff = RespawnBackoff()

    init(worker: WorkerBase, workerIndex: Int, id: Int, listener: Int32) {
        self.worker = worker
        self.workerIndex = workerIndex
        self.id = id
        self.listener = listener
    }

    var children: [WorkerChild] { [current, replacement].compactMap { $0 } + leaving }

    /// Takes a process that ended out of its place.
    func remove(_ child: WorkerChild) {
        if current === child { current = nil }
        if replacement === child { replacement = nil }
        leaving.removeAll { $0 === child }
    }
}

/// When the next process of a place may start: at once, unless one after the other fails.
struct RespawnBackoff {
    /// This many abnormal ends within `window` make the next start wait.
    static let tolerated = 5
    static let window: Int64 = 10_000_000_000
    static let longest: Int64 = 30_000_000_000
    /// A process that lived this long has shown that it can.
    static let proof: Int64 = 60_000_000_000

    private var ends: [Int64] = []
    private var delay: Int64 = 0
    /// Monotonic nanoseconds; nil when nothing is to be started.
    private(set) var nextStart: Int64?

    /// A process ended; returns how long its successor waits.
    mutating func ended(at now: Int64, lived: Int64, abnormally: Bool) -> Int64 {
        if lived >= Self.proof {
            ends.removeAll()
            delay = 0
        }
        guard abnormally else {
            nextStart = now
            return 0
        }
        ends = ends.filter { now - $0 < Self.window } + [now]
        if ends.count >= Self.tolerated || delay > 0 {
            delay = delay == 0 ? 1_000_000_000 : min(delay * 2, Self.longest)
        }
        nextStart = now + delay
        return delay
    }

    /// The start could not be made; try again after a while.
    mutating func startFailed(at now: Int64) { nextStart = now + 1_000_000_000 }

    mutating func started() { nextStart = nil }
}

/// The exit of a process, raw and in words.
struct ExitReason: CustomStringConvertible {
    /// The wait status as the kernel reports it.
    let raw: Int32

    var isSignal: Bool { raw & 0x7F != 0 }
    var isNormal: Bool { raw == 0 }

    var description: String {
        isSignal ? "signal \(raw & 0x7F) \(Self.signalNames[raw & 0x7F] ?? "")" : "exit code \(raw >> 8 & 0xFF)"
    }

    private static let signalNames: [Int32: String] = [
        1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL (a Swift run-time trap)", 5: "TRAP (a Swift run-time trap)", 6: "ABRT",
        7: "BUS", 8: "FPE", 9: "KILL", 11: "SEGV", 15: "TERM",
    ]
}
