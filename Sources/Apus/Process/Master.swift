import CApus

/// The master process: it binds the listeners, starts, watches and replaces workers, answers commands, and does nothing
/// else. It has no event loop, starts no thread, and uses neither tasks nor Dispatch, so that nothing can take it down
/// that takes a worker down.
final class Master {
    enum Phase { case starting, running, stopping }

    var slots: [WorkerSlot] = []
    var phase = Phase.starting
    /// Wait statuses of processes that ended, by worker.
    var exits: [ObjectIdentifier: [Int32: Int]] = [:]
    /// Places that `reload` has yet to fill anew.
    var reloadQueue: [WorkerSlot] = []
    var reloadIsGraceful = false
    /// The new process that `reload` waits for before it goes on.
    var awaitedReplacement: WorkerChild?
    var control: ControlSocket?
    let startedAt = capus_monotonic_ns()
    let startTime = Master.localTime()

    private var signals: Int32 = -1
    private var lock: Int32 = -1
    private let executable = ServiceSettings.executablePath
    private let arguments = CommandLine.arguments

    // MARK: Starting

    func run() -> Never {
        takeLock()
        openListeners()
        let isDaemon = Service.settings.daemonize
        if isDaemon { detach() }
        Log.echoes = !isDaemon
        capus_raise_descriptor_limit()
        capus_set_title("Apus: master process  start_file=\(executable)")
        openSignals()
        writePid()
        control = ControlSocket(path: Service.settings.controlPath)
        Log.write("Apus[\(ServiceSettings.executableName)] start in \(isDaemon ? "DAEMON" : "DEBUG") mode")
        for slot in slots { spawn(slot) }
        phase = .running
        while true { turn() }
    }

    /// The lock is held for as long as the master lives: whether one runs never depends on a process id.
    private func takeLock() {
        lock = capus_lock_file(Service.settings.pidPath, 0o644)
        if lock == -Int32(CAPUS_WOULD_BLOCK) {
            let pid = OperatorCommand.runningMaster().map { " (pid \($0))" } ?? ""
            Service.fail("\(ServiceSettings.executableName) already running\(pid)", status: 1)
        }
        guard lock >= 0 else {
            Service.fail(
                "\(SystemError("open \(Service.settings.pidPath)", -lock)); choose another with --pid-file", status: 1)
        }
    }

    /// Each process of a worker with `reusePort` has a socket of its own, which outlives the process: connections that
    /// wait in its queue are not lost when the process is replaced.
    private func openListeners() {
        for (index, worker) in WorkerBase.all.enumerated() {
            do {
                let shared = worker.reusePort ? -1 : try worker.openSocket()
                if shared >= 0 { worker.adoptAddress(of: shared) }
                for id in 0..<worker.count {
                    let listener = worker.reusePort ? try worker.openSocket() : shared
                    if listener >= 0 { worker.adoptAddress(of: listener) }
                    slots.append(WorkerSlot(worker: worker, workerIndex: index, id: id, listener: listener))
                }
            } catch {
                leave("\(error)\(Self.hint(for: error))", status: 1)
            }
        }
    }

    private static func hint(for error: SystemError) -> String {
        switch Int(error.code) {
        case Int(CAPUS_ADDRESS_IN_USE): ". Another program, or an earlier start of this one, has the port"
        case Int(CAPUS_NOT_PERMITTED): ". Ports below 1024 need root or CAP_NET_BIND_SERVICE"
        default: ""
        }
    }

    private func detach() {
        var status: Int32 = 0
        let result = capus_daemonize(&status)
        if result == 1 { capus_exit(status) }
        guard result == 0 else { leave("\(SystemError("detach from the terminal", -result))", status: 1) }
    }

    private func openSignals() {
        let wanted = [
            CAPUS_SIGINT, CAPUS_SIGTERM, CAPUS_SIGHUP, CAPUS_SIGTSTP, CAPUS_SIGQUIT, CAPUS_SIGUSR1, CAPUS_SIGUSR2,
            CAPUS_SIGCHLD,
        ].map { Int32($0) }
        signals = capus_signals_open(wanted, Int32(wanted.count))
        guard signals >= 0 else { leave("\(SystemError("watch signals", -signals))", status: 71) }
    }

    private func writePid() {
        let failure = Array("\(capus_process_id())".utf8).withUnsafeBytes {
            capus_replace_content(lock, $0.baseAddress!, $0.count)
        }
        guard failure == 0 else { leave("\(SystemError("write \(Service.settings.pidPath)", -failure))", status: 1) }
    }

