import Glibc
import Synchronization

/// Threads that tests may block: they talk to servers with blocking calls, which the threads of Swift's own pool, as
/// many as there are cores, could not stand. Their number is also how many servers run at the same time.
public final class TestThreads: TaskExecutor, @unchecked Sendable {
    /// For tests that mostly wait.
    public static let light = TestThreads(count: 6)
    /// For tests that make load or measure time: one after the other.
    public static let heavy = TestThreads(count: 1)

    // Guarded by `mutex`: hence @unchecked.
    private var jobs: [UnownedJob] = []
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let available = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    private init(count: Int) {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(available, nil)
        for _ in 0..<count {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            pthread_create(
                &thread, nil,
                { context in
                    let threads = Unmanaged<TestThreads>.fromOpaque(context!).takeRetainedValue()
                    while true { threads.runOne() }
                }, context)
        }
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        pthread_mutex_lock(mutex)
        jobs.append(UnownedJob(job))
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(available)
    }

    private func runOne() {
        pthread_mutex_lock(mutex)
        while jobs.isEmpty { pthread_cond_wait(available, mutex) }
        let job = jobs.removeFirst()
        pthread_mutex_unlock(mutex)
        job.runSynchronously(on: asUnownedTaskExecutor())
    }

    /// Runs `body`, which may block, on one of the threads.
    public func run<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
        try await withTaskExecutorPreference(self) { try body() }
    }
}

/// A value that another thread may ask for while this one changes it.
public final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    /// Holds `value`.
    public init(_ value: Value) { mutex = Mutex(value) }

    /// The value now.
    public var value: Value {
        get { mutex.withLock { $0 } }
        set { mutex.withLock { $0 = newValue } }
    }

    /// Changes the value.
    public func change(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
}

/// What a client does beside the test, on a thread of its own. Ending the test without `join` waits for it.
public final class Helper<Result: Sendable> {
    private let outcome = Shared<Swift.Result<Result, any Error>?>(nil)
    private var thread: pthread_t?

    /// Starts the thread.
    public init(_ body: @escaping @Sendable () throws -> Result) {
        let outcome = outcome
        var thread = pthread_t()
        let context = Unmanaged.passRetained(ThreadBody { outcome.value = Swift.Result { try body() } })
        pthread_create(
            &thread, nil,
            { context in
                Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        self.thread = thread
    }

    deinit { if let thread { pthread_join(thread, nil) } }

    /// Whether it is over.
    public var isDone: Bool { outcome.value != nil }

    /// Waits for the thread; returns or throws what it did.
    public func join() throws -> Result {
        if let thread { pthread_join(thread, nil) }
        thread = nil
        return try outcome.value!.get()
    }
}

/// Runs `body` on a thread that nobody waits for.
func detachThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(ThreadBody(body))
    pthread_create(
        &thread, nil,
        { context in
            Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().body()
            return nil
        }, context.toOpaque())
    pthread_detach(thread)
}

private final class ThreadBody {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}
