import CApus
import Synchronization

/// Runs Swift tasks on the event loop's thread.
///
/// It is both the main actor's executor and the preferred executor of the tasks that Apus starts, so that a handler
/// that suspends resumes without a thread hop: the "generic" executor it resumes on first then is the loop as well.
nonisolated final class LoopExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // `local` is touched by the loop's thread only and `foreign` is guarded by its mutex: hence @unchecked.
    @exclusivity(unchecked) private var local: [UnownedJob] = []
    @exclusivity(unchecked) private var running: [UnownedJob] = []
    private let foreign = Mutex<[UnownedJob]>([])
    private let thread = capus_current_thread()
    /// The thread of the process' loop; 0 before there is one.
    private static let threadOfLoop = Atomic<UInt>(0)
    /// Whether this is the loop's thread.
    static var isOnLoop: Bool { capus_current_thread() == threadOfLoop.load(ordering: .relaxed) }
    private let wakeupDescriptor: Int32

    /// `wakeupDescriptor` is an eventfd that ends the loop's wait.
    init(wakeupDescriptor: Int32) {
        self.wakeupDescriptor = wakeupDescriptor
        local.reserveCapacity(64)
        running.reserveCapacity(64)
        Self.threadOfLoop.store(thread, ordering: .relaxed)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if capus_current_thread() == thread {
            local.append(job)
        } else {
            foreign.withLock { $0.append(job) }
            capus_eventfd_signal(wakeupDescriptor)
        }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    func checkIsolated() {
        precondition(capus_current_thread() == thread, "main-actor code was called off the event loop's thread")
    }

    func isIsolatingCurrentContext() -> Bool? { capus_current_thread() == thread }

    /// Makes this the main actor's executor. False when the runtime has no hook for it.
    func becomeMainExecutor() -> Bool {
        let words = unsafeBitCast(asUnownedSerialExecutor(), to: (UnsafeMutableRawPointer, UInt).self)
        return capus_install_main_executor(words.0, words.1)
    }

    /// Whether jobs of the loop's own thread wait.
    var hasJobs: Bool { !local.isEmpty }

    /// Takes over the jobs of other threads; called after the eventfd woke the loop.
    func collectForeignJobs() {
        let jobs = foreign.withLock { jobs in
            let taken = jobs
            jobs.removeAll(keepingCapacity: true)
            return taken
        }
        local.append(contentsOf: jobs)
    }

    /// Runs what is queued, and what that queues, for a bounded number of rounds: a task that yields for ever must
    /// not starve input and output.
    func runJobs() {
        var rounds = 16
        while !local.isEmpty, rounds > 0 {
            rounds -= 1
            swap(&local, &running)
            for job in running {
                job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
            running.removeAll(keepingCapacity: true)
        }
    }
}
