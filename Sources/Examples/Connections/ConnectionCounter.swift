import Apus

/// Tells each client how many there are. The number is a static variable: what is not local to a handler lives as long
/// as its process, and all connections of the process share it.
///
///     Examples ConnectionCounter start [--on HOST:PORT] [--count N]
///
/// With `--count 2` there are two such variables, one in each process, and each client is told the one of the process
/// that serves it. `SharedCounter` is a number that processes share; see `TextChat`.
enum ConnectionCounter {
    private static var connectionCount = 0

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(.raw, on: options.value("on") ?? "127.0.0.1:1236")
        server.name = "ConnectionCounter"
        server.count = try options.number("count") ?? 1
        server.onConnect = { connection in
            connectionCount += 1
            connection.send(Array("\(connectionCount) connected\n".utf8))
        }
        server.onMessage = { connection, _ in connection.send(Array("\(connectionCount) connected\n".utf8)) }
        // However it ends, this is called once.
        server.onClose = { _ in connectionCount -= 1 }
    }
}
