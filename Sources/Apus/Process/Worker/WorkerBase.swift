import CApus

/// A container for listening, connections and callbacks, run in `count` processes: what is common to the workers of
/// all protocols. Make a `Worker`, or a `UDPWorker`.
public class WorkerBase {
    /// The number of this process among those of the worker: 0 to `count` − 1, kept over a respawn.
    public internal(set) final var id = 0
    /// How many processes run this worker. Set before `runAll`; less than 1 counts as 1.
    public final var count = 1
    /// What `status`, process titles and the log call it.
    public final var name = "none"
    /// Each process gets a listening socket of its own and the kernel spreads the connections (SO_REUSEPORT). Not for
    /// Unix sockets. Off by default, so that listening twice by mistake is reported.
    public final var reusePort = false
    /// Whether `reload` replaces the processes of this worker. If not, it only calls `onWorkerReload` in them.
    public final var isReloadable = true
    /// The user, and the group, that the processes run as; "" for those of the master. Only root can change them, and
    /// after the port was opened. A name that does not exist keeps the program from starting.
    public final var user = ""
    /// See `user`; "" for the user's own group.
    public final var group = ""
    /// What waits for readiness in this worker's processes; nil for `Worker.defaultBackend`.
    public final var eventLoopBackend: Backend?
    final var backend: Backend { eventLoopBackend ?? Service.settings.backend }
    /// Messages after which a process is replaced, give or take a tenth; nil for never. Its successor accepts before it
    /// leaves.
    public final var maxRequests: Int?
    /// Resident bytes at which a process is replaced, give or take a tenth; nil for never.
    public final var maxMemory: Int?
    /// Options of the listening socket and of the connections it accepts.
    public final var socketOptions = SocketOptions()
    /// An IPv6 address serves IPv6 alone; otherwise `[::]` serves IPv4, too.
    public final var ipv6Only = false
    /// Who may connect to a Unix socket, as permissions of its file; everybody unless set.
    public final var socketMode: UInt32 = 0o666
    /// Connections the kernel holds for the worker; it allows no more than `net.core.somaxconn`.
    public final var backlog = 102_400
    /// Bounds and time-outs that new connections start with.
    public final var limits = ConnectionLimits() { didSet { limitsChanged() } }
    /// Speaks the worker's protocol over TLS. Set before `runAll`; files that cannot be used keep the program from
    /// starting. For Unix sockets, too, and not for UDP.
    public final var tls: TLSOptions?
    private final var tlsState: TLSContext?
    final var tlsContext: OpaquePointer? { tlsState?.context }
    /// Load balancers in front of the worker, as addresses or ranges ("10.0.0.0/8", "fd00::/8"), or "unix" for the
    /// peers of a Unix socket. Each of their connections has to begin with a header of the PROXY protocol, version 1 or
    /// 2, and counts as the client's that the header names. Connections of others are taken as they are. A text that is
    /// no range keeps the program from starting.
    public final var trustedProxies: [String] = []
    private final var proxies = ProxyTrust()
    /// Connections that each process has at most; further ones wait until one has closed. Nil for as many as the limit
    /// of open files allows.
    public final var maxConnections: Int? { didSet { updateAccepting() } }
    /// Connections that one address may have in each process; further ones are closed at once. Nil for any number.
    public final var maxConnectionsPerIP: Int? {
        didSet {
            guard maxConnectionsPerIP != nil else {
                connectionCounts = nil
                return
            }
            if connectionCounts == nil { connectionCounts = ConnectionCounts(connectionsByID.values.lazy.map(\.peer)) }
        }
    }
    private final var connectionCounts: ConnectionCounts?
    /// What happens when a callback of a connection throws; closes the connection unless set.
    public final var errorPolicy = ErrorPolicy.closeConnection
    /// The process is stopping or being replaced.
    public internal(set) final var isStopping = false

