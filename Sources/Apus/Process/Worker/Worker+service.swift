import CApus

/// What concerns the program as a whole: written `Worker.runAll()`, `Worker.pidFile`.
extension Worker where P == Raw {
    /// A worker without a port, for timers, clients and background work.
    public convenience init() { self.init(.raw, on: nil) }

    // MARK: Running

    /// Runs the program's workers as its command line says: `start`, `stop`, `restart`, `reload`, `status`,
    /// `connections` or `doctor`. Nothing after it runs.
    public static func runAll() -> Never { Service.run() }

    /// Runs the program's workers as `command` says, "start -q" for instance, for a program that reads its arguments
    /// itself and runs as often as it is started: unless `pidFile` is set it is one of its own each time.
    public static func runAll(command: String) -> Never {
        Service.settings.command = command
        Service.settings.readsCommandLine = false
        if pidFile == nil { pidFile = "/tmp/\(ServiceSettings.executableName).\(capus_process_id()).pid" }
        Service.run()
    }

    /// Stops this process; the master starts another one in its place. Without a master the program ends. See
    /// `stopService(gracefully:)` for the service as a whole.
    public static func stopAll(exitCode: Int32 = 0, reason: String = "") {
        guard let process = WorkerProcess.current else { return }
        process.exitStatus = exitCode
        process.stop(.stop, reason: reason)
    }

    /// Stops the service, as `stop` and `stop -g` do. Called in a worker process; it returns at once.
    public static func stopService(gracefully: Bool = false) {
        guard let process = WorkerProcess.current else { return }
        if process.channel >= 0 {
            process.tellMaster(gracefully ? .stopServiceGracefully : .stopService)
        } else {
            process.stop(gracefully ? .graceful : .stop, reason: "stopService")
        }
    }

    /// Runs the program that is on disk now, as `reload` and `reload -g` do. Called in a worker process; it returns at
    /// once. False without a master, who would do it.
    @discardableResult
    public static func reloadService(gracefully: Bool = false) -> Bool {
        guard let process = WorkerProcess.current, process.channel >= 0 else { return false }
        process.tellMaster(gracefully ? .reloadServiceGracefully : .reloadService)
        return true
    }

    /// Whether this is a process that runs workers, and is not leaving.
    public static var isRunning: Bool { WorkerProcess.current.map { $0.mode == nil } ?? false }

    /// All workers of the program in the order they were made; in a worker process its own and those made in it.
    public static var allWorkers: [WorkerBase] { WorkerBase.all }

    /// A command that is read behind those of the command line, for programs that have none: `"start"`.
    public static var command: String {
        get { Service.settings.command }
        set { Service.settings.command = newValue }
    }

    // MARK: Files

    /// Where the master's process id is kept, and its lock. `--pid-file` wins over it.
    public static var pidFile: String? {
        get { Service.settings.pidFile }
        set { Service.settings.pidFile = newValue }
    }
    /// Where the log goes. `--log-file` wins over it; `/dev/null` turns it off, `-` leaves standard error alone.
    public static var logFile: String? {
        get { Service.settings.logFile }
        set { Service.settings.logFile = newValue }
    }
    /// Bytes after which the log file keeps its newer half only; 10 MiB unless set, 0 for no limit.
    public static var logFileMaxSize: Int {
        get { Int(Log.maxSize) }
        set { Log.maxSize = Int64(newValue) }
    }
    /// Gets the lines of the log instead of the log file, in the process that they come from: the master or a worker.
    /// In the master it must not start tasks or threads.
    public static var logSink: (@MainActor (LogRecord) -> Void)? {
        get { Log.sink }
        set { Log.sink = newValue }
    }
    /// Writes a line to the log.
    public static func log(_ message: String, level: LogLevel = .notice) { Log.write(message, level) }

    /// Where the output of a daemon goes; `/dev/null` unless set. It is opened again at each reload.
    public static var stdoutFile: String {
        get { Service.settings.stdoutFile }
        set { Service.settings.stdoutFile = newValue }
    }
    /// Opens `stdoutFile` again in this process: done at each reload, too.
    public static func resetStd() {
        if Service.settings.daemonize { DaemonOutput.open()?.redirect() }
    }
    /// Tells several services of one program apart, each with files of its own. `--instance` wins over it.
    public static var instance: String? {
        get { Service.settings.instance }
        set { Service.settings.instance = newValue }
    }
    /// Detach from the terminal at the start, as `-d` does.
    public static var daemonize: Bool {
        get { Service.settings.daemonize }
        set { Service.settings.daemonize = newValue }
    }

    // MARK: Stopping

    /// Seconds that `stop` waits before it kills a process; 2 unless set.
    public static var stopTimeout: Double {
        get { Service.settings.stopTimeout }
        set { Service.settings.stopTimeout = newValue }
    }
    /// Seconds that a process replaced by `reload` may spend on answers that are under way; 30 unless set.
    public static var drainTimeout: Double {
        get { Service.settings.drainTimeout }
        set { Service.settings.drainTimeout = newValue }
    }
    /// Seconds after which a graceful stop closes what is left, as `stop` does; nil, unless set, for ever.
    public static var gracefulTimeout: Double? {
        get { Service.settings.gracefulTimeout }
        set { Service.settings.gracefulTimeout = newValue }
    }
    /// Whether SIGTERM stops gracefully. Unless set it does so for the first process of a container.
    public static var sigtermIsGraceful: Bool {
        get { Service.settings.termIsGraceful }
        set { Service.settings.sigtermIsGraceful = newValue }
    }

    // MARK: The master

    /// Called in the master on `reload`, before processes are replaced; it may change `count` of workers. What it
    /// throws ends the reload, and the processes that run go on.
    public static var onMasterReload: (@MainActor () throws -> Void)? {
        get { Service.settings.onMasterReload }
        set { Service.settings.onMasterReload = newValue }
    }
    /// Called in the master when all processes have ended, just before it ends itself.
    public static var onMasterStop: (@MainActor () throws -> Void)? {
        get { Service.settings.onMasterStop }
        set { Service.settings.onMasterStop = newValue }
    }
    /// Called in the master for each process that ended, with its raw wait status and its process id.
    public static var onWorkerExit: (@MainActor (WorkerBase, _ status: Int32, _ pid: Int32) throws -> Void)? {
        get { Service.settings.onWorkerExit }
        set { Service.settings.onWorkerExit = newValue }
    }

    // MARK: The loop and the counters

    /// What waits for readiness; `--backend` and `APUS_BACKEND` win over it.
    public static var defaultBackend: Backend {
        get { Service.settings.backend }
        set { Service.settings.backend = newValue }
    }
    /// `host:port` on which every process answers `GET /metrics` with the counters of the whole service, as Prometheus
    /// reads them; nil, as long as it is not set, for nowhere. Keep it off public interfaces.
    public static var metricsAddress: String? {
        get { Service.settings.metricsAddress }
        set { Service.settings.metricsAddress = newValue }
    }
    /// The version of Apus.
    public static var version: String { Service.version }
}
