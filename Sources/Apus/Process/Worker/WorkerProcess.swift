import CApus

/// This process in its role as worker: the event loop, the worker that runs on it, and its channel to the master. How
/// it leaves is in `WorkerProcess+leaving`.
final class WorkerProcess {
    static var current: WorkerProcess! = nil

    let loop: EventLoop
    let workers: [WorkerBase]
    let board: StatusBoard
    /// The channel to the master; −1 without one.
    let channel: Int32
    var mode: DrainMode?
    var exitStatus: Int32 = 0
    /// What was said last of how many connections remain.
    var remainingSaid = Int.max
    /// When what others have not taken of the bus is given up.
    var busDeadline: Int64?
    /// What the master has said before this process was able to obey.
    private var earlyMessages: [(ChannelMessage, text: String, passed: Int32)] = []
    /// What the master has not taken yet, in order, each with a file or −1.
    private var untold: [(message: ChannelMessage, text: String, file: Int32)] = []

    private init(loop: EventLoop, workers: [WorkerBase], board: StatusBoard, channel: Int32) {
        self.loop = loop
        self.workers = workers
        self.board = board
        self.channel = channel
        Self.current = self
        loop.errorHandler = { [unowned self] error, place in callbackFailed(error, in: place) }
    }

    /// How the log calls it.
    var label: String { "worker[\(workers.first?.name ?? "none"):\(capus_process_id())]" }

    // MARK: Starting

    /// Runs one worker for a master.
    static func run(_ handover: WorkerHandover) -> Never {
        apply(handover)
        nameWorkers()
        guard handover.workerIndex < WorkerBase.all.count else {
            Service.fail("this program makes fewer workers than the master that started it", status: 70)
        }
        let worker = WorkerBase.all[handover.workerIndex]
        worker.id = handover.workerID
        WorkerBase.all = [worker]
        guard let board = StatusBoard(fd: WorkerHandover.board) else {
            Service.fail("the status board cannot be mapped", status: 71)
        }
        SharedMemory.adopt(handover.memory, layout: handover.memoryLayout)
        // Opened before root is given up.
        let output = handover.isDaemon ? DaemonOutput.open() : nil
        let status = board.entry(handover.boardEntry)
        let process = make([worker], board, status, channel: WorkerHandover.channel)
        let instance = handover.instance.isEmpty ? "" : " instance=\(handover.instance)"
        capus_set_title("Apus: worker process  \(worker.name) \(worker.socketName)\(instance)")
        board.shareTicketSecret()
        // The files of keys are root's.
        process.prepareListening(worker)
        process.assumePrivileges(of: worker)
        capus_crash_watch(status)
        process.followMaster(handover.master)
        ProcessBus.shared.start(
            process.workers, on: process.loop, member: handover.member, inbox: WorkerHandover.inbox)
        process.readEarlyMessages()
        process.watchChannel()
        process.start(listeners: [handover.listener], metricsListener: handover.metricsListener, output)
    }

    private static func nameWorkers() {
        for (worker, key) in zip(WorkerBase.all, Master.keys(of: WorkerBase.all)) { worker.key = key }
    }

    private static func apply(_ handover: WorkerHandover) {
        Service.settings.backend = handover.backend
        Service.settings.pidFile = handover.pidPath
        Service.settings.logFile = handover.logPath
        Service.settings.daemonize = handover.isDaemon
        Service.settings.instance = handover.instance.isEmpty ? nil : handover.instance
        Log.path = handover.logPath
        Log.echoes = !handover.isDaemon
    }

    /// Runs all workers in this process, without a master.
    static func runAlone() -> Never {
        capus_raise_descriptor_limit()
        var listeners: [Int32] = []
        var metricsListener: Int32 = -1
        do {
            for worker in WorkerBase.all { listeners.append(try worker.openSocket()) }
            if let metrics = MetricsWorker.make() { metricsListener = try metrics.openSocket() }
        } catch {
            Service.fail(error.explanation, status: 1)
        }
        do {
            let board = try StatusBoard()
            board.shareTicketSecret()
            let status = board.entry(board.claim(WorkerBase.all.first?.name ?? "none", id: 0))
            nameWorkers()
            SharedMemory.isLaidOut = true
            let process = make(WorkerBase.all, board, status, channel: -1)
            ProcessBus.shared.start(process.workers, on: process.loop)
            process.start(listeners: listeners, metricsListener: metricsListener, nil)
        } catch {
            Service.fail("\(error)", status: 71)
        }
    }

