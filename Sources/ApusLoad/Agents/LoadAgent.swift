import Apus
import CApus

/// Puts on its share of a load for a coordinator on another host: `apus load agent`. One coordinator after the other;
/// whoever comes meanwhile is told so.
public nonisolated struct LoadAgent: Sendable {
    private static let backlog: Int32 = 64

    /// Where it listens. On anything but loopback it needs a secret.
    public var address: LoadAgentAddress
    /// Processes that put on its share of the load, one core's worth each.
    public var processes: Int
    /// What coordinators have to know; nil lets in whoever can connect.
    public var secret: LoadAgentSecret?

    /// An agent that is not listening yet.
    public init(on address: LoadAgentAddress, processes: Int = 1, secret: LoadAgentSecret? = nil) {
        self.address = address
        self.processes = processes
        self.secret = secret
    }

    /// Serves coordinators until SIGINT or SIGTERM, and says on standard error what it does. A program that runs an
    /// agent calls `LoadProcess.runIfStarted()` first of all.
    public func run() -> LoadProgram.ExitStatus {
        var signals = [Int32(CAPUS_SIGINT), Int32(CAPUS_SIGTERM)]
        let ending = capus_signals_open(&signals, Int32(signals.count))
        do throws(LoadError) {
            guard ending >= 0 else { throw .system("wait for signals", errno: -ending) }
            let listener = try open()
            defer { capus_close(listener) }
            try announce(listener)
            serve(listener, ending)
            return .success
        } catch {
            LoadProgram.complain("\(error)")
            if case .options = error { return .usage }
            return .failure
        }
    }

    /// A listening descriptor.
    private func open() throws(LoadError) -> Int32 {
        guard (1...LoadOptions.maxProcesses).contains(processes) else {
            throw .options(LoadOptionsError("--threads", "a number from 1 to \(LoadOptions.maxProcesses)"))
        }
        guard case .ip(var native) = try LoadEndpoint(host: address.host, port: address.port).resolved() else {
            preconditionFailure("a resolved name is an address")
        }
        guard secret != nil || native.isLoopback else {
            throw .options(
                LoadOptionsError(
                    "--listen",
                    """
                    \(address) can be reached from other hosts, and an agent puts load on whatever it is told: it \
                    needs a secret, with --secret-file or \(LoadAgentSecret.variable)
                    """))
        }
        var options = capus_listen_options()
        options.socket.no_delay = true
        options.backlog = Self.backlog
        let listener = capus_listen(&native, options)
        guard listener >= 0 else { throw .system("listen on \(address)", errno: -listener) }
        return listener
    }

    private func announce(_ listener: Int32) throws(LoadError) {
        var native = capus_address()
        let failure = capus_local_address(listener, &native)
        guard failure == 0 else { throw .system("listen on \(address)", errno: failure) }
        let how = processes == 1 ? "1 process" : "\(processes) processes"
        say("listening on \(native.text), \(how), \(secret == nil ? "without a secret" : "with a secret")")
    }

    private func serve(_ listener: Int32, _ ending: Int32) {
        while true {
            var ready = [false, false]
            _ = capus_wait_readable([ending, listener], &ready, 2, -1)
            if ready[0] { return }
            var peer = capus_address()
            let fd = capus_accept(listener, &peer)
            guard fd >= 0 else { continue }
            defer { capus_close(fd) }
            var session = AgentSession(self, ProcessChannel(fd: fd, limits: .greeting), peer.text, listener, ending)
            session.run()
        }
    }

    /// Tells whoever started the agent.
    func say(_ text: String) { Terminal.write("apus load agent: \(text)\n", to: 2) }
}

nonisolated extension capus_address {
    /// Only programs of this host can connect to it.
    fileprivate var isLoopback: Bool {
        var last = capus_address()
        if family == 4 { return ip.0 == 127 }
        guard capus_address_parse("::1", port, &last) else { return false }
        return withUnsafeBytes(of: ip) { ours in withUnsafeBytes(of: last.ip) { ours.elementsEqual($0) } }
    }

    /// `address:port`, with brackets around IPv6.
    fileprivate var text: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            withUnsafePointer(to: self) { capus_address_format($0, text.baseAddress!, text.count) }
            return LoadAgentAddress(host: String(cString: text.baseAddress!), port: port).description
        }
    }
}