    /// Ends a start that failed, without leaving files behind.
    private func leave(_ message: String, status: Int32) -> Never {
        _ = capus_remove_file(Service.settings.pidPath)
        Log.write(message)
        capus_daemon_ready(status)
        capus_exit(status)
    }

    // MARK: Worker processes

    /// Starts a process for a place. It counts once it says that it is ready.
    @discardableResult
    func spawn(_ slot: WorkerSlot) -> WorkerChild? {
        do {
            let child = try startProcess(slot)
            slot.backoff.started()
            if slot.current == nil, slot.replacement == nil { slot.current = child } else { slot.replacement = child }
            return child
        } catch {
            Log.write("cannot start worker \(slot.worker.name)/\(slot.id): \(error)")
            slot.backoff.startFailed(at: capus_monotonic_ns())
            return nil
        }
    }

    private func startProcess(_ slot: WorkerSlot) throws(SystemError) -> WorkerChild {
        var ours: Int32 = -1
        var theirs: Int32 = -1
        let failure = capus_socket_pair(&ours, &theirs)
        guard failure == 0 else { throw SystemError("make a channel", -failure) }
        defer { capus_close(theirs) }
        let page = capus_status_create()
        guard page >= 0, let status = capus_status_map(page) else {
            capus_close(ours)
            throw SystemError("make a status page", page < 0 ? -page : capus_last_error())
        }
        defer { capus_close(page) }
        let pid = exec(slot, descriptors: slot.listener >= 0 ? [theirs, page, slot.listener] : [theirs, page])
        guard pid > 0 else {
            capus_close(ours)
            capus_status_unmap(status)
            throw SystemError("start \(executable)", -pid)
        }
        return WorkerChild(pid: pid, channel: ours, status: status)
    }

    private func exec(_ slot: WorkerSlot, descriptors: [Int32]) -> Int32 {
        let handover = WorkerHandover(
            workerIndex: slot.workerIndex, workerID: slot.id, hasListener: slot.listener >= 0,
            isDaemon: Service.settings.daemonize, backend: Service.settings.backend, pidPath: Service.settings.pidPath,
            logPath: Service.settings.logPath)
        var arguments = arguments.map { text in Array(text.utf8CString) }
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.indices.map { index in
            arguments[index].withUnsafeMutableBufferPointer { buffer in
                let copy = UnsafeMutablePointer<CChar>.allocate(capacity: buffer.count)
                copy.update(from: buffer.baseAddress!, count: buffer.count)
                return copy
            }
        }
        pointers.append(nil)
        defer { for pointer in pointers { pointer?.deallocate() } }
        let pid = capus_spawn(
            executable, pointers, capus_environment_with(WorkerHandover.variable, handover.text), descriptors,
            Int32(descriptors.count))
        capus_unset_environment(WorkerHandover.variable)
        return pid
    }

    // MARK: The loop

    private func turn() {
        let children = slots.flatMap(\.children)
        var descriptors = [signals, control?.fd ?? -1]
        descriptors += children.map(\.channel)
        var ready = [Bool](repeating: false, count: descriptors.count)
        let found = capus_wait_readable(descriptors, &ready, Int32(descriptors.count), nextWait())
        if found > 0 {
            if ready[0] { readSignals() }
            if ready[1] { control?.serve(answer) }
            for (child, isReady) in zip(children, ready[2...]) where isReady { readChannel(child) }
        }
        reap()
        runDeadlines()
    }

    /// Milliseconds until something is due.
    private func nextWait() -> Int32 {
        let now = capus_monotonic_ns()
        var deadlines = slots.flatMap(\.children).compactMap(\.killDeadline)
        if phase == .running { deadlines += slots.compactMap(\.backoff.nextStart) }
        guard let next = deadlines.min() else { return 60_000 }
        return Int32(clamping: max(0, (next - now + 999_999) / 1_000_000))
    }

    private func runDeadlines() {
        let now = capus_monotonic_ns()
        for slot in slots {
            for child in slot.children {
                guard let deadline = child.killDeadline, deadline <= now else { continue }
                child.killDeadline = nil
                Log.write("worker[\(slot.worker.name):\(child.pid)] did not leave in time and is killed")
                _ = capus_send_signal(child.pid, Int32(CAPUS_SIGKILL))
            }
            if phase == .running, slot.current == nil, let start = slot.backoff.nextStart, start <= now { spawn(slot) }
        }
    }

