import CApus

/// A worker that speaks the protocol `P` over UDP: its `count` processes take turns at receiving from one socket, or
/// have, with `reusePort`, one each.
///
/// A raw datagram is a message. With another protocol a datagram holds one packet or several; nothing is put together
/// from two datagrams. So the rest of a datagram is dropped where it ends within a packet: `hello` without a line feed
/// is no line of text. A datagram that is none of the protocol's is dropped alone.
///
/// The socket belongs to the master: datagrams wait in it while processes are replaced. Those of one peer are handled
/// in order by one process, but several processes may have some each. After `pauseAccept` and `stopListening` the
/// datagrams that were received before (at most 64, or 64 runs of them) are still handled.
public final class UDPWorker<P: PacketProtocol>: WorkerBase {
    private let wireProtocol: P
    private let callbacks = UDPCallbacks<P>()

    /// A worker on `host:port`, `[v6]:port` or `udp://host:port`; `[::]` is every interface of IPv4, too, and port 0
    /// lets the kernel choose. An address that cannot be used is reported by `runAll`.
    public init(_ wireProtocol: P, on address: String) {
        self.wireProtocol = wireProtocol
        let scheme = Self.scheme(of: wireProtocol)
        super.init(address: address) { (text) throws(AddressError) in try SocketAddress(udp: text, scheme: scheme) }
    }

    /// Called once in each process, before it receives its first datagram.
    public var onWorkerStart: (@MainActor (UDPWorker<P>) throws -> Void)?
    /// Called when the process stops; not after a crash.
    public var onWorkerStop: (@MainActor (UDPWorker<P>) throws -> Void)?
    /// Called on `reload`; the process is replaced afterwards if the worker is reloadable.
    public var onWorkerReload: (@MainActor (UDPWorker<P>) throws -> Void)?

    /// Called with each message, and whom it comes from. It must not block. What it throws is logged and concerns the
    /// message alone; see also `errorPolicy`.
    public var onMessage: (@MainActor (UDPConnection<P>, P.Inbound) throws -> Void)? {
        get { callbacks.onMessage }
        set { callbacks.onMessage = newValue }
    }
    /// Called with what `onMessage` threw, or the protocol for a message that it cannot send, instead of logging it.
    public var errorHandler: (@MainActor (UDPConnection<P>, any Error) -> Void)? {
        get { callbacks.errorHandler }
        set { callbacks.errorHandler = newValue }
    }

    // MARK: WorkerBase

    private static func scheme(of wireProtocol: P) -> String {
        P.self == Raw.self ? "udp" : "\(wireProtocol.name)+udp"
    }

    override var isDatagram: Bool { true }
    override var protocolName: String { P.self == Raw.self ? "udp" : wireProtocol.name }
    override var scheme: String { Self.scheme(of: wireProtocol) }
    override func runStart() throws { try onWorkerStart?(self) }
    override func runStop() throws { try onWorkerStop?(self) }
    override func runReload() throws { try onWorkerReload?(self) }

    override func openSocket() throws(SystemError) -> Int32 {
        guard var native = address?.native else { return -1 }
        let fd = capus_udp_bind(&native, reusePort)
        guard fd >= 0 else { throw SystemError("listen on \(socketName)", -fd) }
        return fd
    }

    override func makeServerSocket(_ fd: Int32) -> any ServerSocket {
        TypedUDPSocket(
            fd: fd, owner: self, loop: .current, wireProtocol, callbacks, maxPackageSize: limits.maxPackageSize)
    }
}
