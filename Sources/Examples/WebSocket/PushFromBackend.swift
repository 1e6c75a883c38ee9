import Apus
import FoundationEssentials

/// Pushes to a browser what another program has to say: a job reports its progress, a shop has sold something.
///
///     Examples PushFromBackend start [--on HOST:PORT] [--inner HOST:PORT]
///     Examples PushFromBackendClient ann 88%
///
/// The browser says who it is in its first message: `socket.onopen = () => socket.send("ann")`. Other programs write a
/// line to the inner port, `{"uid":"ann","percent":"88%"}`, and read `ok` or `fail`. Any language will do:
/// `echo '{"uid":"ann","percent":"88%"}' | nc -N 127.0.0.1 5678`.
///
/// One process, since the inner port has to know all users; with many of them see `ChannelClusterPush`. Whoever reaches
/// the inner port can push: it listens on this machine alone.
enum PushFromBackend {
    nonisolated struct Push: Codable {
        var uid: String
        var percent: String
    }

    private static let mostNameBytes = 64
    private static var users: [String: Set<Connection<WebSocket>>] = [:]
    private enum User: StorageKey { typealias Value = String }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let inner = options.value("inner") ?? "127.0.0.1:5678"
        let server = Worker(.websocket(pingInterval: 30), on: options.value("on") ?? "127.0.0.1:1234")
        server.name = "PushFromBackend"
        server.limits.maxPackageSize = 4096
        server.onWorkerStart = { _ in try listen(on: inner) }
        server.onMessage = { connection, message in
            guard connection[User.self] == nil else { return }
            let name = message.text
            guard (1...mostNameBytes).contains(name.utf8.count) else {
                throw WebSocketError(.policyViolation, "the first message is a name")
            }
            connection[User.self] = name
            users[name, default: []].insert(connection)
            connection.send("waiting for news of \(name)")
        }
        server.onClose = { connection in
            guard let name = connection[User.self] else { return }
            users[name]?.remove(connection)
            if users[name]?.isEmpty ?? false { users[name] = nil }
        }
    }

    private static func listen(on address: String) throws {
        let pushes = Worker(.text, on: address)
        pushes.name = "PushInner"
        pushes.limits.maxPackageSize = 64 * 1024
        pushes.onMessage = { connection, line in
            let push = try? JSONDecoder().decode(Push.self, from: Data(line.utf8))
            let receivers = push.flatMap { users[$0.uid] } ?? []
            // All tabs of the user get it; `ok` when one of them is there.
            let taken = receivers.filter { $0.send(push?.percent ?? "") != .failed }
            connection.send(taken.isEmpty ? "fail" : "ok")
        }
        try pushes.listen()
    }
}
