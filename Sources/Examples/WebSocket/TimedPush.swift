import Apus

/// Pushes the number of its clients to all of them, without being asked, every second.
///
///     Examples TimedPush start [--on HOST:PORT] [--every SECONDS] [--count N]
///
/// A message becomes a frame once, however many clients get it. What happens elsewhere is pushed by `PushFromBackend`,
/// and what clients say by `Broadcast`.
enum TimedPush {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let seconds = try options.number("every") ?? 1
        guard seconds > 0 else { throw OptionError(description: "--every needs one second or more") }
        let server = Worker(.websocket, on: options.value("on") ?? "127.0.0.1:1234")
        server.name = "TimedPush"
        server.count = try options.number("count") ?? 1
        // Each process has a timer, and clients, of its own.
        server.onWorkerStart = { server in
            var number = 0
            Timer.every(Double(seconds)) { _ in
                number += 1
                server.broadcast("push \(number) to \(server.connections.count)")
            }
        }
    }
}
