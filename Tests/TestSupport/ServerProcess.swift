import Glibc

/// How a process ended.
public enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    init(raw: Int32) { self = raw & 0x7F == 0 ? .code(raw >> 8 & 0xFF) : .signal(raw & 0x7F) }

    /// "code 0", "signal 9"
    public var description: String {
        switch self {
        case .code(let code): "code \(code)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}

/// A process that the test started. It and the processes it started are gone when the last reference goes.
public final class ServerProcess {
    /// Its process id.
    public let pid: Int32
    /// How it ended; nil as long as it runs, or nobody has asked.
    public private(set) var exit: ExitStatus?
    private let output: Int32
    private let errorPath: String
    private var buffer: [UInt8] = []
    private var family: Set<ProcessFacts> = []

    /// How a program is started, where it is not as usual.
    public struct Launch: Sendable {
        /// What the program's command stands behind: `["setpriv", "--reuid=1"]`.
        public var under: [String] = []
        /// Variables added to the environment.
        public var environment: [String: String] = [:]
        /// Descriptors that the program gets as 3, 4, …
        public var descriptors: [Int32] = []

        /// As usual, but for what is given.
        public init(under: [String] = [], environment: [String: String] = [:], descriptors: [Int32] = []) {
            self.under = under
            self.environment = environment
            self.descriptors = descriptors
        }

        /// Behind what a shell does first: `ulimit -n 64`.
        public static func afterShell(_ script: String) -> Launch {
            Launch(under: ["/bin/sh", "-c", "\(script); exec \"$@\"", "sh"])
        }
    }

    /// Starts the program `name` of this package, or at a path. Its standard error goes to a file in `folder`.
    public init(_ name: String, _ arguments: [String], in folder: TemporaryFolder, _ launch: Launch = Launch()) throws {
        errorPath = folder.file("stderr")
        let isOurs = !name.hasPrefix("/")
        let path = isOurs ? Self.folderOfPrograms + "/" + name : name
        var launch = launch
        if isOurs, let faults = Self.faults {
            let others = launch.environment["LD_PRELOAD"].map { ":\($0)" } ?? ""
            launch.environment["LD_PRELOAD"] = faults + others
        }
        if isOurs { launch.under += Self.observer }
        var pipe: [Int32] = [-1, -1]
        guard Glibc.pipe(&pipe) == 0 else { throw Failure("pipe: \(systemError())") }
        for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { Glibc.close(pipe[1]) }
        do {
            pid = try Self.spawn([path] + arguments, launch, output: pipe[1], errorPath: errorPath)
        } catch {
            Glibc.close(pipe[0])
            throw error
        }
        output = pipe[0]
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
    }

    /// A library that makes system calls of this package's programs fail: see bench/Faults.
    private static let faults = getenv("APUS_TEST_FAULTS").map { String(cString: $0) }

    /// What this package's programs run under, `valgrind` for instance: see Tests/sanitize.py.
    public static let observer =
        getenv("APUS_TEST_UNDER").map { String(cString: $0).split(separator: " ").map(String.init) } ?? []

    /// Other threads of the tests, and Foundation, have descriptors that are not marked close-on-exec.
    static func closeDescriptors(from first: Int, _ actions: inout posix_spawn_file_actions_t) {
        // The module of Glibc hides its newer functions.
        typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
        let addCloseFrom = unsafeBitCast(dlsym(nil, "posix_spawn_file_actions_addclosefrom_np")!, to: AddCloseFrom.self)
        _ = addCloseFrom(&actions, Int32(first))
    }

    private static func spawn(
        _ command: [String], _ launch: Launch, output: Int32, errorPath: String
    ) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, errorPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        for (index, fd) in launch.descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, fd, Int32(3 + index))
        }
        closeDescriptors(from: 3 + launch.descriptors.count, &actions)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: what it starts can be found and ended with it.
        // Nor are the signals blocked there that the threads of the tests, or a loop, have blocked.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        let words = CStrings(launch.under + command)
        let variables = CStrings(CStrings.environment + launch.environment.map { "\($0.key)=\($0.value)" })
        var pid: pid_t = 0
        let program = (launch.under + command)[0]
        let failure = posix_spawnp(&pid, program, &actions, &attributes, words.pointers, variables.pointers)
        guard failure == 0 else { throw Failure("start \(program): \(String(cString: strerror(failure)))") }
        return pid
    }

    deinit {
        noteFamily()
        if exit == nil {
            Glibc.kill(-pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
        for member in family { member.kill() }
        Glibc.close(output)
    }

    /// Where the package's programs are: beside the tests.
    public static let folderOfPrograms: String = {
        var path = [UInt8](repeating: 0, count: 4096)
        let count = path.withUnsafeMutableBytes {
            readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        let executable = String(decoding: path[..<max(0, count)], as: UTF8.self)
        return String(executable[..<(executable.lastIndex(of: "/") ?? executable.startIndex)])
    }()

    /// What it wrote to standard error.
    public var errorText: String { readText(errorPath) ?? "" }

    // MARK: Output

    /// The next line of its standard output; nil at its end. Throws when none comes in time.
    public func nextLine(within seconds: Double = Client.patience) throws -> String? {
        let deadline = Deadline(seconds)
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                defer { buffer.removeFirst(end + 1) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            var block = [UInt8](repeating: 0, count: 65536)
            let count = read(output, &block, block.count)
            if count > 0 {
                buffer += block[..<count]
            } else if count == 0 {
                defer { buffer = [] }
                return buffer.isEmpty ? nil : String(decoding: buffer, as: UTF8.self)
            } else if errno == EAGAIN {
                guard wait(output, POLLIN, until: deadline) else {
                    throw Failure("no line in \(seconds) s\(errorNote)")
                }
            }
        }
    }

    /// The next line that `isWanted`; the others are dropped.
    public func line(
        _ what: String, within seconds: Double = Client.patience, where isWanted: (String) -> Bool
    ) throws -> String {
        let deadline = Deadline(seconds)
        while let line = try nextLine(within: Double(deadline.milliseconds) / 1000) {
            if isWanted(line) { return line }
        }
        throw Failure("it ended without \(what)\(errorNote)")
    }

    /// All it has yet to write.
    public func outputToEnd(within seconds: Double = Client.patience) throws -> String {
        var lines: [String] = []
        while let line = try nextLine(within: seconds) { lines.append(line) }
        return lines.joined(separator: "\n")
    }

    /// Reads its banner: the addresses it listens on, in the order of its workers. What an example says one could try
    /// comes before it.
    public func endpoints() throws -> [Endpoint] {
        var endpoints: [Endpoint] = []
        _ = try line("a banner") { line in
            // What a recipe says of how to try it may name addresses, too.
            if line.hasPrefix("Try: ") { return false }
            endpoints += line.split(separator: " ").compactMap { Endpoint(banner: $0) }
            return line.contains("Start success")
        }
        return endpoints
    }

    private var errorNote: String {
        let text = errorText
        return text.isEmpty ? "" : "; standard error: \(text)"
    }

    // MARK: Life

    /// It runs.
    public var isRunning: Bool { ProcessFacts(pid) != nil }

    /// The process as `/proc` shows it; nil when it has ended.
    public var facts: ProcessFacts? { ProcessFacts(pid) }

    /// The processes it started that run.
    public var children: [ProcessFacts] {
        noteFamily()
        return facts?.children ?? []
    }

    /// Remembers its children, to end them with it.
    private func noteFamily() {
        if let children = facts?.children { family.formUnion(children) }
    }

    /// A process to be ended with this one, for instance a daemon it has left behind.
    public func adopt(_ process: ProcessFacts) {
        family.insert(process)
        family.formUnion(process.children)
    }

    /// Sends it a signal. One that is told to stand still does so when this returns, with all its threads.
    public func signal(_ number: Int32) {
        noteFamily()
        guard exit == nil else { return }
        Glibc.kill(pid, number)
        if number == SIGSTOP {
            var info = siginfo_t()
            _ = waitid(P_PID, id_t(pid), &info, WSTOPPED | WNOWAIT)
        }
    }

    /// Waits for its end.
    public func waitForExit(within seconds: Double = Client.patience) throws -> ExitStatus {
        if let exit { return exit }
        let found = try waitFor("exit of process \(pid)\(errorNote)", within: seconds) { () -> ExitStatus? in
            var status: Int32 = 0
            return waitpid(pid, &status, WNOHANG) == pid ? ExitStatus(raw: status) : nil
        }
        exit = found
        return found
    }

    /// Sends SIGTERM and waits for its end.
    public func stop(within seconds: Double = Client.patience) throws -> ExitStatus {
        signal(SIGTERM)
        return try waitForExit(within: seconds)
    }
}
