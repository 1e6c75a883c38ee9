import CApus

/// A UDP socket of this process that exchanges datagrams with one peer, each a message of the protocol `P`.
///
/// Nothing tells whether the peer is there: what is sent to nobody is lost, and sending goes on. The event loop keeps a
/// connected one alive until `close`.
public final class AsyncUDPConnection<P: PacketProtocol> {
    /// Datagrams one wake-up receives at most: others want their turn.
    private static var mostDatagrams: Int { 64 }

    private let codec: P
    private let target: RemoteAddress
    /// Datagrams that were sent before the name was looked up.
    private var waiting: [[UInt8]] = []
    private var lookup: UInt64?
    /// More datagrams than this do not wait.
    private static var mostWaiting: Int { 64 }
    private var socket: Watch?
    private var peer = capus_address()
    private var local = capus_address()
    private var isReading = false
    private let loop: EventLoop

    /// Where it is in its life: `.initial`, `.connecting` while a name is looked up, `.established` or `.closed`.
    public private(set) var state = ConnectionState.initial

    /// Called by `connect`, before it returns if the address is numeric; else when the name was looked up.
    public var onConnect: (@MainActor (AsyncUDPConnection<P>) throws -> Void)?
    /// Called with the message of each datagram. One that is set after `connect` is not called.
    public var onMessage: (@MainActor (AsyncUDPConnection<P>, P.Inbound) throws -> Void)?
    /// Called once, by `close`; nothing that the peer does closes it.
    public var onClose: (@MainActor (AsyncUDPConnection<P>) throws -> Void)?
    /// Called, instead of logging it, with what a callback threw, or the protocol for a message that it cannot send or
    /// read, and when a name was not found. The message is lost, the connection stays.
    public var errorHandler: (@MainActor (AsyncUDPConnection<P>, any Error) -> Void)?

    /// A connection to `udp://host:port`, `host:port` or `[v6]:port`. Made in a worker process: in `onWorkerStart` or
    /// later.
    public init(_ wireProtocol: P, to address: String) throws(AddressError) {
        codec = wireProtocol
        let scheme = P.self == Raw.self ? "udp" : "\(wireProtocol.name)+udp"
        target = try RemoteAddress(address, isSecured: false)
        if let given = target.scheme, given != "udp", given != scheme {
            throw AddressError(text: address, reason: "the connection speaks \(scheme), not \(given)")
        }
        if case .unix = target.place { throw AddressError(text: address, reason: "UDP needs a host and a port") }
        loop = .current
    }

    /// `ip:port` of the peer, IPv6 in brackets; "" before `connect`.
    public var remoteAddress: String { peer.text }
    /// The peer's address without port; "" before `connect`.
    public var remoteIP: String { peer.ipText }
    /// The peer's port; 0 before `connect`.
    public var remotePort: Int { Int(peer.port) }
    /// `ip:port` of this side; "" before `connect`.
    public var localAddress: String { local.text }
    /// This side's address without port; "" before `connect`.
    public var localIP: String { local.ipText }
    /// This side's port; 0 before `connect`.
    public var localPort: Int { Int(local.port) }
    /// Whether the peer speaks IPv4.
    public var isIPv4: Bool { peer.family == 4 }
    /// Whether the peer speaks IPv6.
    public var isIPv6: Bool { peer.family == 6 }

    // MARK: Connecting

    /// Opens the socket and calls `onConnect`; a host that is a name is looked up first, which takes until after this
    /// has returned. Throws when the system refuses the socket or has no way to the peer; it can then be tried again.
    /// Does nothing when it was called before.
    public func connect() throws(SystemError) {
        guard state == .initial, case .host(let host, let port) = target.place else { return }
        var address = capus_address()
        guard !capus_address_parse(host == "localhost" ? "127.0.0.1" : host, UInt16(port), &address) else {
            try open(address)
            run { try onConnect?(self) }
            return
        }
        state = .connecting
        lookup = Resolver.shared.resolve(host) { [self] in lookedUp($0, port: UInt16(port)) }
    }

    private func lookedUp(_ result: Result<[capus_address], ConnectionError>, port: UInt16) {
        lookup = nil
        let waiting = waiting
        self.waiting = []
        state = .initial
        do {
            guard var address = try result.get().first else { return }
            address.port = port
            try open(address)
        } catch {
            loop.status.pointee.failed_sends &+= UInt64(waiting.count)
            return failed(ConnectionError(description: "connect to udp://\(target): \(error)"))
        }
        run { try onConnect?(self) }
        for datagram in waiting { sendRaw(datagram) }
    }

