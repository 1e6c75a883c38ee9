import CApus

/// Accepts the connections of one worker.
final class Listener: Pollable, ServerSocket {
    /// Connections one wake-up accepts at most: the other workers and this one's connections want their turn.
    private static let mostAccepts = 16
    /// Wake-ups in which every accept succeeded before one more is tried: an accept that finds nothing is expensive,
    /// since the kernel has made a socket and a file by then.
    private static let turnsBeforeMore = 32
    /// Seconds without accepting after the kernel refused, for want of descriptors or of memory.
    private static let pauseAfterFailure = 0.1

    private let worker: any AcceptingOwner
    private let loop: EventLoop
    @exclusivity(unchecked) private var isAccepting = false
    /// How many accepts the next wake-up tries: follows how many connections wait.
    @exclusivity(unchecked) private var accepts = 1
    @exclusivity(unchecked) private var fullTurns = 0
    private var lastComplaint: Int64 = .min
    /// Those that are trusted to tell whose connection it is, and have not yet.
    private var undecided: [ObjectIdentifier: ProxyHeaderReader] = [:]
    var undecidedCount: Int { undecided.count }

    init(fd: Int32, worker: any AcceptingOwner, loop: EventLoop) {
        self.worker = worker
        self.loop = loop
        super.init(fd: fd)
    }

    func resume() {
        guard !isAccepting, fd >= 0 else { return }
        isAccepting = true
        loop.watch(self, for: UInt32(CAPUS_READ) | UInt32(CAPUS_EXCLUSIVE))
    }

    func pause() {
        guard isAccepting else { return }
        isAccepting = false
        loop.unwatch(self)
    }

    func close() {
        pause()
        guard fd >= 0 else { return }
        let closed = fd
        fd = -1
        // Whose header is here already is served like the connections that were opened before.
        for reader in undecided.values { reader.ready(UInt32(CAPUS_READ)) }
        capus_close(closed)
        for reader in undecided.values { reader.close() }
        undecided = [:]
    }

    override func ready(_ flags: UInt32) {
        var left = accepts
        while left > 0, isAccepting {
            guard acceptOne() else {
                accepts = max(1, accepts / 2)
                fullTurns = 0
                return
            }
            left -= 1
        }
        fullTurns += 1
        if fullTurns >= Self.turnsBeforeMore {
            accepts = min(accepts * 2, Self.mostAccepts)
            fullTurns = 0
        }
    }

    private func acceptOne() -> Bool {
        var peer = capus_address()
        let accepted = capus_accept(fd, &peer)
        guard accepted >= 0 else { return acceptFailed(-accepted) }
        loop.status.pointee.accepted &+= 1
        guard worker.expectsProxyHeader(from: peer) else {
            open(accepted, peer, local: nil)
            return true
        }
        readHeader(accepted, peer)
        return true
    }

    private func readHeader(_ accepted: Int32, _ peer: capus_address) {
        let reader = ProxyHeaderReader(fd: accepted, peer: peer, loop: loop, timeout: worker.handshakeTimeout) {
            [unowned self] reader, named in
            undecided[ObjectIdentifier(reader)] = nil
            if let named { open(named.fd, named.peer, local: named.local) }
            if fd >= 0 { worker.updateAccepting() }
        }
        undecided[ObjectIdentifier(reader)] = reader
        worker.updateAccepting()
        reader.start()
    }

    /// Makes a connection of an accepted socket. `local` is given where it is not the socket's own.
    private func open(_ accepted: Int32, _ peer: capus_address, local: capus_address?) {
        guard worker.admits(peer) else { return capus_close(accepted) }
        let connection = StreamConnection(
            fd: accepted, id: worker.nextConnectionID(), peer: peer, loop: loop, worker: worker,
            driver: worker.untypedDriver)
        if let context = worker.tlsContext, !connection.secure(with: context) { return capus_close(accepted) }
        if let local { connection.moreExtras.localAddress = local }
        connection.driver.beginLife(connection)
        worker.connectionOpened(connection)
        // A handler may be closing the listener, whose own request is in the buffer that is read into.
        if connection.state != .closed, worker.clientSpeaksFirst, fd >= 0 { connection.receive() }
        if connection.state != .closed { connection.register() }
    }

    /// Another worker may have been faster, or the client is gone already: neither is worth a word.
    private func acceptFailed(_ code: Int32) -> Bool {
        switch Int(code) {
        case Int(CAPUS_WOULD_BLOCK): return false
        case Int(CAPUS_CONNECTION_ABORTED): return true
        default:
            waitAMoment(code)
            return false
        }
    }

    /// Trying again at once would spin: the clients wait in the backlog instead.
    private func waitAMoment(_ code: Int32) {
        if lastComplaint == .min || loop.now - lastComplaint > 10_000_000_000 {
            lastComplaint = loop.now
            let lacksDescriptors = [CAPUS_NO_DESCRIPTORS, CAPUS_NO_DESCRIPTORS_IN_SYSTEM].contains(Int(code))
            Log.write(
                "\(SystemError("accept on \(worker.socketName)", code)); accepting goes on "
                    + (lacksDescriptors
                        ? "as connections close. Raise the limit of open files (ulimit -n) or the number of workers"
                        : "a moment later"),
                .error)
        }
        pause()
        WorkerTimer.after(Self.pauseAfterFailure) { [weak self] _ in
            guard let self, worker.mayAccept else { return }
            resume()
        }
    }
}
