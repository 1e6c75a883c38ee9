import ApusProtocols
import CApus

/// The master process: it binds the listeners, starts, watches and replaces workers, answers commands, and does nothing
/// else. It has no event loop, starts no thread, and uses neither tasks nor Dispatch, so that nothing can take it down
/// that takes a worker down.
final class Master {
    enum Phase { case starting, running, stopping }

    var slots: [WorkerSlot] = []
    var phase = Phase.starting
    /// Wait statuses of processes that ended, by the worker's key.
    var exits: [String: [Int32: Int]] = [:]
    var reloading: Reload?
    /// The number of the process that was started last.
    var lastMember = 0
    /// When processes that did not take their news of others are told again.
    var nextPeerNews: Int64?
    /// What the processes share; nil when the program has none.
    var memory: SharedMemory?
    let listeners = ListenerSet()
    let board: StatusBoard
    /// All processes have said that they accept, once.
    var isAnnounced = false
    /// When a graceful stop ceases to be one.
    var gracefulDeadline: Int64?
    /// Processes were told to stop at once: nothing makes that milder.
    private var stopsAtOnce = false
    let rates = RequestRates()

    /// What outlives this program when another one takes its place: see `Master+handover`.
    var startedAt = capus_monotonic_ns()
    var startTime = Log.localTime()
    var launchPath = ServiceSettings.launchPath
    var lock: Int32 = -1
    var control: ControlSocket?

    private var signals: Int32 = -1
    private var nextHousekeeping = capus_monotonic_ns()
    private static let housekeepingInterval: Int64 = 60_000_000_000

    init() {
        do {
            board = try StatusBoard()
        } catch {
            Service.fail("\(error)", status: 71)
        }
    }

    /// A master that goes on with what another program has started.
    init(board: StatusBoard) { self.board = board }

    // MARK: The loop

    /// Runs until the service is stopped.
    func serve() -> Never { while true { turn() } }

    func openSignals() {
        let wanted = [
            CAPUS_SIGINT, CAPUS_SIGTERM, CAPUS_SIGHUP, CAPUS_SIGTSTP, CAPUS_SIGQUIT, CAPUS_SIGUSR1, CAPUS_SIGUSR2,
            CAPUS_SIGCHLD,
        ].map { Int32($0) }
        signals = Self.patiently {
            capus_signals_open(wanted, Int32(wanted.count))
        } until: {
            $0 >= 0
        }
        guard signals >= 0 else { leave("\(SystemError("watch signals", -signals))", status: 71) }
    }

    /// Tries for a second what a service would end without: memory and descriptors may be back by then.
    static func patiently<Value>(_ body: () -> Value, until isFit: (Value) -> Bool) -> Value {
        var value = body()
        var none = [Bool]()
        var left = 20
        while !isFit(value), left > 0 {
            left -= 1
            _ = capus_wait_readable([], &none, 0, 50)
            value = body()
        }
        return value
    }

    private func turn() {
        let children = slots.flatMap(\.children).filter { !$0.hasHungUp }
        let clients = control?.clients ?? []
        var descriptors = [signals, control?.listeningDescriptor ?? -1]
        descriptors += children.map(\.channel)
        descriptors += clients.map(\.fd)
        var ready = [Bool](repeating: false, count: descriptors.count)
        if capus_wait_readable(descriptors, &ready, Int32(descriptors.count), nextWait()) > 0 {
            if ready[0] { readSignals() }
            if ready[1] { control?.accept() }
            for (child, isReady) in zip(children, ready[2...]) where isReady { readChannel(child) }
            for (client, isReady) in zip(clients, ready[(2 + children.count)...]) where isReady { serve(client) }
        }
        reap()
        runDeadlines()
    }

    /// Milliseconds until something is due.
    private func nextWait() -> Int32 {
        let now = capus_monotonic_ns()
        let children = slots.flatMap(\.children)
        var deadlines = children.flatMap { [$0.killDeadline, $0.noticeDeadline, $0.nextTry].compactMap { $0 } }
        deadlines.append(nextHousekeeping)
        if phase == .running { deadlines += slots.filter(\.isVacant).compactMap(\.backoff.nextStart) }
        deadlines += [gracefulDeadline, reloading?.probe?.deadline, control?.nextDeadline, nextPeerNews].compactMap {
            $0
        }
        return Int32(clamping: max(0, (deadlines.min()! - now + 999_999) / 1_000_000))
    }

    private func runDeadlines() {
        let now = capus_monotonic_ns()
        for slot in slots {
            for child in slot.children {
                if let time = child.nextTry, time <= now { child.tellAgain() }
                if let deadline = child.noticeDeadline, deadline <= now {
                    child.noticeDeadline = nil
                    let seconds = (now - child.startedAt) / 1_000_000_000
                    Log.write("worker[\(slot.name):\(child.pid)] is not ready \(seconds) s after its start", .warning)
                }
                guard let deadline = child.killDeadline, deadline <= now else { continue }
                child.killDeadline = nil
                let what = child.isReady ? "did not leave in time" : "did not become ready in time"
                Log.write("worker[\(slot.name):\(child.pid)] \(what) and is killed", .warning)
                _ = capus_send_signal(child.pid, Int32(CAPUS_SIGKILL))
            }
            if phase == .running, slot.isVacant, let start = slot.backoff.nextStart, start <= now { spawn(slot) }
        }
        if let deadline = gracefulDeadline, deadline <= now {
            gracefulDeadline = nil
            stop(gracefully: false, "no end of the graceful stop within \(Service.settings.gracefulTimeout ?? 0) s")
        }
        if let probe = reloading?.probe, probe.deadline <= now { probeTimedOut(probe) }
        control?.runDeadlines(now)
        catchUpWithPeerNews(now)
        if nextHousekeeping <= now { keepHouse(now) }
    }

