import Glibc

/// A program that runs at a terminal of its own. Closing the terminal hangs it up, as closing a window does.
public final class PseudoTerminal {
    /// The program's process id.
    public let pid: Int32
    private var master: Int32
    private var received: [UInt8] = []
    private var exit: ExitStatus?

    // TIOCGPTN and TIOCSPTLCK, which Swift cannot import.
    private static let numberRequest: UInt = 0x8004_5430
    private static let lockRequest: UInt = 0x4004_5431

    /// Starts the program `name` of this package at a terminal of this many columns and 40 lines. Its environment is
    /// that of this process with some variables set otherwise.
    public init(_ name: String, _ arguments: [String], columns: UInt16 = 80, environment: [String] = []) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var number: Int32 = 0
        var unlocked: Int32 = 0
        guard master >= 0, ioctl(master, Self.numberRequest, &number) == 0,
            ioctl(master, Self.lockRequest, &unlocked) == 0
        else { throw Failure("no terminal: \(systemError())") }
        let path = "/dev/pts/\(number)"
        Self.resize(master, columns)
        _ = fcntl(master, F_SETFL, O_NONBLOCK)
        pid = try Self.spawn([ServerProcess.folderOfPrograms + "/" + name] + arguments, environment, terminal: path)
    }

    private static func spawn(_ command: [String], _ environment: [String], terminal: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first terminal that the leader of a new session opens becomes its own.
        for fd: Int32 in 0...2 { posix_spawn_file_actions_addopen(&actions, fd, terminal, O_RDWR, 0) }
        ServerProcess.closeDescriptors(from: 3, &actions)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, 0x80)  // POSIX_SPAWN_SETSID, which Glibc's module hides.
        var pid: pid_t = 0
        let words = CStrings(command)
        let replaced = ["NO_COLOR"] + environment.compactMap { $0.split(separator: "=").first.map(String.init) }
        let kept = CStrings.environment.filter { variable in !replaced.contains { variable.hasPrefix($0 + "=") } }
        let variables = CStrings(kept + environment)
        let failure = posix_spawn(&pid, command[0], &actions, &attributes, words.pointers, variables.pointers)
        guard failure == 0 else { throw Failure("start \(command[0]): \(String(cString: strerror(failure)))") }
        return pid
    }

    deinit {
        close()
        if exit == nil {
            Glibc.kill(-pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
    }

    /// Everything that the program has written so far.
    public var text: String {
        var block = [UInt8](repeating: 0, count: 65536)
        while case let count = read(master, &block, block.count), count > 0 { received += block[..<count] }
        return String(decoding: received, as: UTF8.self)
    }

    /// Types something; "\u{3}" is Ctrl-C.
    public func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(master, bytes, bytes.count)
    }

    /// Makes it wider or narrower.
    public func resize(columns: UInt16) { Self.resize(master, columns) }

    private static func resize(_ master: Int32, _ columns: UInt16) {
        var size = winsize(ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// Closes the terminal.
    public func close() {
        if master >= 0 { Glibc.close(master) }
        master = -1
    }

    /// Waits for the program's end.
    public func waitForExit(within seconds: Double = Client.patience) throws -> ExitStatus {
        let found = try waitFor("exit of process \(pid); it wrote \(text)", within: seconds) { () -> ExitStatus? in
            _ = text  // A full terminal would hold it up.
            var status: Int32 = 0
            return waitpid(pid, &status, WNOHANG) == pid ? ExitStatus(raw: status) : nil
        }
        exit = found
        return found
    }
}
