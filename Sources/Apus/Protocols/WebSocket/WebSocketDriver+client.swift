import ApusProtocols
import CApus

/// A client's side of the opening handshake (RFC 6455 §4.1).
extension WebSocketDriver {
    /// Asks the server for a WebSocket.
    func sendRequest(_ connection: StreamConnection) {
        guard let state = connection.webSocket, let target = connection.extras?.outgoing?.target else { return }
        var wishes = WebSocketClientHandshake.Wishes()
        wishes.subprotocols = options.protocols
        wishes.compression = options.compression
        wishes.fields = options.headers.fields
        do throws(WebSocketHandshakeError) {
            let url = try WebSocketURL(target.webSocketURL)
            let handshake = try WebSocketClientHandshake(url, key: WebSocketMaskKeys.bytes(16), wishes)
            state.more.handshake = handshake
            _ = handshake.request.withUnsafeBytes { connection.sendRaw($0) }
        } catch {
            answerFailed(connection, "\(error)")
        }
    }

    /// Reads the server's answer, and returns how many bytes are done with.
    func receiveAnswer(
        _ connection: StreamConnection, _ state: WebSocketConnectionState, _ bytes: UnsafeMutablePointer<UInt8>,
        _ count: Int
    ) -> Int {
        do throws(WebSocketHandshakeError) {
            let received = UnsafeRawBufferPointer(start: bytes, count: count)
            guard let agreement = try state.rest?.handshake?.receive(received) else { return 0 }
            state.rest = nil
            if let selected = agreement.subprotocol { state.more.selectedProtocol = selected }
            begin(connection, state, agreement.deflate)
            if let onOpen = events.onOpen {
                run(connection, CAPUS_DOING_CONNECT) { try onOpen(Connection(connection), agreement.response) }
            }
            connection.extras?.outgoing?.complete(nil)
            return agreement.byteCount
        } catch {
            answerFailed(connection, "\(error)")
            return count
        }
    }

    /// There will be no WebSocket.
    func answerFailed(_ connection: StreamConnection, _ reason: String) {
        guard let outgoing = connection.extras?.outgoing else { return connection.destroy() }
        let text = "connect \(outgoing.target.webSocketURL) fail: \(reason)"
        // Of what the socket has not taken. Messages wait elsewhere.
        connection.dropOutbound()
        connection.attemptFailed(outgoing, text)
    }
}

extension RemoteAddress {
    /// The address as RFC 6455 §3 writes it. A server behind a Unix socket is called localhost.
    fileprivate var webSocketURL: String {
        let host = if case .host = place { description } else { "localhost" }
        let path = uri.prefix(beforeASCII: "#")
        return "\(isSecured ? "wss" : "ws")://\(host)\(path)"
    }
}
