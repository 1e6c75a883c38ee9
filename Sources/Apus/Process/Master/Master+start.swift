import ApusProtocols
import CApus

/// From the command line to a service that accepts.
extension Master {
    func start() -> Never {
        takeLock()
        listeners.takeActivatedSockets()
        do {
            try shareMemory()
            try makeSlots()
        } catch {
            leave(error.explanation, status: 1)
        }
        listeners.reportUnused()
        let isDaemon = Service.settings.daemonize
        if isDaemon { detach() }
        Log.echoes = !isDaemon
        prepareProcess()
        writePid()
        control = ControlSocket(path: Service.settings.controlPath)
        Log.write("Apus[\(Service.settings.serviceName)] start in \(isDaemon ? "DAEMON" : "DEBUG") mode")
        warnOfFewDescriptors()
        for slot in slots { spawn(slot) }
        phase = .running
        serve()
    }

    /// What every master process does, also one that takes over.
    func prepareProcess() {
        capus_raise_descriptor_limit()
        capus_keep_spare_descriptor()
        capus_set_title(
            "Apus: master process  start_file=\(launchPath)\(Service.settings.instance.map { " instance=\($0)" } ?? "")"
        )
        openSignals()
    }

    private func warnOfFewDescriptors() {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        capus_descriptor_limits(&soft, &hard)
        guard hard < Doctor.enoughDescriptors else { return }
        Log.write("a process may have \(hard) files open, and no more connections: see ulimit -Hn", .warning)
    }

    /// The lock is held for as long as the master lives: whether one runs never depends on a process id.
    private func takeLock() {
        let path = Service.settings.pidPath
        let running = OperatorCommand.runningMaster()
        lock = running == nil ? capus_lock_file(path, 0o644) : -Int32(CAPUS_WOULD_BLOCK)
        if lock == -Int32(CAPUS_WOULD_BLOCK) {
            let pid = running.map { " (pid \($0))" } ?? ""
            Service.fail("\(Service.settings.serviceName) already running\(pid)", status: 1)
        }
        guard lock >= 0 else {
            Service.fail("\(SystemError("open \(path)", -lock)); choose another with --pid-file", status: 1)
        }
        // Until it holds this process' id it must not name another one.
        _ = capus_replace_content(lock, path, 0)
    }

    /// Makes what the processes share, unless a master before this one has.
    func shareMemory() throws(SystemError) {
        if memory == nil { memory = try SharedMemory.make() }
        try memory?.attach()
    }

    /// A place for each process of each worker, with its listening socket. Each process of a worker with `reusePort`
    /// has a socket of its own, which outlives the process: connections that wait in its queue are not lost when the
    /// process is replaced.
    func makeSlots() throws(SystemError) {
        slots = []
        for (index, (worker, key)) in zip(WorkerBase.all, Self.keys(of: WorkerBase.all)).enumerated() {
            for id in 0..<worker.count {
                let listener = try listeners.open(worker, key: worker.reusePort ? "\(key)/\(id)" : key)
                if listener >= 0 { worker.adoptAddress(of: listener) }
                slots.append(WorkerSlot(worker: worker, index: index, key: key, id: id, listener: listener))
            }
        }
        guard let metrics = MetricsWorker.make() else { return }
        metrics.adoptAddress(of: try listeners.open(metrics, key: MetricsWorker.key))
        if phase == .starting { Log.write("metrics at \(metrics.socketName)/metrics") }
    }

    /// What a worker is recognised by when the program was replaced: its address, or its name without one.
    static func keys(of workers: [WorkerBase]) -> [String] {
        var seen: [String: Int] = [:]
        return workers.map { worker in
            let name = worker.requestedText ?? "worker \(worker.name)"
            let key = worker.isDatagram ? "udp \(name)" : name
            seen[key, default: 0] += 1
            return "\(key)#\(seen[key]!)"
        }
    }

    private func detach() {
        var status: Int32 = 0
        let result = capus_daemonize(&status)
        if result == 1 { capus_exit(status) }
        guard result == 0 else { leave("\(SystemError("detach from the terminal", -result))", status: 1) }
    }

