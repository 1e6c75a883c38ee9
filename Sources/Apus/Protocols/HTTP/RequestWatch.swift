import ApusProtocols

/// The request that waits for its answer while its handler is suspended, as long as somebody holds it.
final class KeptRequest {
    private(set) weak var request: HTTPRequest?

    init(_ request: HTTPRequest) { self.request = request }
    nonisolated deinit {}
}

/// What is noted of requests while errors are shown: see `RequestExtras.isWatched`.
extension HTTPRequest {
    private static var hasHintedAtWebSocket = false

    /// The handler has returned, and holds the request or does not.
    func noteHandled(isKept: Bool) {
        guard let transport, parser.head.byteCount > 0 else { return }
        if isKept {
            transport.moreExtras.keptRequest = KeptRequest(self)
        } else {
            transport.extras?.keptRequest = nil
        }
        hintAtWebSocket(transport)
    }

    /// A handshake that got an ordinary answer: the client will only say that it failed.
    private func hintAtWebSocket(_ transport: StreamConnection) {
        guard !Self.hasHintedAtWebSocket, transport.http.phase == .none, transport.driver is HTTPDriver,
            headers["upgrade"]?.lowercased() == "websocket"
        else { return }
        Self.hasHintedAtWebSocket = true
        Log.write(
            "client \(transport.peer.text) asked for a WebSocket with \(method.name) \(path), and got an ordinary "
                + "answer: the handler of that path has to accept the upgrade (said once)", .warning)
    }
}