    /// What operators may do to a running service's files is put right once a minute.
    private func keepHouse(_ now: Int64) {
        nextHousekeeping = now + Self.housekeepingInterval
        guard phase == .running else { return }
        if !capus_is_locked(Service.settings.pidPath) { restorePidFile() }
        if capus_file_owner(Service.settings.controlPath) < 0 { replaceControl() }
    }

    /// The file of the control socket is gone, and nobody can reach the one that had it.
    private func replaceControl() {
        guard let made = ControlSocket(path: Service.settings.controlPath) else { return }
        control?.answerAll()
        control?.close()
        control = made
    }

    // MARK: What arrives

    private func readSignals() {
        var sender: Int32 = 0
        while case let signal = capus_signals_read(signals, &sender), signal != 0 {
            switch Int(signal) {
            case Int(CAPUS_SIGCHLD): break
            case Int(CAPUS_SIGQUIT): stop(gracefully: true, "received signal QUIT")
            case Int(CAPUS_SIGTERM): stop(gracefully: Service.settings.termIsGraceful, "received signal TERM")
            case Int(CAPUS_SIGUSR1): reload(gracefully: false)
            case Int(CAPUS_SIGUSR2): reload(gracefully: true)
            default: stop(gracefully: false, "received \(ExitReason(raw: signal))")
            }
        }
    }

    private func readChannel(_ child: WorkerChild) {
        let arrival = ChannelMessage.receive(child.channel)
        if case .closed = arrival { child.hasHungUp = true }
        guard case .message(let message, let text, let passed) = arrival,
            let slot = slots.first(where: { $0.children.contains { $0 === child } })
        else { return }
        // Only a report comes with a descriptor; a worker that was taken over must not fill its master's table.
        if passed >= 0, message != .report { capus_close(passed) }
        switch message {
        case .ready: becameReady(child, slot)
        case .recycle: recycle(child, slot)
        case .stopService: stop(gracefully: false, "worker[\(slot.name):\(child.pid)] asked for it")
        case .stopServiceGracefully: stop(gracefully: true, "worker[\(slot.name):\(child.pid)] asked for it")
        case .reloadService: reload(gracefully: false)
        case .reloadServiceGracefully: reload(gracefully: true)
        case .report:
            if let control { control.reported(child, text, passed) } else if passed >= 0 { capus_close(passed) }
        case .peerMissed: if let member = Int(text) { forgetTold(child, of: member) }
        case .log: relay(text, from: child)
        default: break
        }
    }

    /// Logs a line of a worker that may not write the log itself.
    private func relay(_ text: String, from child: WorkerChild) {
        if let record = LogRecord(relayed: text, by: child.pid) { Log.append(record) }
    }

    private func becameReady(_ child: WorkerChild, _ slot: WorkerSlot) {
        child.isReady = true
        if child === reloading?.awaited {
            awaitedBecameReady(child, slot)
        } else if child === slot.replacement {
            takeOver(slot)
        }
        if !isAnnounced, slots.allSatisfy({ $0.current?.isReady == true }) { announceStart() }
    }

    private func recycle(_ child: WorkerChild, _ slot: WorkerSlot) {
        guard phase == .running, reloading == nil, slot.current === child, slot.replacement == nil else { return }
        Log.write("worker[\(slot.name):\(child.pid)] has served enough and is replaced")
        spawn(slot)?.killDeadline = capus_monotonic_ns() + Reload.readyTimeout
    }

    // MARK: Stopping

    func stop(gracefully: Bool, _ reason: String) {
        guard !stopsAtOnce else { return }
        stopsAtOnce = !gracefully
        gracefulDeadline = nil
        phase = .stopping
        dropReload()
        ServiceManager.stopping()
        listeners.stopListening()
        Log.write("Apus[\(Service.settings.serviceName)] \(reason), \(gracefully ? "gracefully " : "")stopping")
        let now = capus_monotonic_ns()
        if gracefully { gracefulDeadline = Service.settings.gracefulTimeout.map { now + Int64($0 * 1e9) } }
        for child in slots.flatMap(\.children) {
            child.tellToLeave(
                gracefully ? .stopGracefully : .stop, within: gracefully ? nil : Service.settings.stopTimeout)
        }
    }

    func finish() -> Never {
        do {
            try Service.settings.onMasterStop?()
        } catch {
            Log.write("onMasterStop failed: \(error)", .error)
        }
        listeners.removeFiles()
        _ = capus_remove_file(Service.settings.controlPath)
        // Before the lock goes: whoever waits for it must not find the name of a process that has left.
        _ = capus_remove_file(Service.settings.pidPath)
        Log.write("Apus[\(Service.settings.serviceName)] has been stopped")
        capus_daemon_ready(1)
        capus_exit(0)
    }
}