    /// The peer's address is known.
    private func open(_ address: capus_address) throws(SystemError) {
        var address = address
        let fd = capus_udp_connect(&address)
        guard fd >= 0 else { throw SystemError("connect to udp://\(target)", -fd) }
        peer = address
        _ = capus_local_address(fd, &local)
        state = .established
        let socket = Watch(fd: fd) { self.receive() }
        self.socket = socket
        isReading = onMessage != nil
        loop.watch(socket, for: isReading ? UInt32(CAPUS_READ) : 0)
    }

    // MARK: Receiving

    private func receive() {
        var left = Self.mostDatagrams
        while left > 0, let fd = socket?.fd {
            left -= 1
            let count = capus_receive(fd, loop.receiveBuffer, EventLoop.receiveCapacity)
            // That an earlier datagram found nobody is said instead of what is there.
            if count == -Int(CAPUS_UDP_REFUSED) { continue }
            guard count >= 0 else { return }
            loop.status.pointee.bytes_read &+= UInt64(count)
            guard isReading else { continue }
            deliver(UnsafeRawBufferPointer(start: loop.receiveBuffer, count: count))
        }
    }

    private func deliver(_ datagram: UnsafeRawBufferPointer) {
        loop.status.pointee.requests &+= 1
        note(CAPUS_DOING_MESSAGE)
        run { try onMessage?(self, codec.decode(datagram)) }
    }

    /// Says what user code is about to run, for the case that it crashes the process.
    private func note(_ doing: Int) {
        loop.status.pointee.doing = UInt64(doing)
        loop.status.pointee.connection_id = 0
        loop.status.pointee.peer = peer
    }

    private func run(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            failed(error)
        }
    }

    private func failed(_ error: any Error) {
        loop.status.pointee.callback_errors &+= 1
        if let errorHandler { return errorHandler(self, error) }
        Log.write("callback of the connection to udp://\(target) failed: \(error)", .error)
    }

    // MARK: Sending

    /// Sends one message in a datagram, connecting first if need be. It fails when it takes more than 65,507 bytes,
    /// when the kernel has no room for it or no way to the peer, and when the connection is closed.
    @discardableResult
    public func send(_ message: P.Outbound) -> SendResult {
        var packet: [UInt8] = []
        do {
            try codec.encode(message, into: &packet)
        } catch {
            failed(error)
            return .failed
        }
        return sendRaw(packet)
    }

    /// Sends a datagram as it is, past the protocol.
    @discardableResult
    public func sendRaw(_ bytes: [UInt8]) -> SendResult {
        if state == .initial {
            do {
                try connect()
            } catch {
                Log.write("\(error)", .warning)
            }
        }
        if state == .connecting, waiting.count < Self.mostWaiting {
            waiting.append(bytes)
            return .queued
        }
        guard let fd = socket?.fd, bytes.withUnsafeBytes({ transmit($0, fd) }) else {
            loop.status.pointee.failed_sends &+= 1
            return .failed
        }
        loop.status.pointee.bytes_written &+= UInt64(bytes.count)
        return .sent
    }

    /// That an earlier datagram found nobody is said instead of sending this one: then it is tried again.
    private func transmit(_ bytes: UnsafeRawBufferPointer, _ fd: Int32) -> Bool {
        var attempts = 3
        while attempts > 0 {
            attempts -= 1
            // Of an empty datagram nothing is read.
            let sent = capus_send(fd, bytes.baseAddress ?? UnsafeRawPointer(loop.receiveBuffer), bytes.count)
            if sent == bytes.count { return true }
            guard sent == -Int(CAPUS_UDP_REFUSED) else { return false }
        }
        return false
    }

    // MARK: Closing

    /// Sends a last message, if there is one, closes the socket and calls `onClose`. Does nothing when it is closed.
    public func close(_ message: P.Outbound? = nil) {
        guard state != .closed else { return }
        if let message { send(message) }
        state = .closed
        if let lookup { Resolver.shared.cancel(lookup) }
        waiting = []
        if let socket {
            let fd = socket.fd
            loop.unwatch(socket)
            self.socket = nil
            capus_close(fd)
        }
        note(CAPUS_DOING_CLOSE)
        run { try onClose?(self) }
    }
}
