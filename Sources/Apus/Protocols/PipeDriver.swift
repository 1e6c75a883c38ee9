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
        } else if destination.outbound != nil, destination.pendingSendBytes >= destination.maxSendBufferSize {
            connection.pause(.pipe)
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
}

extension Connection {
    /// Hands what this connection receives on to another one, byte for byte, past the protocols of both. When the other
    /// side does not read, this one is not read either; its `maxSendBufferSize` and one block are what memory holds.
    ///
    /// Pipe both ways for a proxy. The other connection may still be connecting. When one side ends what it sends, so
    /// does the other towards its peer; when one closes, so does the other. Callbacks stay, except that there are no
    /// messages any more. Several connections may be piped to one, whose end is then the end of all; piping to another
    /// connection ends the pipe before. Over TLS an end without `close_notify` is handed on as one with it: what is
    /// piped has to say itself where it is complete.
    public func pipe<Q: WireProtocol>(to destination: Connection<Q>) {
        let target = destination.transport
        guard transport.state != .closed else { return destination.close() }
        guard target.state != .closed else { return close() }
        guard let driver else { return }
        transport.leaveProtocol()
        transport.startPipe(to: target)
        transport.driver = PipeDriver(after: driver, to: target)
        transport.deliverLater()
    }
}
