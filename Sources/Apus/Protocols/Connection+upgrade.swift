extension Connection {
    /// Speaks another protocol from the next byte on, after a handshake in this one. Returns the connection under its
    /// new protocol: set its callbacks at once. Until it has an `onClose` of its own, that of the old protocol is
    /// called. A loop over `messages` and a pipe of the old protocol end.
    public func upgrade<Q: WireProtocol>(to wireProtocol: Q) -> Connection<Q> {
        let upgraded = Connection<Q>(transport)
        guard let driver, transport.state != .closed else { return upgraded }
        driver.leave(transport)
        transport.leaveProtocol()
        let next = wireProtocol.makeDriver().driver
        next.isOfOneConnection = true
        next.limits = driver.limits
        next.predecessor = driver
        transport.driver = next
        next.beginLife(transport)
        transport.deliverLater()
        return upgraded
    }
}

extension StreamConnection {
    /// Forgets what belongs to the protocol so far: another one handles what comes from now on.
    func leaveProtocol() {
        extras?.bodyWriter = nil
        extras?.bodyIntake?.fail(ConnectionError.closed)
        extras?.bodyIntake = nil
        http = HTTPConnectionState()
        partial.searched = 0
        stopHolding()
        endPipe()
    }
}