    private func writePid() {
        let failure = Array("\(capus_process_id())".utf8).withUnsafeBytes {
            capus_replace_content(lock, $0.baseAddress!, $0.count)
        }
        guard failure == 0 else { leave("\(SystemError("write \(Service.settings.pidPath)", -failure))", status: 1) }
    }

    /// Somebody removed the pid file: without it commands would not find the master.
    func restorePidFile() {
        let fd = capus_lock_file(Service.settings.pidPath, 0o644)
        guard fd >= 0 else { return }
        capus_close(lock)
        lock = fd
        _ = Array("\(capus_process_id())".utf8).withUnsafeBytes {
            capus_replace_content(lock, $0.baseAddress!, $0.count)
        }
        Log.write("the pid file \(Service.settings.pidPath) was gone and is written again", .warning)
    }

    /// Everything runs: the banner, and the terminal may have its prompt back.
    func announceStart() {
        isAnnounced = true
        if !Service.settings.isQuiet {
            let ending: Banner.Ending =
                !Service.settings.command.isEmpty ? .library : Service.settings.daemonize ? .daemon : .foreground
            Terminal.write(Banner.text(for: WorkerBase.all, ending))
        }
        redirectOutput()
        ServiceManager.ready()
        capus_daemon_ready(0)
    }

    /// A daemon's output goes to its file, which is opened again at each reload so that it can be moved away.
    func redirectOutput() {
        guard Service.settings.daemonize else { return }
        DaemonOutput.open()?.redirect()
    }

    /// Ends a start that failed, without leaving files behind.
    func leave(_ message: String, status: Int32) -> Never {
        listeners.removeFiles()
        _ = capus_remove_file(Service.settings.pidPath)
        // Whoever started it looks at the terminal, as long as it has not said that it runs.
        Log.echoes = true
        Log.write(message, .error)
        capus_daemon_ready(status)
        capus_exit(status)
    }
}

/// The file that a daemon prints to, opened.
struct DaemonOutput {
    private let fd: Int32

    /// Nil when it cannot be opened, which the log says: output goes where it went before.
    static func open() -> DaemonOutput? {
        let fd = capus_open_output(Service.settings.stdoutFile)
        guard fd >= 0 else {
            Log.write("\(SystemError("open \(Service.settings.stdoutFile)", -fd)); output is lost", .error)
            return nil
        }
        return DaemonOutput(fd: fd)
    }

    /// Points standard output and error at it.
    func redirect() { capus_redirect_output(fd) }

    /// Its file, opened for another process; −1 when there is none. The caller closes it.
    static func descriptor() -> Int32 { Service.settings.daemonize ? open()?.fd ?? -1 : -1 }
}

extension SystemError {
    /// The error, with what may be done about it.
    var explanation: String { "\(self)\(hint)" }

    private var hint: String {
        switch Int(code) {
        case Int(CAPUS_ADDRESS_IN_USE):
            if let owner = portOwner {
                ". Process \(owner) has it"
            } else {
                ". Another program, or an earlier start of this one, has it"
            }
        case Int(CAPUS_NOT_PERMITTED): ". Ports below 1024 need root or CAP_NET_BIND_SERVICE"
        case Int(CAPUS_ADDRESS_NOT_LOCAL):
            ". No interface of this machine has it: a public address of a cloud is often translated; use 0.0.0.0"
        default: ""
        }
    }

    /// Who listens on the port that the action names. The system's list of TCP says nothing of UDP.
    private var portOwner: String? {
        guard !action.contains("udp://"), let port = action.split(atASCII: ":").last.flatMap({ Int32($0) }),
            case let pid = capus_port_owner(port), pid > 0
        else { return nil }
        return "\(pid) (\(Self.commandLine(of: pid)))"
    }

    private static func commandLine(of pid: Int32) -> String {
        withUnsafeTemporaryAllocation(byteCount: 200, alignment: 1) { buffer in
            let count = capus_read_file("/proc/\(pid)/cmdline", buffer.baseAddress!, buffer.count)
            guard count > 0 else { return "unknown" }
            let words = buffer[..<count].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.joined(separator: " ")
        }
    }
}
