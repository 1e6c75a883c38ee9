import CApus

/// What concerns the program as a whole: written `Worker.runAll()`, `Worker.pidFile`.
extension Worker where P == Raw {
    /// Runs the program's workers as its command line says: `start`, `stop`, `restart`, `reload` or `status`. Nothing
    /// after it runs.
    public static func runAll() -> Never { Service.run() }

    /// Stops this process; the master starts another one in its place. Without a master the program ends.
    public static func stopAll(reason: String = "") { WorkerProcess.current.stop(.stop, reason: reason) }

    /// Where the master's process id is kept, and its lock. `--pid-file` wins over it.
    public static var pidFile: String? {
        get { Service.settings.pidFile }
        set { Service.settings.pidFile = newValue }
    }
    /// Where the log goes. `--log-file` wins over it; `/dev/null` turns it off.
    public static var logFile: String? {
        get { Service.settings.logFile }
        set { Service.settings.logFile = newValue }
    }
    /// Where the output of a daemon goes; `/dev/null` unless set.
    public static var stdoutFile: String {
        get { Service.settings.stdoutFile }
        set { Service.settings.stdoutFile = newValue }
    }
    /// Detach from the terminal at the start, as `-d` does.
    public static var daemonize: Bool {
        get { Service.settings.daemonize }
        set { Service.settings.daemonize = newValue }
    }
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
    /// What waits for readiness; `--backend` and `APUS_BACKEND` win over it.
    public static var defaultBackend: Backend {
        get { Service.settings.backend }
        set { Service.settings.backend = newValue }
    }
    /// The version of Apus.
    public static var version: String { Service.version }
}
