import CApus

/// What TLS adds to a connection: a handshake before the first bytes, and records between the socket and the driver.
extension StreamConnection {
    /// Secures a connection that was just accepted. False when memory is out.
    func secure(with context: OpaquePointer) -> Bool {
        tls = capus_tls_accept(context, fd)
        isSecuring = tls != nil
        return isSecuring
    }

    /// As `capus_receive`, for the plain bytes.
    func receiveSecured(_ bytes: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int {
        guard let tls else { return -Int(CAPUS_CONNECTION_ABORTED) }
        if isSecuring {
            let outcome = shakeHands(tls, bytes, capacity)
            if outcome != 0 { return outcome }
            // Mostly the first bytes come a moment later. Those that are here wait for the next turn: the end of the
            // handshake has called user code, which may have read, paused or closed.
            if self.tls != nil, capus_tls_has_pending(tls) { receivePendingLater() }
            return -Int(CAPUS_WOULD_BLOCK)
        }
        let count = capus_tls_receive(tls, fd, bytes, capacity)
        if count > 0, capus_tls_has_pending(tls) { receivePendingLater() }
        return count
    }

    /// What OpenSSL holds already makes no descriptor readable.
    func receivePendingLater() {
        loop.execute { [self] in
            guard state == .established, isWatchingInput, let tls, capus_tls_has_pending(tls) else { return }
            receive()
        }
    }

    /// 0 when the connection is secured, else a negated errno.
    private func shakeHands(_ tls: OpaquePointer, _ bytes: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int {
        // A client's first step answers to no event that would come again.
        guard extras?.outgoing != nil || loop.mayShakeHands() else { return -Int(CAPUS_WOULD_BLOCK) }
        var reason = [CChar](repeating: 0, count: 256)
        switch capus_tls_handshake(tls, &reason, reason.count) {
        case 0:
            isSecuring = false
            capus_tls_settle(tls)
            setHandshakeWrites(false)
            stamp = shared.pointee.second
            // Both had to wait for the end of the handshake.
            if isPaused || state == .closing { watchInput(false) }
            if let outbound {
                let failure = capus_outbound_start(outbound)
                if failure != 0 { loop.watchingFailed(self, UInt32(CAPUS_WRITE), failure) }
                outputProgressed()
            } else if closeKind == .halfClose {
                shutDownOutput()
            }
            if driver.isConnectedWhenSecured { extras?.outgoing?.complete(nil) }
            return 0
        case -1:
            let reason = reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            complain(reason)
            if reason == Self.plainHTTP, extras?.outgoing == nil { refusePlainHTTP(bytes, capacity) }
            return -Int(CAPUS_CONNECTION_ABORTED)
        case let wanted:
            setHandshakeWrites(wanted == Int32(CAPUS_WRITE))
            return -Int(CAPUS_WOULD_BLOCK)
        }
    }

    private func setHandshakeWrites(_ wanted: Bool) {
        guard wanted != handshakeWrites else { return }
        handshakeWrites = wanted
        register()
        loop.setInterest(self, UInt32(CAPUS_READ) | (wanted ? UInt32(CAPUS_WRITE) : 0))
    }

    /// What OpenSSL calls a request without TLS.
    private static let plainHTTP = "http request"

    /// The client understands an answer, which reaches it only if nothing of its request is left in the socket. OpenSSL
    /// has written nothing to such a client.
    private func refusePlainHTTP(_ bytes: UnsafeMutablePointer<UInt8>, _ capacity: Int) {
        _ = capus_receive(fd, bytes, capacity)
        let body = "This port speaks TLS: use https://\n"
        let answer =
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        _ = Array(answer.utf8).withUnsafeBytes { capus_send(fd, $0.baseAddress!, $0.count) }
    }

    /// One line a second at most: a scan of the internet fills no log.
    private func complain(_ reason: String) {
        if extras?.outgoing != nil { return handshakeFailed(reason) }
        guard loop.mayComplainOfClient() else { return }
        Log.write("TLS handshake with \(peer.text) failed: \(reason)\(Self.hint(reason))", .warning)
    }

    private static func hint(_ reason: String) -> String {
        switch reason {
        case plainHTTP: ": the client speaks plain HTTP on a TLS port"
        case "wrong version number", "packet length too long", "record layer failure":
            ": the client does not speak TLS on this port"
        case "unsupported protocol", "no protocols available": ": the client speaks only versions older than allowed"
        case "peer did not return a certificate": ": a client certificate is required"
        case let alert where alert.contains("alert") && (alert.contains("certificate") || alert.contains("unknown ca")):
            ": the client refused the certificate"
        default: ""
        }
    }

    /// Gives the session back; the peer is told that nothing more comes.
    func endSession() {
        guard let tls else { return }
        self.tls = nil
        capus_tls_finish(tls, fd)
        capus_tls_destroy(tls)
    }

    // MARK: Sending

    /// As `capus_send`, whatever the transport.
    @inline(__always)
    func write(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        guard let tls else { return isSendingLast ? capus_send_last(fd, bytes, count) : capus_send(fd, bytes, count) }
        return capus_tls_send(tls, fd, bytes, count)
    }

    /// As `capus_send2`, whatever the transport.
    @inline(__always)
    func write(_ head: UnsafeRawPointer, _ headCount: Int, _ body: UnsafeRawPointer, _ bodyCount: Int) -> Int {
        // One piece costs the kernel less than two of which one is empty.
        guard headCount > 0 else { return write(body, bodyCount) }
        guard let tls else { return capus_send2(fd, head, headCount, body, bodyCount) }
        let sent = capus_tls_send(tls, fd, head, headCount)
        if sent < headCount { return sent }
        let more = capus_tls_send(tls, fd, body, bodyCount)
        return more >= 0 ? sent + more : -more == Int(CAPUS_WOULD_BLOCK) && sent > 0 ? sent : more
    }
}
