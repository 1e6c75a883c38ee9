import Apus
import CLinux

/// How a process ended.
public nonisolated enum ProcessExit: Sendable, Hashable, CustomStringConvertible {
    /// It has left with this status; 0 for success.
    case code(Int32)
    /// A signal has ended it.
    case signal(Int32)

    init(raw: Int32) { self = raw & 0x7F == 0 ? .code(raw >> 8 & 0xFF) : .signal(raw & 0x7F) }

    /// "status 1", "signal 9"
    public var description: String {
        switch self {
        case .code(let code): "status \(code)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}

/// Why a process was not started, or not written to.
public nonisolated struct ProcessError: Error, CustomStringConvertible, Sendable, Hashable {
    /// One line for the user.
    public let description: String

    init(_ what: String, _ code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
    init(_ description: String) { self.description = description }
}

/// A program that runs beside this process, watched by its event loop.
///
///     let child = ChildProcess("sort -n")
///     child.onOutput = { print(String(decoding: $0, as: UTF8.self)) }
///     child.onExit = { print($0) }
///     try child.start()
///     try await child.write(Array("2\n1\n".utf8))
///     child.closeInput()
///
/// It has a process group of its own, inherits no descriptor but its three, and no signal is blocked there. It goes on
/// when this process ends, unless it notices by itself that its input has: end it in `onWorkerStop`.
@MainActor public final class ChildProcess {
    /// Called with what it writes to standard output.
    public var onOutput: (([UInt8]) -> Void)?
    /// Called with what it writes to standard error.
    public var onErrorOutput: (([UInt8]) -> Void)?
    /// Called once, when it has ended and all it wrote was delivered.
    public var onExit: ((ProcessExit) -> Void)?
    /// Its environment instead of that of this process.
    public var environment: [String: String]?
    /// The folder that it runs in instead of that of this process.
    public var workingFolder: String?

    /// Its process id; 0 before it was started.
    public private(set) var pid: Int32 = 0
    /// How it has ended; nil before.
    public private(set) var exit: ProcessExit?

    private let words: [String]
    private var input: Int32 = -1
    private var readers: [PipeReader] = []
    private var handle: Int32 = -1
    private var isReaped = false
    private var status: Int32 = 0
    private var exitWaiters: [UnsafeContinuation<Void, Never>] = []
    private var roomWaiters: [UnsafeContinuation<Void, Never>] = []

    /// What a shell makes of a line: `/bin/sh -c COMMAND`.
    public convenience init(_ command: String) { self.init(["/bin/sh", "-c", command]) }

    /// A program, looked for where `PATH` says, and its arguments: no shell reads them.
    public init(_ words: [String]) {
        precondition(!words.isEmpty, "a program is needed")
        self.words = words
    }

    isolated deinit {
        for reader in readers { reader.close() }
        closeInput()
        if handle >= 0 {
            EventLoop.current?.unwatchRead(handle)
            close(handle)
        }
    }

    /// Whether it was started and has not ended.
    public var isRunning: Bool { pid > 0 && exit == nil }

    // MARK: Starting

    /// Starts it. Callbacks come later, never from within. Throws `ProcessError`.
    public func start() throws(ProcessError) {
        guard pid == 0 else { throw ProcessError("a process is started once") }
        for word in words where word.utf8.contains(0) { throw ProcessError("an argument holds a NUL") }
        var pipes: [[Int32]] = []
        defer { for pipe in pipes { close(pipe[1]) } }
        for index in 0..<3 {
            var ends: [Int32] = [-1, -1]
            let failure = linux_pipe(&ends)
            guard failure == 0 else {
                for pipe in pipes { close(pipe[0]) }
                throw ProcessError("make a pipe", -failure)
            }
            // Ours first: of input it is the end that is written to.
            pipes.append(index == 0 ? ends.reversed() : ends)
        }
        let failure = spawn(pipes.map { $0[1] })
        guard failure == 0 else {
            for pipe in pipes { close(pipe[0]) }
            throw ProcessError("start \(words[0])", failure)
        }
        for pipe in pipes { linux_set_nonblocking(pipe[0]) }
        input = pipes[0][0]
        readers = [
            PipeReader(
                pipes[1][0], { [weak self] in self?.onOutput?($0) }, atEnd: { [weak self] in self?.finishIfOver() }),
            PipeReader(
                pipes[2][0], { [weak self] in self?.onErrorOutput?($0) }, atEnd: { [weak self] in self?.finishIfOver() }
            ),
        ]
        watchEnd()
    }

    /// Returns an errno, or 0.
    private func spawn(_ ends: [Int32]) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let workingFolder { posix_spawn_file_actions_addchdir_np(&actions, workingFolder) }
        for (number, end) in ends.enumerated() { posix_spawn_file_actions_adddup2(&actions, end, Int32(number)) }
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        guard let environment else {
            return posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, linux_environment())
        }
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for variable in variables { free(variable) } }
        return posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, &variables)
    }

    private func watchEnd() {
        handle = pidfd_open(pid, 0)
        guard handle >= 0 else { return }
        EventLoop.current.watchRead(handle) { [weak self] in self?.reap() }
    }

    private func reap() {
        guard !isReaped, waitpid(pid, &status, WNOHANG) == pid else { return }
        isReaped = true
        EventLoop.current.unwatchRead(handle)
        close(handle)
        handle = -1
        closeInput()
        // A child of its own may hold its output open for ever: what is there now is all that is waited for.
        for reader in readers { reader.drain() }
        finishIfOver()
    }

    private func finishIfOver() {
        guard isReaped, exit == nil else { return }
        let exit = ProcessExit(raw: status)
        self.exit = exit
        for reader in readers { reader.close() }
        for waiter in exitWaiters { waiter.resume() }
        exitWaiters = []
        onExit?(exit)
    }

    // MARK: Input

    /// Writes to its standard input, and returns when all was taken. Throws `ProcessError` when it has ended or has
    /// closed its input.
    public func write(_ bytes: [UInt8]) async throws {
        var sent = 0
        while sent < bytes.count {
            guard input >= 0 else { throw ProcessError("the input of \(words[0]) is closed") }
            let count = bytes.withUnsafeBytes { CLinux.write(input, $0.baseAddress! + sent, bytes.count - sent) }
            if count >= 0 {
                sent += count
            } else if linux_errno() == EAGAIN {
                await waitForRoom()
            } else if linux_errno() != EINTR {
                throw ProcessError("write to \(words[0])", linux_errno())
            }
        }
    }

    private func waitForRoom() async {
        await withUnsafeContinuation { continuation in
            roomWaiters.append(continuation)
            EventLoop.current.watchWrite(input) { [weak self] in self?.resumeWriters() }
        }
    }

    private func resumeWriters() {
        if input >= 0 { EventLoop.current?.unwatchWrite(input) }
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// Nothing more is written: programs that read to the end go on.
    public func closeInput() {
        guard input >= 0 else { return }
        EventLoop.current?.unwatchWrite(input)
        close(input)
        input = -1
        resumeWriters()
    }

    // MARK: The end

    /// Sends a signal, to it and the processes it started; SIGTERM unless told otherwise. False when it has ended.
    @discardableResult
    public func kill(_ signal: Int32 = SIGTERM) -> Bool {
        guard pid > 0, !isReaped else { return false }
        return CLinux.kill(-pid, signal) == 0
    }

    /// Waits for its end.
    public func wait() async -> ProcessExit? {
        guard pid > 0 else { return nil }
        if exit == nil { await withUnsafeContinuation { exitWaiters.append($0) } }
        return exit
    }

    /// What `run` returns.
    public struct Outcome: Sendable {
        /// How it ended.
        public let exit: ProcessExit
        /// What it wrote to standard output.
        public let output: [UInt8]
        /// What it wrote to standard error.
        public let errors: [UInt8]
    }

    /// Runs a program to its end. When it has written more than `maxBytes`, when it takes longer than `seconds`, or
    /// when the task is cancelled, it is killed. Throws `ProcessError`, and `CancellationError`.
    public static func run(
        _ words: [String], input: [UInt8] = [], in folder: String? = nil, atMost seconds: Double? = nil,
        maxBytes: Int = 16 * 1024 * 1024
    ) async throws -> Outcome {
        let child = ChildProcess(words)
        child.workingFolder = folder
        var output: [UInt8] = []
        var errors: [UInt8] = []
        let bound = {
            guard output.count + errors.count > maxBytes else { return }
            child.kill(SIGKILL)
        }
        child.onOutput = {
            output += $0
            bound()
        }
        child.onErrorOutput = {
            errors += $0
            bound()
        }
        // They hold the child that holds them, also one that could not be started.
        defer {
            child.onOutput = nil
            child.onErrorOutput = nil
        }
        try child.start()
        let timer = seconds.map { WorkerTimer.after($0) { _ in child.kill(SIGKILL) } }
        let writer = Task {
            try? await child.write(input)
            child.closeInput()
        }
        let exit = await withTaskCancellationHandler {
            await child.wait()
        } onCancel: {
            EventLoop.soon { child.kill(SIGKILL) }
        }
        timer?.cancel()
        await writer.value
        try Task.checkCancellation()
        return Outcome(exit: exit ?? .signal(SIGKILL), output: output, errors: errors)
    }
}

/// Reads one end of a pipe.
private final class PipeReader {
    private enum Result {
        case bytes, nothing, end
    }

    private var fd: Int32
    private let take: ([UInt8]) -> Void
    private let atEnd: () -> Void

    init(_ fd: Int32, _ take: @escaping ([UInt8]) -> Void, atEnd: @escaping () -> Void) {
        self.fd = fd
        self.take = take
        self.atEnd = atEnd
        EventLoop.current.watchRead(fd) { [unowned self] in
            guard case .end = read() else { return }
            close()
            self.atEnd()
        }
    }

    nonisolated deinit {}

    /// What is there now.
    func drain() {
        while fd >= 0 { guard case .bytes = read() else { return } }
    }

    private func read() -> Result {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = CLinux.read(fd, &bytes, bytes.count)
        if count < 0 { return linux_errno() == EAGAIN || linux_errno() == EINTR ? .nothing : .end }
        guard count > 0 else { return .end }
        bytes.removeLast(bytes.count - count)
        take(bytes)
        return .bytes
    }

    func close() {
        guard fd >= 0 else { return }
        EventLoop.current?.unwatchRead(fd)
        CLinux.close(fd)
        fd = -1
    }
}