    /// What the worker was made for, or why that is impossible.
    final let requestedAddress: Result<SocketAddress, AddressError>?
    /// The address as the program gave it.
    final let requestedText: String?
    /// What the worker is recognised by in other processes, and after its program was replaced. One made in
    /// `onWorkerStart` has its fellows in the other processes of the worker that makes it.
    final lazy var key = "\(requestedText ?? name)#inner"
    /// Where it listens, with the port that the kernel chose.
    final var address: SocketAddress?
    final var listener: (any ServerSocket)?
    final var isAcceptPaused = false
    @exclusivity(unchecked) final var connectionsByID: [Int: StreamConnection] = [:]
    @exclusivity(unchecked) private final var lastConnectionID = 0
    private final var sweeper: WorkerTimer?

    /// Every worker that was made, in order. In a worker process only its own runs.
    static var all: [WorkerBase] = []

    /// `read` makes an address of its text.
    init(address text: String?, read: (String) throws(AddressError) -> SocketAddress) {
        requestedText = text
        if let text {
            requestedAddress = Result { () throws(AddressError) in try read(text) }
            address = try? requestedAddress?.get()
        } else {
            requestedAddress = nil
        }
        Self.all.append(self)
    }

    /// `text://0.0.0.0:5678` is allowed where the protocol is text.
    static func withoutScheme(_ text: String, _ protocolName: String) throws(AddressError) -> String {
        guard let end = text.firstRange(of: "://") else { return text }
        let scheme = text[..<end.lowerBound]
        if scheme == "unix" { return text }
        guard scheme == protocolName || scheme == "tcp" else {
            throw AddressError(text: text, reason: "the worker speaks \(protocolName), not \(scheme)")
        }
        return String(text[end.upperBound...])
    }

    /// Values of your own that live as long as the worker.
    public final subscript<Key: StorageKey>(_ key: Key.Type) -> Key.Value? {
        get { userStorage[ObjectIdentifier(key)] as? Key.Value }
        set { userStorage[ObjectIdentifier(key)] = newValue }
    }
    private final var userStorage: [ObjectIdentifier: Any] = [:]

    // MARK: What the typed worker fills in

    var untypedDriver: ProtocolDriver { .none }
    var protocolName: String { "none" }
    /// Its socket takes datagrams, not connections.
    var isDatagram: Bool { false }
    var protocolSpeaksFirst: Bool { false }
    /// The protocols that TLS clients are offered unless the options say otherwise.
    var applicationProtocols: [String] { [] }
    func runStart() throws {}
    func runStop() throws {}
    func runReload() throws {}
    func limitsChanged() {}
    /// Sends what came over the bus.
    func giveToClients(_ kind: BusPacket.Kind, _ bytes: [UInt8]) {}

    // MARK: Listening

    /// `http://0.0.0.0:8080`, or "none" for a worker without a port.
    public final var socketName: String { address.map { "\(scheme)://\($0)" } ?? "none" }

    var scheme: String {
        if tls == nil { return protocolName }
        return protocolName == "http" ? "https" : protocolName == "tcp" ? "ssl" : "\(protocolName)+ssl"
    }

    /// A TLS client always speaks first.
    final var clientSpeaksFirst: Bool { tls != nil || protocolSpeaksFirst }

    /// Reads the files of `tls`, also after they were changed: connections that are accepted from now on get the new
    /// certificates. When it throws, nothing has changed. Each reload does it, too.
    public final func reloadCertificates() throws(TLSError) {
        tlsState = try tls.map { (options) throws(TLSError) in
            try TLSContext(options, fallbackProtocols: applicationProtocols)
        }
    }

    /// Seconds that the certificate is still valid; nil without one.
    final var certificateLifetime: Int64? { tlsState?.lifetime }

    /// Opens the listening socket, which is not accepted from yet.
    func openSocket() throws(SystemError) -> Int32 {
        let fd: Int32
        switch address {
        case .unix(let path): fd = capus_listen_unix(path, Int32(clamping: backlog), socketMode)
        case .ip:
            var native = address!.native!
            let options = capus_listen_options(
                socket: socketOptions.native, backlog: Int32(clamping: backlog), reuse_port: reusePort,
                ipv6_only: ipv6Only, defer_accept: clientSpeaksFirst)
            fd = capus_listen(&native, options)
        case nil: return -1
        }
        guard fd >= 0 else { throw SystemError("listen on \(socketName)", -fd) }
        if case .unix(let path)? = address, let owner = try? Privileges.wanted(by: self), Privileges.mayChange {
            _ = capus_change_owner(path, owner.user, owner.group)
        }
        return fd
    }

