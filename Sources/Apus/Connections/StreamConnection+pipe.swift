import CApus

/// What connections that are joined by `pipe` do for each other.
extension StreamConnection {
    func isPiped(to other: StreamConnection) -> Bool { extras?.pipeDestination === other }

    func startPipe(to destination: StreamConnection) {
        moreExtras.pipeDestination = destination
        destination.moreExtras.pipeSources.append(self)
    }

    /// Bytes go to no other connection any more.
    func endPipe() {
        guard let destination = extras?.pipeDestination else { return }
        extras?.pipeDestination = nil
        destination.extras?.pipeSources.removeAll { $0 === self }
        // Whoever gets the bytes now may have room.
        if pauses.contains(.pipe) { loop.execute { [self] in readAgain() } }
    }

    /// Sends bytes of another connection; more than the limit is its sender's business.
    func forward(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> SendResult {
        switch state {
        case .established, .connecting, .initial: return transmit(bytes, count)
        case .ending, .closing, .closed: return .failed
        }
    }

    /// Sends what waits, then says that nothing more comes. Reading goes on. Before it is established, or secured, that
    /// has to wait.
    func finishSending() {
        guard state != .closed, closeKind == .open else { return }
        closeKind = .halfClose
        if outbound == nil, state == .established, !isSecuring { shutDownOutput() }
    }

    /// The output is out.
    func shutDownOutput() {
        closeKind = .halfClosed
        if let tls { capus_tls_finish(tls, fd) }
        if capus_shutdown_write(fd) != 0 || isPeerFinished { destroy() }
    }
}
