import ApusProtocols
import CApus

/// The program as a whole: its settings, and the way from its command line to the process it is to be.
enum Service {
    static let version = "0.1.0"
    static var settings = ServiceSettings()

    /// Decides what this process is: a worker that a master started, its probe, a master that goes on as another
    /// program, a command, a master, or everything in one.
    static func run() -> Never {
        _ = arguments  // Before a title is written over them.
        capus_fill_standard_descriptors()
        if let handover = WorkerHandover.fromEnvironment() { WorkerProcess.run(handover) }
        ProgramProbe.answerIfAsked()
        Master.resumeIfHandedOver()
        let invocation = readInvocation()
        apply(invocation)
        switch invocation.command {
        case .start: start(invocation)
        case .restart:
            let status = OperatorCommand.stop(graceful: invocation.isGraceful, whenNotRunning: 0)
            if status != 0 { capus_exit(status) }
            start(invocation)
        case .stop: capus_exit(OperatorCommand.stop(graceful: invocation.isGraceful, whenNotRunning: 1))
        case .reload: capus_exit(OperatorCommand.reload(graceful: invocation.isGraceful))
        case .status where invocation.isDaemon: capus_exit(LiveStatus.run())
        case .status: capus_exit(OperatorCommand.show(invocation.isJSON ? .statusJSON : .status))
        case .connections:
            capus_exit(OperatorCommand.show(.connections(isJSON: invocation.isJSON)))
        case .doctor: capus_exit(Doctor.run(workers: WorkerBase.all))
        case .help:
            Terminal.write(Invocation.usage)
            capus_exit(0)
        }
    }

    /// The command line, unless it is the program's own, and the command that the program gives itself.
    static var arguments: [String] {
        let own = settings.command.split(atASCII: " ").map(String.init)
        return (settings.readsCommandLine ? CommandLine.arguments : [CommandLine.arguments[0]]) + own
    }

    private static func readInvocation() -> Invocation {
        do {
            return try Invocation(arguments)
        } catch {
            fail("\(error)\n\n\(Invocation.usage)", status: 64)
        }
    }

    /// The command line wins over what the program sets.
    static func apply(_ invocation: Invocation) {
        if let backend = invocation.backend ?? environmentBackend() { settings.backend = backend }
        if let instance = invocation.instance { settings.instance = instance }
        if let file = invocation.pidFile { settings.pidFile = file }
        if let file = invocation.logFile { settings.logFile = file }
        if invocation.isDaemon { settings.daemonize = true }
        if settings.logFile == "-" { settings.logFile = "/dev/null" }
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
        do {
            try checkWorkers()
        } catch {
            fail("\(error)", status: error.exitStatus)
        }
        if invocation.isSingleProcess { WorkerProcess.runAlone() }
        if capus_thread_count() > 1 {
            Log.write(
                "the program has started threads before runAll: start them in onWorkerStart, workers are processes "
                    + "of their own", .warning)
        }
        Master().start()
    }

    /// Looks for what no start can go well with.
    static func checkWorkers() throws(SetupError) {
        var places: [String: String] = [:]
        for worker in WorkerBase.all {
            if case .failure(let error)? = worker.requestedAddress { throw SetupError("\(error)", exitStatus: 64) }
            worker.count = max(1, worker.count)
            if let address = worker.address, address.isDefinite {
                // TCP and UDP have ports of their own.
                let place = "\(worker.isDatagram ? "udp " : "")\(address)"
                if let other = places[place] {
                    throw SetupError("workers \(other) and \(worker.name) both listen on \(address)", exitStatus: 64)
                }
                places[place] = worker.name
            }
            if case .unix? = worker.address, worker.reusePort {
                throw SetupError("worker \(worker.name): reusePort is not for Unix sockets", exitStatus: 64)
            }
            do throws(AddressError) {
                try worker.readTrustedProxies()
            } catch {
                throw SetupError("worker \(worker.name): trusted proxy \(error)", exitStatus: 64)
            }
            if worker.isDatagram, worker.tls != nil {
                throw SetupError("worker \(worker.name): TLS is not for UDP", exitStatus: 64)
            }
            try checkPrivileges(of: worker)
            try checkCertificates(of: worker)
            if let warning = worker.untypedDriver.startWarning {
                Log.write("worker \(worker.name): \(warning)", .warning)
            }
        }
        if let text = settings.metricsAddress {
            do {
                _ = try SocketAddress(text)
            } catch {
                throw SetupError("metrics \(error)", exitStatus: 64)
            }
        }
    }

    private static func checkCertificates(of worker: WorkerBase) throws(SetupError) {
        do {
            try worker.reloadCertificates()
        } catch {
            throw SetupError("worker \(worker.name): \(error)", exitStatus: 1)
        }
        if let tls = worker.tls, tls.prefersKernel, !capus_tls_kernel_is_able() {
            Log.write(
                "worker \(worker.name): this kernel makes no records of TLS (modprobe tls); OpenSSL makes them",
                .warning)
        }
        guard let lifetime = worker.certificateLifetime, lifetime < 14 * 86400 else { return }
        let when = lifetime <= 0 ? "has expired" : "expires in \(lifetime / 86400) days"
        Log.write("worker \(worker.name): certificate \(worker.tls!.identity.certificateFile) \(when)", .warning)
    }

    private static func checkPrivileges(of worker: WorkerBase) throws(SetupError) {
        do {
            guard let wanted = try Privileges.wanted(by: worker), !Privileges.mayChange,
                wanted.user != UInt32(capus_user_id())
            else { return }
            Log.write(
                "worker \(worker.name) is to run as \(wanted.userName): only root can change that. It runs as "
                    + Privileges.currentUserName, .warning)
        } catch {
            throw SetupError("\(error)", exitStatus: 1)
        }
    }

    /// Says why nothing can be done and leaves.
    static func fail(_ message: String, status: Int32) -> Never {
        Log.copy.write(message)
        capus_exit(status)
    }
}

/// Why a program cannot be started as it is set up.
struct SetupError: Error, CustomStringConvertible {
    let description: String
    let exitStatus: Int32

    init(_ description: String, exitStatus: Int32) {
        self.description = description
        self.exitStatus = exitStatus
    }
}
