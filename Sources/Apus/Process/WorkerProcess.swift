import CApus

/// This process in its role as worker: the event loop, the worker that runs on it, and the ways to leave.
final class WorkerProcess {
    static var current: WorkerProcess! = nil

    private let loop: EventLoop
    private let workers: [WorkerBase]
    /// The channel to the master; −1 without one.
    private let channel: Int32
    private var mode: DrainMode?
    private var exitStatus: Int32 = 0

    private init(loop: EventLoop, workers: [WorkerBase], channel: Int32) {
        self.loop = loop
        self.workers = workers
        self.channel = channel
        Self.current = self
        loop.errorHandler = { [unowned self] error, place in callbackFailed(error, in: place) }
    }

    // MARK: Starting

    /// Runs one worker for a master.
    static func run(_ handover: WorkerHandover) -> Never {
        Service.settings.backend = handover.backend
        Service.settings.pidFile = handover.pidPath
        Log.path = handover.logPath
        Log.echoes = !handover.isDaemon
        guard handover.workerIndex < WorkerBase.all.count else {
            Service.fail("this program makes fewer workers than the master that started it", status: 70)
        }
        let worker = WorkerBase.all[handover.workerIndex]
        worker.id = handover.workerID
        WorkerBase.all = [worker]
        let process = make([worker], status: capus_status_map(WorkerHandover.status), channel: WorkerHandover.channel)
        capus_set_title("Apus: worker process  \(worker.name) \(worker.socketName)")
        process.watchChannel()
        process.start(listeners: [handover.hasListener ? WorkerHandover.firstListener : -1])
    }

    /// Runs all workers in this process, without a master.
    static func runAlone() -> Never {
        capus_raise_descriptor_limit()
        var listeners: [Int32] = []
        for worker in WorkerBase.all {
            do {
                listeners.append(try worker.openSocket())
            } catch {
                Service.fail("\(error)", status: 1)
            }
        }
        let process = make(WorkerBase.all, status: nil, channel: -1)
        process.start(listeners: listeners)
    }

    private static func make(
        _ workers: [WorkerBase], status: UnsafeMutablePointer<capus_worker_status>?, channel: Int32
    ) -> WorkerProcess {
        do {
            let loop = try EventLoop(backend: Service.settings.backend, status: status)
            return WorkerProcess(loop: loop, workers: workers, channel: channel)
        } catch {
            Service.fail("\(error)", status: 71)
        }
    }

    /// `onWorkerStart` first, then accepting.
    private func start(listeners: [Int32]) -> Never {
        watchSignals()
        loop.status.pointee.started_ns = UInt64(loop.now)
        loop.status.pointee.doing = UInt64(CAPUS_DOING_START)
        loop.status.pointee.busy_since_ns = UInt64(loop.now)
        for (worker, listener) in zip(workers, listeners) {
            do {
                try worker.runStart()
            } catch {
                Log.write("onWorkerStart of \(worker.name) failed: \(error)")
                capus_exit(250)
            }
            if listener >= 0 {
                worker.adoptAddress(of: listener)
                worker.startAccepting(listener)
            }
        }
        if channel >= 0 {
            if !Log.echoes { redirectOutput() }
            ChannelMessage.send(.ready, on: channel)
        } else {
            Terminal.write(Banner.text(for: workers, isDaemon: false, isSingleProcess: true))
        }
        loop.run()
        capus_exit(exitStatus)
    }

    /// A daemon's output goes to its file. Until the start is over it went to the terminal, where it is looked for.
    private func redirectOutput() {
        let failure = capus_redirect_output(Service.settings.stdoutFile)
        if failure != 0 { Log.write("\(SystemError("open \(Service.settings.stdoutFile)", -failure))") }
    }

    // MARK: Being told

    private func watchSignals() {
        let signals = [
            CAPUS_SIGINT, CAPUS_SIGTERM, CAPUS_SIGHUP, CAPUS_SIGTSTP, CAPUS_SIGQUIT, CAPUS_SIGUSR1, CAPUS_SIGUSR2,
        ].map { Int32($0) }
        let fd = capus_signals_open(signals, Int32(signals.count))
        guard fd >= 0 else { return }
        loop.watch(Watch(fd: fd) { [unowned self] in signalArrived(fd) })
    }