    private static func make(
        _ workers: [WorkerBase], _ board: StatusBoard, _ status: UnsafeMutablePointer<capus_worker_status>,
        channel: Int32
    ) -> WorkerProcess {
        do {
            let backend = workers.first?.backend ?? Service.settings.backend
            let loop = try EventLoop(backend: backend, status: status)
            return WorkerProcess(loop: loop, workers: workers, board: board, channel: channel)
        } catch {
            Service.fail("\(error)", status: 71)
        }
    }

    /// Learns what every accepted connection is asked for: this process has only been told what the program says.
    private func prepareListening(_ worker: WorkerBase) {
        do {
            try worker.readTrustedProxies()
            try worker.reloadCertificates()
        } catch {
            Log.write("\(label) \(error)", .error)
            capus_exit(ExitReason.cannotServe)
        }
    }

    /// A worker that cannot become who it is to be does not serve.
    private func assumePrivileges(of worker: WorkerBase) {
        guard Privileges.mayChange else { return }
        do {
            guard let wanted = try Privileges.wanted(by: worker) else { return }
            try wanted.assume()
            Log.relay = { [channel] record in
                ChannelMessage.send(
                    .log, on: channel, text: "\(record.level.rawValue)\n\(record.time)\n\(record.message)")
            }
        } catch {
            Log.write("\(label) \(error)", .error)
            capus_exit(ExitReason.cannotServe)
        }
    }

    /// `onWorkerStart` first, then accepting.
    private func start(listeners: [Int32], metricsListener: Int32, _ output: DaemonOutput?) -> Never {
        capus_keep_spare_descriptor()
        watchSignals()
        loop.status.pointee.started_ns = UInt64(loop.now)
        loop.status.pointee.doing = UInt64(CAPUS_DOING_START)
        loop.status.pointee.busy_since_ns = UInt64(loop.now)
        for (worker, listener) in zip(workers, listeners) {
            if listener >= 0 { worker.adoptAddress(of: listener) }
            do {
                try worker.runStart()
            } catch {
                let reason = (error as? SystemError)?.explanation ?? "\(error)"
                Log.write("onWorkerStart of \(worker.name) failed: \(reason)\(Self.hint(for: error, worker))", .error)
                capus_exit(ExitReason.callbackFailed)
            }
            if listener >= 0 { worker.startAccepting(listener) }
        }
        if metricsListener >= 0, let metrics = MetricsWorker.make() {
            metrics.adoptAddress(of: metricsListener)
            metrics.startAccepting(metricsListener)
        }
        watchLimits()
        if channel >= 0 {
            // Until the start is over a daemon's output went to the terminal, where it is looked for.
            output?.redirect()
            tellMaster(.ready)
        } else {
            Terminal.write(Banner.text(for: workers, .foreground, isSingleProcess: true))
        }
        loop.run()
        ProcessBus.shared.end()
        for action in loop.lastActions { action() }
        capus_exit(exitStatus)
    }

    /// Tells the master what must not be lost: now, or as soon as it takes it. `file` is closed then.
    func tellMaster(_ message: ChannelMessage, _ text: String = "", passing file: Int32 = -1) {
        if file < 0, let last = untold.last, last.message == message, last.text == text { return }
        untold.append((message, text, file))
        if untold.count == 1 { tellMasterAgain() }
    }

    private func tellMasterAgain() {
        while let (message, text, file) = untold.first {
            guard ChannelMessage.send(message, on: channel, text: text, passing: file) else {
                WorkerTimer.after(0.05) { [unowned self] _ in tellMasterAgain() }
                return
            }
            if file >= 0 { capus_close(file) }
            untold.removeFirst()
        }
    }

    /// Several processes of one worker cannot all listen on one port.
    private static func hint(for error: any Error, _ worker: WorkerBase) -> String {
        guard (error as? SystemError)?.code == Int32(CAPUS_ADDRESS_IN_USE), worker.count > 1 else { return "" }
        return ". Each of the \(worker.count) processes listens there: set reusePort, or count to 1"
    }

    // MARK: Being told

