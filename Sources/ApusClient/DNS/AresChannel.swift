import Apus
import CCares

/// One c-ares channel on the event loop of this process.
@MainActor final class AresChannel {
    private var channel: ares_channel?
    private var timer: WorkerTimer?
    private var watched: [Int32: (reads: Bool, writes: Bool)] = [:]

    init(_ options: DNSOptions) throws(DNSError) {
        var native = ares_options()
        var mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS
        native.timeout = Int32(max(1, min(options.timeout, 1e6) * 1000))
        native.tries = Int32(clamping: max(1, options.attempts))
        native.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        native.sock_state_cb = { data, socket, readable, writable in
            MainActor.assumeIsolated {
                Unmanaged<AresChannel>.fromOpaque(data!).takeUnretainedValue()
                    .watch(socket, reads: readable != 0, writes: writable != 0)
            }
        }
        var lookups = Array((options.usesHostsFile ? "fb" : "b").utf8CString)
        let domains = options.searchDomains?.map { Array($0.utf8CString) }
        if domains != nil { mask |= ARES_OPT_DOMAINS }
        var pointers = (domains ?? []).map { domain in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: domain.count)
            copy.initialize(from: domain, count: domain.count)
            return Optional(copy)
        }
        defer { for pointer in pointers { pointer?.deallocate() } }
        native.ndomains = Int32(pointers.count)
        let failure = lookups.withUnsafeMutableBufferPointer { lookups in
            pointers.withUnsafeMutableBufferPointer { domains in
                native.lookups = lookups.baseAddress
                native.domains = domains.baseAddress
                return ares_init_options(&channel, &native, Int32(mask))
            }
        }
        guard failure == ARES_SUCCESS else { throw .unusable(Self.text(failure)) }
        guard !options.servers.isEmpty else { return }
        let list = options.servers.joined(separator: ",")
        guard ares_set_servers_ports_csv(channel, list) == ARES_SUCCESS else {
            throw .unusable("«\(list)» are no addresses of name servers")
        }
    }

    isolated deinit {
        timer?.cancel()
        // Questions that are open are told so.
        if let channel { ares_destroy(channel) }
    }

    static func text(_ status: Int32) -> String { String(cString: ares_strerror(status)) }

    /// Begins a question, whose callback may be called before this returns.
    func ask(_ body: (ares_channel) -> Void) {
        guard let channel else { return }
        body(channel)
        setTimer()
    }

    private func watch(_ socket: Int32, reads: Bool, writes: Bool) {
        guard let loop = EventLoop.current else { return }
        let before = watched[socket] ?? (false, false)
        watched[socket] = reads || writes ? (reads, writes) : nil
        if reads != before.reads {
            if reads {
                loop.watchRead(socket) { [unowned self] in process(socket, -1) }
            } else {
                loop.unwatchRead(socket)
            }
        }
        if writes != before.writes {
            if writes {
                loop.watchWrite(socket) { [unowned self] in process(-1, socket) }
            } else {
                loop.unwatchWrite(socket)
            }
        }
    }

    private func process(_ readable: Int32, _ writable: Int32) {
        guard let channel else { return }
        // A callback may let go of the resolver.
        withExtendedLifetime(self) { ares_process_fd(channel, readable, writable) }
        setTimer()
    }

    private func setTimer() {
        timer?.cancel()
        timer = nil
        guard let channel else { return }
        var wait = timeval()
        guard ares_timeout(channel, nil, &wait) != nil else { return }
        let seconds = Double(wait.tv_sec) + Double(wait.tv_usec) / 1e6
        timer = WorkerTimer.after(max(0.001, seconds)) { [weak self] _ in self?.process(-1, -1) }
    }
}