    private func signalArrived(_ fd: Int32) {
        var sender: Int32 = 0
        while case let signal = capus_signals_read(fd, &sender), signal != 0 {
            switch Int(signal) {
            case Int(CAPUS_SIGQUIT): stop(.graceful, reason: "received signal SIGQUIT")
            case Int(CAPUS_SIGUSR1), Int(CAPUS_SIGUSR2): replaceSelf()
            default: stop(.stop, reason: "received signal \(signal)")
            }
        }
    }

    /// `reload` of this process alone: the master fills the place once it is empty.
    private func replaceSelf() {
        runReload()
        if workers.allSatisfy(\.isReloadable) { stop(.reload, reason: "reload") }
    }

    private func watchChannel() {
        loop.watch(Watch(fd: channel) { [unowned self] in messageArrived() })
    }

    private func messageArrived() {
        var byte: UInt8 = 0
        let count = capus_read(channel, &byte, 1)
        if count == -Int(CAPUS_WOULD_BLOCK) { return }
        guard count == 1 else { return masterIsGone() }
        switch ChannelMessage(rawValue: byte) {
        case .stop: stop(.stop, reason: "")
        case .stopGracefully: stop(.graceful, reason: "")
        case .drain:
            runReload()
            stop(.reload, reason: "")
        case .drainGracefully:
            runReload()
            stop(.graceful, reason: "")
        case .reload: runReload()
        case .ready, nil: break
        }
    }

    /// Without its master a worker would hold the port and could not be controlled.
    private func masterIsGone() {
        loop.watchNothing(of: channel)
        Log.write("worker[\(workers[0].name):\(capus_process_id())] lost its master and stops")
        stop(.stop, reason: "")
        let exitStatus = exitStatus
        WorkerTimer.after(Service.settings.stopTimeout) { _ in capus_exit(exitStatus) }
    }

    private func runReload() {
        if !Log.echoes { redirectOutput() }
        for worker in workers {
            do {
                try worker.runReload()
            } catch {
                Log.write("onWorkerReload of \(worker.name) failed: \(error)")
            }
        }
    }

    // MARK: Leaving

    /// Stops accepting, closes what is idle, and ends the process when no connection is left.
    func stop(_ mode: DrainMode, reason: String) {
        if !reason.isEmpty { Log.write("worker[\(workers[0].name):\(capus_process_id())] stopping: \(reason)") }
        let isFirst = self.mode == nil
        // A later, harder command wins over a softer one.
        if isFirst || mode == .stop { self.mode = mode }
        if isFirst {
            for worker in WorkerBase.all.reversed() { leave(worker) }
            WorkerTimer.every(0.1) { [unowned self] _ in drain() }
            if channel < 0 { WorkerTimer.after(Service.settings.stopTimeout) { [unowned self] _ in giveUp() } }
            if mode == .reload {
                WorkerTimer.after(Service.settings.drainTimeout) { [unowned self] _ in self.mode = .stop }
            }
        }
        drain()
    }

    /// Without a master nobody ends a process whose connections do not: some wait for peers that send or read no more.
    private func giveUp() {
        guard mode != .graceful else { return }
        for worker in WorkerBase.all {
            for connection in worker.connectionsByID.values { connection.destroy() }
        }
    }

    private func leave(_ worker: WorkerBase) {
        worker.isStopping = true
        loop.status.pointee.doing = UInt64(CAPUS_DOING_STOP)
        do {
            try worker.runStop()
        } catch {
            Log.write("onWorkerStop of \(worker.name) failed: \(error)")
        }
        worker.stopListening()
    }

    private func drain() {
        for worker in WorkerBase.all { worker.drain(mode ?? .stop) }
        connectionLeft()
    }

    /// Ends the loop with the last connection.
    func connectionLeft() {
        if mode != nil, WorkerBase.all.allSatisfy(\.connectionsByID.isEmpty) { loop.stop() }
    }

    /// A callback that belongs to no connection threw: the process cannot be trusted and is replaced.
    func callbackFailed(_ error: any Error, in place: String) {
        Log.write("\(place) failed: \(error)")
        loop.status.pointee.callback_errors += 1
        exitStatus = 250
        stop(.stop, reason: "error in a callback")
    }
}
