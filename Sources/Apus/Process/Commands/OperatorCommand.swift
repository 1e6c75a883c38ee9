import CApus

/// The commands that speak to a running master. Each returns the exit status: 0 done, 1 not running, 2 stop failed.
enum OperatorCommand {
    /// The master's process id. A pid file names the master only while somebody holds its lock, so a process that got
    /// the same id later is never taken for it. Without the file, its control socket tells.
    static func runningMaster() -> Int32? {
        let path = Service.settings.pidPath
        guard capus_is_locked(path) else { return ControlClient.master }
        return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
            let count = capus_read_file(path, buffer.baseAddress!, 32)
            guard count > 0 else { return nil }
            return Int32(String(decoding: buffer[..<count], as: UTF8.self))
        }
    }

    private static var name: String { Service.settings.serviceName }

    private static func sayNotRunning() {
        Terminal.writeError("\(name) not run (no master holds \(Service.settings.pidPath))")
    }

    /// The first line of each command that changes something.
    private static func announce(_ command: String, isGraceful: Bool) {
        Terminal.write("Apus[\(name)] \(command)\(isGraceful ? " gracefully" : "")")
    }

    private static func explain(_ failure: Int32, _ master: Int32) -> String {
        let owner = capus_file_owner("/proc/\(master)")
        let whose = owner >= 0 ? "; it runs as \(Privileges.name(of: owner))" : ""
        return "\(SystemError("signal process \(master)", -failure))\(whose)"
    }

    static func stop(graceful: Bool, whenNotRunning: Int32) -> Int32 {
        announce("stop", isGraceful: graceful)
        guard let master = runningMaster() else {
            sayNotRunning()
            return whenNotRunning
        }
        let watch = capus_process_watch(master)
        defer { if watch >= 0 { capus_close(watch) } }
        Terminal.write("\(name) is \(graceful ? "gracefully " : "")stopping ...")
        let failure = capus_send_signal(master, Int32(graceful ? CAPUS_SIGQUIT : CAPUS_SIGINT))
        guard failure == 0 else {
            Terminal.writeError(explain(failure, master))
            return 2
        }
        let deadline = capus_monotonic_ns() + Int64((Service.settings.stopTimeout + 3) * 1e9)
        // Not its pid file: that goes a moment before the process, and its sockets with the process alone.
        while !hasEnded(master, watch) {
            if !graceful, capus_monotonic_ns() > deadline {
                Terminal.writeError("\(name) stop fail: process \(master) is still there")
                return 2
            }
        }
        Terminal.write("\(name) stop success")
        return 0
    }

    /// Looks for 10 ms whether the process has ended; `watch` is negative where the system cannot watch it.
    private static func hasEnded(_ master: Int32, _ watch: Int32) -> Bool {
        if watch == -Int32(CAPUS_NO_PROCESS) { return true }
        var isReadable = false
        if capus_wait_readable([max(watch, -1)], &isReadable, 1, 10) > 0 { return true }
        return watch < 0 && capus_send_signal(master, 0) == -Int32(CAPUS_NO_PROCESS)
    }

    static func reload(graceful: Bool) -> Int32 {
        announce("reload", isGraceful: graceful)
        guard let master = runningMaster() else {
            sayNotRunning()
            return 1
        }
        let failure = capus_send_signal(master, Int32(graceful ? CAPUS_SIGUSR2 : CAPUS_SIGUSR1))
        if failure != 0 { Terminal.writeError(explain(failure, master)) }
        return failure == 0 ? 0 : 1
    }

    /// Prints what the master answers.
    static func show(_ question: ControlRequest) -> Int32 {
        guard let text = ask(question) else { return 1 }
        Terminal.write(text.hasSuffix("\n") ? String(text.dropLast()) : text)
        return 0
    }

    /// The master's answer; nil, once said why, when there is none.
    static func ask(_ question: ControlRequest) -> String? {
        do {
            return try ControlClient.ask(question)
        } catch .notAllowed {
            let owner = capus_file_owner(Service.settings.controlPath)
            Terminal.writeError(
                "\(name) is run by \(owner >= 0 ? Privileges.name(of: owner) : "another user"): ask as that user")
        } catch .noMaster where runningMaster() == nil {
            sayNotRunning()
        } catch {
            Terminal.writeError("the master does not answer on \(Service.settings.controlPath)")
        }
        return nil
    }
}
