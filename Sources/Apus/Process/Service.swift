import CApus

/// The program as a whole: its settings, and the way from its command line to the process it is to be.
enum Service {
    static let version = "0.1.0"
    static var settings = ServiceSettings()

    /// Decides what this process is: a worker that a master started, a command, a master, or everything in one.
    static func run() -> Never {
        if let handover = WorkerHandover.fromEnvironment() { WorkerProcess.run(handover) }
        let invocation: Invocation
        do {
            invocation = try Invocation(CommandLine.arguments)
        } catch {
            fail("\(error)\n\n\(Invocation.usage)", status: 64)
        }
        apply(invocation)
        switch invocation.command {
        case .start: start(invocation)
        case .restart:
            _ = OperatorCommand.stop(graceful: invocation.isGraceful, whenNotRunning: 0)
            start(invocation)
        case .stop: capus_exit(OperatorCommand.stop(graceful: invocation.isGraceful, whenNotRunning: 1))
        case .reload: capus_exit(OperatorCommand.reload(graceful: invocation.isGraceful))
        case .status: capus_exit(OperatorCommand.status())
        }
    }

    private static func apply(_ invocation: Invocation) {
        if let backend = invocation.backend ?? environmentBackend() { settings.backend = backend }
        if let file = invocation.pidFile { settings.pidFile = file }
        if let file = invocation.logFile { settings.logFile = file }
        if invocation.isDaemon { settings.daemonize = true }
        settings.isQuiet = invocation.isQuiet
        Log.path = settings.logPath
    }

    private static func environmentBackend() -> Backend? {
        guard let text = capus_environment("APUS_BACKEND") else { return nil }
        guard let backend = Backend(rawValue: String(cString: text)) else {
            fail("APUS_BACKEND is \"\(String(cString: text))\"; it can be libevent or epoll", status: 64)
        }
        return backend
    }

    private static func start(_ invocation: Invocation) -> Never {
        for worker in WorkerBase.all {
            if case .failure(let error)? = worker.requestedAddress { fail("\(error)", status: 64) }
            worker.count = max(1, worker.count)
        }
        if invocation.isSingleProcess { WorkerProcess.runAlone() }
        Master().run()
    }

    /// Says why nothing can be done and leaves.
    static func fail(_ message: String, status: Int32) -> Never {
        Terminal.writeError(message)
        capus_exit(status)
    }
}

/// What can be set for the program as a whole, before `runAll`.
struct ServiceSettings {
    var pidFile: String?
    var logFile: String?
    var stdoutFile = "/dev/null"
    var daemonize = false
    var isQuiet = false
    var stopTimeout = 2.0
    var drainTimeout = 30.0
    var backend = Backend.libevent

    /// The executable's folder and name, which the default paths are made of.
    static let executablePath: String = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
        capus_executable_path(buffer.baseAddress!, 4096) == 0
            ? String(cString: buffer.baseAddress!) : CommandLine.arguments[0]
    }
    static var executableFolder: String {
        String(executablePath[..<(executablePath.lastIndex(of: "/") ?? executablePath.startIndex)])
    }
    static var executableName: String {
        String(executablePath.split(separator: "/").last ?? "apus")
    }

    var pidPath: String { pidFile ?? "\(Self.executableFolder)/apus.\(Self.executableName).pid" }
    var logPath: String { logFile ?? "\(Self.executableFolder)/apus.log" }
    /// The socket that commands reach the master through.
    var controlPath: String { pidPath + ".control" }
}
