import Apus

/// Closes clients that have said nothing for too long: cables that were pulled and phones that went to sleep send no
/// end, only nothing.
///
///     Examples Heartbeat start [--on HOST:PORT] [--silence SECONDS] [--every SECONDS]
///
/// A client says something, anything, at least every 55 seconds; routers forget connections that are idle for longer.
/// When it loses the connection it connects again, after a pause.
///
/// This is heartbeat by hand, for services with rules of their own. Otherwise one line does the same, without a timer:
/// `server.limits.idleTimeout = 55`. Over WebSocket the server can ask, and browsers answer by themselves:
/// `Worker(.websocket(pingInterval: 25, pongTimeout: 10), on: …)`.
enum Heartbeat {
    /// When a client said its last message.
    private enum LastMessageTime: StorageKey { typealias Value = ContinuousClock.Instant }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let silence = Duration.seconds(try options.seconds("silence", or: 55))
        let interval = try options.seconds("every", or: 10)
        let server = Worker(.text, on: options.value("on") ?? "127.0.0.1:1234")
        server.name = "Heartbeat"
        server.onMessage = { connection, line in
            connection[LastMessageTime.self] = .now
            if line != "ping" { connection.send("received: \(line)") }
        }
        server.onWorkerStart = { server in
            Timer.every(interval) { _ in closeSilent(server.connections, after: silence) }
        }
    }

    private static func closeSilent(_ connections: Connections<Text>, after silence: Duration) {
        let now = ContinuousClock.now
        for connection in connections {
            guard let last = connection[LastMessageTime.self] else {
                // It has said nothing yet: its time begins now.
                connection[LastMessageTime.self] = now
                continue
            }
            // Not `close`, which waits for a peer that is gone to take what is still to be sent.
            if last.duration(to: now) > silence { connection.destroy() }
        }
    }
}
