import ApusProtocols
import CApus

/// A server's side of the opening handshake (RFC 6455 §4.2).
extension WebSocketDriver {
    /// Reads the handshake, and returns how many bytes are done with.
    @inline(never)
    func receiveHandshake(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ bytes: UnsafeMutablePointer<UInt8>,
        _ count: Int
    ) -> Int {
        guard options.role == .server else { return receiveAnswer(connection, state, bytes, count) }
        var limits = HTTPRequestLimits()
        limits.maxHeadBytes = Self.maxHeadBytes
        var request = HTTPRequest(limits: limits, forms: FormOptions(), bytes: bytes)
        request.comes(from: connection)
        switch request.parser.parse(bytes, count: count) {
        case .incomplete: return 0
        case .invalid(let error):
            refuseForeign(connection, UnsafeRawBufferPointer(start: bytes, count: count), HTTPStatus(error))
            return count
        case .complete: break
        }
        request.bodyStart = request.parser.head.byteCount
        connection.noteMessage()
        // The answer leaves together with what is sent when the WebSocket is open.
        connection.cork(holding: true)
        open(connection, state, request)
        let headCount = request.parser.head.byteCount
        if !isKnownUniquelyReferenced(&request) { request.detach() }
        return state.phase == .open ? headCount : count
    }

    /// Bytes of a handshake's head; a longer one is answered 431.
    private static let maxHeadBytes = 16 * 1024

    /// Answers the request.
    private func open(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ request: HTTPRequest
    ) {
        var upgrade: WebSocketUpgrade
        do throws(HTTPError) {
            upgrade = try WebSocketUpgrade(request, self)
        } catch {
            return refuse(connection, error)
        }
        do {
            switch try upgrade.ask(Connection(connection)) {
            case .closed: return
            case .refused(let error): return refuse(connection, error)
            case .agreed: break
            }
        } catch {
            return callbackFailed(connection, error)
        }
        guard connection.state == .established, state.phase == .handshake else { return }
        upgrade.head().withUnsafeBytes { _ = connection.sendRaw($0) }
        begin(connection, state, upgrade)
        if let onConnected = events.onConnected, connection.state == .established {
            run(connection, CAPUS_DOING_CONNECT) { try onConnected(Connection(connection), request) }
        }
    }

    /// The handshake is over: frames flow.
    func begin(_ connection: StreamConnection, _ state: WebSocketConnectionState, _ upgrade: WebSocketUpgrade) {
        if let selected = upgrade.selectedProtocol { state.more.selectedProtocol = selected }
        begin(connection, state, upgrade.deflate)
    }

    /// The same for both roles.
    func begin(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ deflate: WebSocketDeflateAgreement?
    ) {
        state.phase = .open
        state.heardAt = connection.shared.pointee.second
        if let deflate, let settings = options.compression {
            state.compress(as: deflate, settings, role: role)
        }
        sendWaiting(connection, state)
        guard state.phase == .open, options.role == .server else { return }
        topics.add(connection, state)
        noteSendsPlainFrames(connection, state)
    }

    /// Looks whether anything stands in the way of frames: see `StreamConnection.sendsPlainFrames`.
    func noteSendsPlainFrames(_ connection: StreamConnection, _ state: WebSocketConnectionState) {
        connection.sendsPlainFrames =
            options.role == .server && state.phase == .open && !state.isStreaming && state.compression == nil
    }

    /// Answers the client with an error, and closes.
    func refuse(_ connection: StreamConnection, _ error: HTTPError) {
        guard connection.state == .established, let state = connection.webSocket else { return }
        state.phase = .over
        state.waiting = []
        let response = error.response
        let asksForUpgrade = response.headers["upgrade"] != nil
        var text = "HTTP/1.1 \(response.status)\r\nConnection: \(asksForUpgrade ? "Upgrade, " : "")close\r\n"
        for (name, value) in response.headers.fields where name.lowercased() != "connection" {
            text += "\(name): \(value)\r\n"
        }
        text += "Content-Length: \(response.body.count)\r\n\r\n"
        _ = (Array(text.utf8) + response.body).withUnsafeBytes { connection.sendRaw($0) }
        connection.end()
    }

    /// Refuses what is no HTTP, and says what it is where the first bytes tell.
    private func refuseForeign(
        _ connection: StreamConnection, _ bytes: UnsafeRawBufferPointer, _ status: HTTPStatus
    ) {
        if case .tls? = ForeignProtocol.found(in: bytes, on: connection, of: self) {
            connection.webSocket?.phase = .over
            _ = ForeignProtocol.alert.withUnsafeBytes { connection.sendRaw($0) }
            return connection.end()
        }
        refuse(connection, HTTPError(status))
    }

    /// The handshake takes too long.
    func handshakeTimedOut(_ connection: StreamConnection) {
        if options.role == .client { return answerFailed(connection, "the server did not answer the handshake") }
        guard connection.bytesRead > 0 else { return connection.close() }
        refuse(connection, HTTPError(.requestTimeout))
    }
}
