import CApus

/// The commands that speak to a running master. Each returns the exit status: 0 done, 1 not running, 2 stop failed.
enum OperatorCommand {
    /// The master's process id. A pid file names the master only while somebody holds its lock, so a process that got
    /// the same id later is never taken for it.
    static func runningMaster() -> Int32? {
        let path = Service.settings.pidPath
        guard capus_is_locked(path) else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
            let count = capus_read_file(path, buffer.baseAddress!, 32)
            guard count > 0 else { return nil }
            return Int32(String(decoding: buffer[..<count], as: UTF8.self))
        }
    }

    private static func sayNotRunning() {
        Terminal.writeError("\(ServiceSettings.executableName) not run (no master holds \(Service.settings.pidPath))")
    }

    static func stop(graceful: Bool, whenNotRunning: Int32) -> Int32 {
        guard let master = runningMaster() else {
            sayNotRunning()
            return whenNotRunning
        }
        let watch = capus_process_watch(master)
        defer { if watch >= 0 { capus_close(watch) } }
        Terminal.write("\(ServiceSettings.executableName) is \(graceful ? "gracefully " : "")stopping ...")
        let failure = capus_send_signal(master, Int32(graceful ? CAPUS_SIGQUIT : CAPUS_SIGINT))
        guard failure == 0 else {
            Terminal.writeError("\(SystemError("signal process \(master)", -failure))")
            return 2
        }
        let deadline = capus_monotonic_ns() + Int64((Service.settings.stopTimeout + 3) * 1e9)
        // Not its pid file: that goes a moment before the process, and its sockets with the process alone.
        while !hasEnded(watch) {
            if !graceful, capus_monotonic_ns() > deadline {
                Terminal.writeError("\(ServiceSettings.executableName) stop fail: process \(master) is still there")
                return 2
            }
        }
        Terminal.write("\(ServiceSettings.executableName) stop success")
        return 0
    }

    /// Looks for 10 ms whether the process has ended.
    private static func hasEnded(_ watch: Int32) -> Bool {
        guard watch >= 0 else { return true }
        var isReadable = false
        return capus_wait_readable([watch], &isReadable, 1, 10) > 0
    }

    static func reload(graceful: Bool) -> Int32 {
        guard let master = runningMaster() else {
            sayNotRunning()
            return 1
        }
        let failure = capus_send_signal(master, Int32(graceful ? CAPUS_SIGUSR2 : CAPUS_SIGUSR1))
        if failure != 0 { Terminal.writeError("\(SystemError("signal process \(master)", -failure))") }
        return failure == 0 ? 0 : 1
    }

    static func status() -> Int32 {
        guard runningMaster() != nil else {
            sayNotRunning()
            return 1
        }
        guard let text = ControlClient.ask("status") else {
            Terminal.writeError("the master does not answer on \(Service.settings.controlPath)")
            return 1
        }
        Terminal.write(text)
        return 0
    }
}
