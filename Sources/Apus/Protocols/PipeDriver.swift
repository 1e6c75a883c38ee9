import CApus

/// Hands the bytes of a connection on to another one, as they are. The connection keeps its callbacks, but for
/// messages.
final class PipeDriver<P: WireProtocol>: TypedDriver<P> {
    private let destination: StreamConnection

    init(after driver: TypedDriver<P>, to destination: StreamConnection) {
        self.destination = destination
        super.init()
        callbacks = driver.callbacks
        limits = driver.limits
        predecessor = driver.predecessor
        isOfOneConnection = true
    }

    override var name: String { "pipe" }

    override func receive(_ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        connection.noteMessage()
        if destination.forward(bytes, count) == .failed {
            connection.close()
        } else if destination.pendingSendBytes >= destination.maxSendBufferSize {
            connection.pause()
        }
        return count
    }

    /// With pipes in both directions the other one goes on: only this direction is over.
    override func peerFinished(_ connection: StreamConnection) -> Bool {
        guard destination.isPiped(to: connection) else {
            destination.close()
            return false
        }
        connection.watchInput(false)
        destination.finishSending()
        if connection.closeKind == .halfClosed { connection.destroy() }
        return true
    }

    /// A peer that has ended what it sends still gets what the other side sends.
    override func owesAnswer(_ connection: StreamConnection) -> Bool {
        let isFed = destination.isPiped(to: connection) && connection.closeKind != .halfClosed
        return connection.isPeerFinished && isFed || super.owesAnswer(connection)
    }

    /// A peer that has closed cannot be told from one that only ended what it sends: whoever stays silent for long
    /// after that is given up.
    override func timeOut(_ connection: StreamConnection, after idleSeconds: UInt32) {
        let now = connection.shared.pointee.second
        let idle = Double(min(idleSeconds, now &- destination.stamp))
        let isHalfClosed = connection.isPeerFinished || connection.closeKind == .halfClosed
        if isHalfClosed, idle >= connection.closeTimeout { return connection.destroy() }
        if let timeout = connection.idleTimeout, idle >= timeout { connection.close() }
    }

    override func closed(_ connection: StreamConnection) {
        super.closed(connection)
        destination.close()
    }

    func leads(to connection: StreamConnection) -> Bool { destination === connection }
}

extension StreamConnection {
    /// Sends bytes of another connection; more than the limit is its sender's business.
    func forward(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> SendResult {
        switch state {
        case .established, .connecting, .initial: return transmit(bytes, count)
        case .ending, .closing, .closed: return .failed
        }
    }

    func isPiped(to other: StreamConnection) -> Bool { extras?.pipeDestination === other }

    /// Sends what waits, then says that nothing more comes. Reading goes on.
    func finishSending() {
        guard state != .closed, closeKind == .open else { return }
        closeKind = .halfClose
        if outbound == nil, state == .established { shutDownOutput() }
    }

    /// The output is out.
    func shutDownOutput() {
        closeKind = .halfClosed
        if let tls { capus_tls_finish(tls) }
        if capus_shutdown_write(fd) != 0 || isPeerFinished { destroy() }
    }
}

extension Connection {
    /// Hands what this connection receives on to another one, byte for byte, past the protocols of both. When the other
    /// side does not read, this one is not read either; its `maxSendBufferSize` and one block are what memory holds.
    ///
    /// Pipe both ways for a proxy. The other connection may still be connecting. When one side ends what it sends, so
    /// does the other towards its peer; when one closes, so does the other. Callbacks stay, except that there are no
    /// messages any more.
    public func pipe<Q: WireProtocol>(to destination: Connection<Q>) {
        guard let driver, transport.state != .closed else { return }
        let target = destination.transport
        guard target.state != .closed else { return close() }
        transport.moreExtras.pipeDestination = target
        target.moreExtras.pipeSource = transport
        transport.http = HTTPConnectionState()
        transport.driver = PipeDriver(after: driver, to: target)
        transport.deliverLater()
    }

    /// Speaks another protocol from the next byte on, after a handshake in this one. Returns the connection under its
    /// new protocol: set its callbacks at once. Until it has an `onClose` of its own, that of the old protocol is
    /// called.
    public func upgrade<Q: WireProtocol>(to wireProtocol: Q) -> Connection<Q> {
        let upgraded = Connection<Q>(transport)
        guard let driver, transport.state != .closed else { return upgraded }
        let next = wireProtocol.makeDriver().driver
        next.isOfOneConnection = true
        next.limits = driver.limits
        next.predecessor = driver
        transport.http = HTTPConnectionState()
        transport.partial.searched = 0
        transport.driver = next
        transport.deliverLater()
        return upgraded
    }
}
