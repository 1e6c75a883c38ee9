import Apus

/// Sends to one user, or to all, by name.
///
///     Examples SendToUser start [--on HOST:PORT]
///
/// The first message of a connection is the user's name; then `NAME:TEXT` reaches that user, and `all:TEXT` everybody.
/// In one process, which is enough for some hundred thousand users; `ChannelClusterPush` does it over many.
enum SendToUser {
    private static let mostNameBytes = 64
    private static var users: [String: Connection<WebSocket>] = [:]
    private enum Name: StorageKey { typealias Value = String }

    static func set(_ arguments: [String]) throws {
        let server = Worker(.websocket(pingInterval: 30), on: Options(arguments).value("on") ?? "127.0.0.1:1234")
        server.name = "SendToUser"
        server.limits.maxPackageSize = 64 * 1024
        server.onMessage = { connection, message in
            guard let sender = connection[Name.self] else { return enter(connection, message.text) }
            let parts = message.text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                connection.send("error: say NAME:TEXT, or all:TEXT")
                return
            }
            let text = "\(sender): \(parts[1])"
            if parts[0] == "all" { return server.broadcast(.text(text)) }
            guard let receiver = users[String(parts[0])] else {
                connection.send("error: \(parts[0]) is not here")
                return
            }
            receiver.send(text)
        }
        server.onClose = { connection in
            // Somebody may be here again, over another connection.
            guard let name = connection[Name.self], users[name] == connection else { return }
            users[name] = nil
        }
    }

    /// A user who comes again is at the newer connection: the older one is often dead, and does not know it yet.
    private static func enter(_ connection: Connection<WebSocket>, _ name: String) {
        guard (1...mostNameBytes).contains(name.utf8.count), !name.contains(":"), name != "all" else {
            connection.close(code: .policyViolation, reason: "the first message is a name, without a colon")
            return
        }
        let older = users.updateValue(connection, forKey: name)
        connection[Name.self] = name
        connection.send("welcome \(name)")
        older?.close(code: .policyViolation, reason: "\(name) is here by another connection")
    }
}
