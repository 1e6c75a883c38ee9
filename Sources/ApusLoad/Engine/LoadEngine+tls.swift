import CApus

/// Over TLS a connection is there when both handshakes are over.
nonisolated extension LoadEngine {
    /// Goes on with the handshakes; what waits for them is sent when they are over.
    mutating func secure(_ connection: ConnectionPointer) {
        if connection.pointee.phase == .connecting {
            let failure = -capus_send(connection.pointee.fd, block.bytes, 0)
            if failure == Int(CAPUS_WOULD_BLOCK) { return watch(connection, CAPUS_READ | CAPUS_WRITE) }
            if failure > 0 { return connectFailed(connection, ErrorCause(code: Int32(failure))) }
            result.connectionsOpened += 1
            connection.pointee.phase = .securing
            connection.pointee.progressAt = now
            connection.pointee.tls = sessions?.begin(connection.pointee.fd)
        }
        guard let tls = connection.pointee.tls else { return connectFailed(connection, .noMemory, .tls) }
        var reason = [CChar](repeating: 0, count: 256)
        switch capus_tls_handshake(tls, &reason, reason.count) {
        case 0:
            capus_tls_share_socket(tls)
            result.handshakes += 1
            if capus_tls_describe(tls).is_resumed { result.resumptions += 1 }
            noteReady(connection)
            if connection.pointee.batchBytes > 0 { return send(connection) }
            watch(connection, CAPUS_READ)
            if connection.pointee.phase == .established { takeArrival(connection) }
        case -1:
            var cause = ErrorCause.unspecific
            cause.detail = reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            connectFailed(connection, cause, .tls)
        case let wanted: watch(connection, Int(wanted) | CAPUS_READ)
        }
    }

    /// As `capus_receive`, for the plain bytes.
    @inline(__always)
    mutating func read(_ connection: ConnectionPointer, _ bytes: UnsafeMutablePointer<UInt8>) -> Int {
        guard let tls = connection.pointee.tls else {
            return capus_receive(connection.pointee.fd, bytes, Self.receiveCapacity)
        }
        let count = capus_tls_receive(tls, connection.pointee.fd, bytes, Self.receiveCapacity)
        sessions?.remember(tls)
        return count
    }

    /// As `capus_send`, for the plain bytes.
    @inline(__always)
    func write(_ connection: ConnectionPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        guard let tls = connection.pointee.tls else { return capus_send(connection.pointee.fd, bytes, count) }
        return capus_tls_send(tls, connection.pointee.fd, bytes, count)
    }

    /// Bytes that OpenSSL has taken from the socket make it readable no more.
    @inline(__always)
    func hasPending(_ connection: ConnectionPointer) -> Bool {
        guard let tls = connection.pointee.tls, connection.pointee.phase != .securing else { return false }
        return capus_tls_has_pending(tls)
    }
}
