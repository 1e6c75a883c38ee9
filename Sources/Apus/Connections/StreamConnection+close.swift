import ApusProtocols
import CApus

extension StreamConnection {
    /// Sends what waits, then closes. Closes now when nothing waits.
    func close() {
        switch state {
        case .closing, .closed: return
        case .initial, .connecting: return destroy()
        case .established, .ending: break
        }
        if isCorked { uncork() }
        guard state != .closed else { return }
        guard outbound != nil else { return destroy() }
        state = .closing
        closeKind = .afterFlush
        stamp = shared.pointee.second
        // What waits can leave only after the handshake.
        if !isSecuring { watchInput(false) }
        if !isDelivering { partial.free() }
    }

    /// Sends what waits, says that nothing more comes, and gives the peer `lingerTimeout` to read it: input is dropped
    /// meanwhile, since closing with unread input would reset the connection and lose the answer.
    func end() {
        switch state {
        case .ending, .closing, .closed: return
        case .initial, .connecting: return destroy()
        case .established: break
        }
        if isCorked { uncork() }
        guard state != .closed else { return }
        state = .ending
        closeKind = .linger
        stamp = shared.pointee.second
        if !isDelivering { partial.free() }
        register()
        if outbound == nil { startLinger() }
    }

    /// The output is out: half-close, and close when the peer does or the time is over.
    func startLinger() {
        if let tls { capus_tls_finish(tls, fd) }
        guard capus_shutdown_write(fd) == 0, !isPeerFinished, lingerTimeout > 0 else { return destroy() }
        pauses = []
        watchInput(true)
        let timer = WorkerTimer.after(lingerTimeout) { [weak self] _ in self?.destroy() }
        // One that comes again must not be ended by the timer of its earlier life.
        if extras?.outgoing != nil { _ = keep(timer) }
    }

    /// Closes now; what waits is lost. `onClose` runs before this returns.
    func destroy() {
        guard state != .closed else { return }
        state = .closed
        if isCorked { offerCollected() }
        dropOutbound()
        rememberLocalAddress()
        closeSocket()
        abandonConnecting()
        // Before the last callback: what that one begins belongs to the next life of an outgoing connection.
        detachOperations()
        let joined = endExtras()
        loop.status.pointee.doing = UInt64(CAPUS_DOING_CLOSE)
        if extras?.outgoing != nil {
            closeKind = .open
            isSendingLast = false
            driver.beginLife(self)
        }
        driver.closed(self)
        reconnectByItself()
        // The last callback has decided otherwise: nobody reads on.
        if state == .closed, extras?.reader != nil { _ = extras?.endLife() }
        if !isDelivering { partial.free() }
        for connection in joined { connection.close() }
        // The last callback has begun the next life: it belongs to the same owner.
        guard state != .connecting else { return }
        let worker = worker
        if worker != nil { loop.status.pointee.connections &-= 1 }
        self.worker = nil
        // User closures that hold the connection would keep it alive for ever; it is needed again after `reconnect`.
        if state == .closed {
            driver = extras?.outgoing?.makeDriver() ?? ProtocolDriver.none
            driver.beginLife(self)
        }
        worker?.connectionClosed(self)
    }

    /// Ends what belongs to this life. Who reads messages goes on with those of the next one.
    private func endExtras() -> [StreamConnection] {
        guard let extras else { return [] }
        guard extras.outgoing?.comesAgain ?? false, let reader = extras.reader else { return extras.endLife() }
        extras.reader = nil
        let joined = extras.endLife()
        extras.reader = reader
        runningOperations = reader.isWaiting ? 0 : 1
        return joined
    }

    func closeSocket() {
        guard fd >= 0 else { return }
        loop.unwatch(self)
        endSession()
        capus_close(fd)
        fd = -1
    }

    /// Called about once a second.
    func checkTimeouts() {
        let idle = shared.pointee.second &- stamp
        if isSecuring, Double(idle) >= driver.limits.handshakeTimeout {
            if extras?.outgoing != nil { handshakeFailed("timed out") }
            return destroy()
        }
        switch state {
        case .established:
            if !isWatchingInput, capus_is_hung_up(fd) {
                destroy()
            } else if !isSecuring {
                driver.timeOut(self, after: idle)
            }
        case .closing, .ending:
            if outbound != nil, Double(idle) >= closeTimeout { destroy() }
        default: break
        }
    }
}