    /// Learns the port the kernel chose for port 0.
    final func adoptAddress(of fd: Int32) {
        var native = capus_address()
        guard case .ip(let host, 0) = address, capus_local_address(fd, &native) == 0 else { return }
        address = .ip(host, port: Int(native.port))
    }

    /// Starts listening and accepting in this process: for a worker made in `onWorkerStart` of another one.
    public final func listen() throws {
        guard let requestedAddress, listener == nil else { return }
        _ = try requestedAddress.get()
        try readTrustedProxies()
        try reloadCertificates()
        let fd = try openSocket()
        adoptAddress(of: fd)
        startAccepting(fd)
    }

    /// Understands `trustedProxies`.
    final func readTrustedProxies() throws(AddressError) { proxies = try ProxyTrust(trustedProxies) }

    final func startAccepting(_ fd: Int32) {
        let socket = makeServerSocket(fd)
        listener = socket
        updateAccepting()
    }

    /// What takes in from a socket that was opened.
    func makeServerSocket(_ fd: Int32) -> any ServerSocket {
        sweeper = WorkerTimer.every(1) { [unowned self] _ in sweep() }
        return Listener(fd: fd, worker: self, loop: EventLoop.current)
    }

    /// Stops accepting and closes the socket; the connections stay.
    public final func stopListening() {
        listener?.close()
        listener = nil
    }

    /// Stops accepting; clients wait in the backlog. In `onWorkerStart` it keeps accepting from starting.
    public final func pauseAccept() {
        isAcceptPaused = true
        updateAccepting()
    }

    /// Accepts again.
    public final func resumeAccept() {
        isAcceptPaused = false
        updateAccepting()
    }

    // MARK: Connections

    final var mayAccept: Bool { !isStopping && !isAcceptPaused && !isFull }

    /// Sockets whose load balancer has yet to say whose they are count, too.
    private final var isFull: Bool {
        guard let maxConnections else { return false }
        return connectionsByID.count + (listener?.undecidedCount ?? 0) >= maxConnections
    }

    final func updateAccepting() {
        guard let listener else { return }
        if mayAccept { listener.resume() } else { listener.pause() }
    }

    final var handshakeTimeout: Double { limits.handshakeTimeout }

    final func expectsProxyHeader(from peer: capus_address) -> Bool { proxies.contains(peer) }

    final func admits(_ peer: capus_address) -> Bool {
        guard let most = maxConnectionsPerIP, let connectionCounts else { return true }
        if connectionCounts.count(of: peer) < most { return true }
        if connectionCounts.mayComplain(now: EventLoop.current.now) {
            Log.write("\(peer.ipText) has \(most) connections to \(socketName) already: more are closed", .warning)
        }
        return false
    }

    final func nextConnectionID() -> Int {
        lastConnectionID += 1
        return lastConnectionID
    }

    final func connectionOpened(_ connection: StreamConnection) {
        connectionsByID[connection.id] = connection
        connectionCounts?.add(connection.peer)
        if maxConnections != nil { updateAccepting() }
        connection.loop.status.pointee.connections &+= 1
        connection.driver.opened(connection)
    }

    final func connectionClosed(_ connection: StreamConnection) {
        connectionsByID.removeValue(forKey: connection.id)
        connectionCounts?.remove(connection.peer)
        if maxConnections != nil { updateAccepting() }
        if isStopping { WorkerProcess.current.connectionLeft() }
    }

    /// Looks for connections that have been silent for too long: one pass a second instead of a timer each.
    private final func sweep() {
        for connection in connectionsByID.values { connection.checkTimeouts() }
    }

    /// Closes what may be closed now; the rest is asked again, or closes by itself.
    final func drain(_ mode: DrainMode) {
        for connection in connectionsByID.values where connection.state == .established {
            // While others take over, who is in the midst of a TLS handshake is not cut off: its time-out bounds that.
            if connection.isSecuring, mode != .stop { continue }
            connection.driver.drain(connection, mode)
        }
    }
}

extension WorkerBase: AcceptingOwner {}
