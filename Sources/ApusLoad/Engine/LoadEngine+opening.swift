import ApusProtocols
import CApus

/// Over TLS, or as a WebSocket, a connection is there when all its handshakes are over.
nonisolated extension LoadEngine {
    /// Goes on with the handshakes; what waits for them is sent when they are over.
    mutating func goOnOpening(_ connection: ConnectionPointer) {
        if connection.pointee.phase == .connecting {
            let failure = -capus_send(connection.pointee.fd, block.bytes, 0)
            if failure == Int(CAPUS_WOULD_BLOCK) { return watch(connection, CAPUS_READ | CAPUS_WRITE) }
            if failure > 0 { return connectFailed(connection, ErrorCause(code: Int32(failure))) }
            result.connectionsOpened += 1
            connection.pointee.progressAt = now
            connection.pointee.phase = hasTLS ? .securing : .greeting
            connection.pointee.greeted = 0
            if hasTLS { connection.pointee.tls = sessions?.begin(connection.pointee.fd) }
        }
        if connection.pointee.phase == .securing, !secure(connection) { return }
        guard let greeting else { return opened(connection) }
        greet(connection, greeting)
    }

    /// Goes on with the handshake of TLS; true when it is over.
    private mutating func secure(_ connection: ConnectionPointer) -> Bool {
        guard let tls = connection.pointee.tls else {
            connectFailed(connection, .noMemory, .tls)
            return false
        }
        var reason = [CChar](repeating: 0, count: 256)
        switch capus_tls_handshake(tls, &reason, reason.count) {
        case 0:
            capus_tls_settle(tls)
            result.handshakes += 1
            if capus_tls_describe(tls).is_resumed { result.resumptions += 1 }
            connection.pointee.progressAt = now
            connection.pointee.phase = .greeting
            return true
        case -1:
            var cause = ErrorCause.unspecific
            cause.detail = reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            connectFailed(connection, cause, .tls)
        case let wanted: watch(connection, Int(wanted) | CAPUS_READ)
        }
        return false
    }

    /// Goes on with the opening handshake of WebSocket (RFC 6455 §4.1).
    private mutating func greet(_ connection: ConnectionPointer, _ greeting: WebSocketClientHandshake) {
        while connection.pointee.greeted < greeting.request.count {
            let rest = greeting.request.count - connection.pointee.greeted
            let written = greeting.request.withUnsafeBufferPointer {
                write(connection, $0.baseAddress! + connection.pointee.greeted, rest)
            }
            if -written == Int(CAPUS_WOULD_BLOCK) { return watch(connection, CAPUS_READ | CAPUS_WRITE) }
            guard written > 0 else { return connectFailed(connection, ErrorCause(code: Int32(-written))) }
            connection.pointee.greeted += written
        }
        watch(connection, CAPUS_READ)
        repeat {
            let carried = connection.pointee.carry.count
            if carried > 0 { connection.pointee.carry.copy(to: buffer) }
            let count = read(connection, buffer + carried)
            if -count == Int(CAPUS_WOULD_BLOCK) { return }
            guard count > 0 else {
                return connectFailed(connection, count == 0 ? Self.left : ErrorCause(code: Int32(-count)))
            }
            var handshake = greeting
            do throws(WebSocketHandshakeError) {
                let bytes = UnsafeRawBufferPointer(start: buffer, count: carried + count)
                if let agreement = try handshake.receive(bytes) {
                    // Frames that came along.
                    let rest = carried + count - agreement.byteCount
                    connection.pointee.carry.hold(UnsafePointer(buffer) + agreement.byteCount, rest)
                    return opened(connection)
                }
            } catch {
                var cause = ErrorCause.unspecific
                cause.detail = "\(error)"
                return connectFailed(connection, cause)
            }
            connection.pointee.carry.hold(UnsafePointer(buffer), carried + count)
        } while hasPending(connection)
    }

    private static var left: ErrorCause {
        var cause = ErrorCause.unspecific
        cause.detail = "the server left during the handshake"
        return cause
    }

    /// All handshakes are over.
    private mutating func opened(_ connection: ConnectionPointer) {
        noteReady(connection)
        if connection.pointee.batchBytes > 0 { return send(connection) }
        watch(connection, CAPUS_READ)
        takeArrival(connection)
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