    private func watchSignals() {
        let signals = [
            CAPUS_SIGINT, CAPUS_SIGTERM, CAPUS_SIGHUP, CAPUS_SIGTSTP, CAPUS_SIGQUIT, CAPUS_SIGUSR1, CAPUS_SIGUSR2,
        ].map { Int32($0) }
        let fd = capus_signals_open(signals, Int32(signals.count))
        guard fd >= 0 else {
            // Blocked as they are by now, nothing but SIGKILL could end it.
            Log.write("\(label) \(SystemError("watch signals", -fd))", .error)
            capus_exit(ExitReason.cannotServe)
        }
        loop.watch(Watch(fd: fd) { [unowned self] in signalArrived(fd) })
    }

    private func signalArrived(_ fd: Int32) {
        var sender: Int32 = 0
        while case let signal = capus_signals_read(fd, &sender), signal != 0 {
            switch Int(signal) {
            case Int(CAPUS_SIGQUIT): stop(.graceful, reason: "received signal QUIT")
            case Int(CAPUS_SIGTERM) where channel < 0 && Service.settings.termIsGraceful:
                stop(.graceful, reason: "received signal TERM")
            case Int(CAPUS_SIGUSR1), Int(CAPUS_SIGUSR2): replaceSelf()
            default: stop(.stop, reason: "received \(ExitReason(raw: signal))")
            }
        }
    }

    /// `reload` of this process alone: the master fills the place once it is empty.
    private func replaceSelf() {
        if Service.settings.daemonize { DaemonOutput.open()?.redirect() }
        runReload()
        if workers.allSatisfy(\.isReloadable) { stop(.reload, reason: "reload") }
    }

    private func watchChannel() {
        loop.watch(Watch(fd: channel) { [unowned self] in messageArrived() })
    }

    /// Who the others are is known before `onWorkerStart`; the rest waits until this process runs.
    private func readEarlyMessages() {
        while case .message(let message, let text, let passed) = ChannelMessage.receive(channel) {
            if !hear(message, text, passed) { earlyMessages.append((message, text, passed)) }
        }
        guard !earlyMessages.isEmpty else { return }
        loop.execute { [unowned self] in
            for (message, text, passed) in earlyMessages { obey(message, text, output: passed) }
            earlyMessages = []
        }
    }

    private func messageArrived() {
        switch ChannelMessage.receive(channel) {
        case .nothing: break
        case .closed: masterIsGone()
        case .message(let message, let text, let passed):
            if !hear(message, text, passed) { obey(message, text, output: passed) }
        }
    }

    /// News of other processes; false when it is something else.
    private func hear(_ message: ChannelMessage, _ text: String, _ passed: Int32) -> Bool {
        switch message {
        case .peer:
            guard let news = PeerNews(text) else { break }
            guard passed >= 0 else {
                tellMaster(.peerMissed, "\(news.member)")
                break
            }
            ProcessBus.shared.peerCame(news, socket: passed)
        case .peerGone: if let member = Int(text) { ProcessBus.shared.peerLeft(member) }
        default: return false
        }
        return true
    }

    /// `output` is a daemon's new output, or −1.
    private func obey(_ message: ChannelMessage, _ text: String, output: Int32) {
        if output >= 0 { capus_redirect_output(output) }
        switch message {
        case .stop: stop(.stop, reason: "")
        case .stopGracefully: stop(.graceful, reason: "")
        case .drain:
            runReload()
            stop(.reload, reason: "")
        case .drainGracefully:
            runReload()
            stop(.graceful, reason: "")
        case .reload: runReload()
        case .connections, .connectionsJSON: reportConnections(text, isJSON: message == .connectionsJSON)
        default: break
        }
    }

    private func reportConnections(_ question: String, isJSON: Bool) {
        ConnectionsReport(of: WorkerBase.all, isJSON: isJSON).write(on: loop) { [unowned self] text in
            // Without a file the master still has to know that this was the answer.
            tellMaster(.report, question, passing: ControlFile.make(text))
        }
    }

    private func runReload() {
        for worker in WorkerBase.all where !worker.isStopping {
            do {
                try worker.reloadCertificates()
            } catch {
                Log.write("\(label) goes on with the certificates it has: \(error)", .error)
            }
        }
        for worker in workers {
            do {
                try worker.runReload()
            } catch {
                Log.write("onWorkerReload of \(worker.name) failed: \(error)", .error)
            }
        }
    }
}