    private func readChannel(_ child: WorkerChild) {
        var byte: UInt8 = 0
        guard capus_read(child.channel, &byte, 1) == 1, byte == ChannelMessage.ready.rawValue else { return }
        child.isReady = true
        guard let slot = slots.first(where: { $0.children.contains { $0 === child } }) else { return }
        if child === awaitedReplacement { takeOver(slot, child) }
        if slots.allSatisfy({ $0.current?.isReady == true }) { announceStart() }
    }

    private var isAnnounced = false

    /// Everything runs: the banner, and the terminal may have its prompt back.
    private func announceStart() {
        guard !isAnnounced else { return }
        isAnnounced = true
        if !Service.settings.isQuiet {
            Terminal.write(
                Banner.text(for: WorkerBase.all, isDaemon: Service.settings.daemonize, isSingleProcess: false))
        }
        if Service.settings.daemonize {
            let failure = capus_redirect_output(Service.settings.stdoutFile)
            if failure != 0 { Log.write("\(SystemError("open \(Service.settings.stdoutFile)", -failure))") }
            capus_daemon_ready(0)
        }
    }

    private func reap() {
        var status: Int32 = 0
        while case let pid = capus_reap(&status), pid > 0 {
            for slot in slots {
                if let child = slot.children.first(where: { $0.pid == pid }) { ended(child, slot, status) }
            }
        }
        if phase == .stopping, slots.allSatisfy(\.children.isEmpty) { finish() }
    }

    /// A process ended: says so, and fills its place.
    private func ended(_ child: WorkerChild, _ slot: WorkerSlot, _ raw: Int32) {
        let reason = ExitReason(raw: raw)
        let now = capus_monotonic_ns()
        exits[ObjectIdentifier(slot.worker), default: [:]][raw, default: 0] += 1
        if !reason.isNormal, !(phase == .stopping && raw == Int32(CAPUS_SIGINT)) {
            let record = CrashRecord(child.status)
            Log.write(
                "worker[\(slot.worker.name):\(child.pid)] exit with status \(raw) (\(reason))"
                    + (reason.isSignal ? ", \(record)" : ""))
        }
        slot.remove(child)
        child.release()
        guard phase == .running else { return }
        if child === awaitedReplacement { reloadFailed(slot, reason) }
        guard slot.current == nil, slot.replacement == nil else { return }
        let delay = slot.backoff.ended(at: now, lived: now - child.startedAt, abnormally: !reason.isNormal)
        if delay > 0 {
            Log.write(
                "worker \(slot.worker.name)/\(slot.id) fails again and again; next start in \(delay / 1_000_000_000) s")
            // A program whose processes cannot start is not worth waiting for at the terminal.
            if !isAnnounced { capus_daemon_ready(1) }
        }
    }

    // MARK: Stopping

    private func readSignals() {
        var sender: Int32 = 0
        while case let signal = capus_signals_read(signals, &sender), signal != 0 {
            switch Int(signal) {
            case Int(CAPUS_SIGCHLD): break
            case Int(CAPUS_SIGQUIT): stop(gracefully: true, "SIGQUIT")
            case Int(CAPUS_SIGUSR1): reload(gracefully: false)
            case Int(CAPUS_SIGUSR2): reload(gracefully: true)
            default: stop(gracefully: false, "signal \(signal)")
            }
        }
    }

    func stop(gracefully: Bool, _ reason: String) {
        phase = .stopping
        Log.write(
            "Apus[\(ServiceSettings.executableName)] received \(reason), \(gracefully ? "gracefully " : "")stopping")
        let deadline = capus_monotonic_ns() + Int64(Service.settings.stopTimeout * 1e9)
        for child in slots.flatMap(\.children) {
            ChannelMessage.send(gracefully ? .stopGracefully : .stop, on: child.channel)
            child.killDeadline = gracefully ? nil : deadline
        }
    }

    private func finish() -> Never {
        for worker in WorkerBase.all {
            if case .unix(let path)? = worker.address { _ = capus_remove_file(path) }
        }
        _ = capus_remove_file(Service.settings.controlPath)
        // Before the lock goes: whoever waits for it must not find the name of a process that has left.
        _ = capus_remove_file(Service.settings.pidPath)
        Log.write("Apus[\(ServiceSettings.executableName)] has been stopped")
        capus_daemon_ready(1)
        capus_exit(0)
    }

    static func localTime() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            capus_local_time(0, buffer.baseAddress!, 32)
            return String(cString: buffer.baseAddress!)
        }
    }
}
