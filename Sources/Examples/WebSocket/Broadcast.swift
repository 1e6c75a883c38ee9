import Apus

/// Hands what one client sends on to all, and tells them the time.
///
///     Examples Broadcast start [--websocket HOST:PORT] [--every SECONDS]
///
/// A message becomes a frame once, however many clients there are. In one process; clients of several processes need
/// something that connects those.
enum Broadcast {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(.websocket, on: options.value("websocket") ?? "127.0.0.1:2020")
        server.name = "Broadcast"
        server.onMessage = { _, message in server.broadcast(message.content) }
        if let seconds = try options.number("every") {
            server.onWorkerStart = { server in
                Timer.every(Double(seconds)) { _ in server.broadcast("\(server.connections.count) are here") }
            }
        }
    }
}
