import Apus

/// A second port that each process opens for itself: text on the first, HTTP on the inner one.
///
///     Examples ReusePortMulti start [--on HOST:PORT] [--inner HOST:PORT] [--count N]
///
/// The workers at the top of a program have one socket each, which the master opens and all processes accept from. One
/// made in `onWorkerStart` belongs to its process alone, so its connections and those of the outer worker share
/// variables. Since all processes open the same port, `reusePort` is needed: the kernel then spreads the connections.
enum ReusePortMulti {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let innerAddress = options.value("inner") ?? "127.0.0.1:2016"
        let outer = Worker(.text, on: options.value("on") ?? "127.0.0.1:2015")
        outer.name = "ReusePortMulti"
        outer.count = try options.number("count") ?? 4
        outer.onMessage = { connection, line in connection.send("process \(outer.id): \(line)") }
        outer.onWorkerStart = { outer in
            let inner = Worker(.http, on: innerAddress)
            inner.name = "inner"
            inner.reusePort = true
            inner.onMessage = { connection, _ in
                connection.send(
                    "process \(outer.id): \(outer.connections.count) text clients\n", contentType: .plainText)
            }
            try inner.listen()
        }
    }
}
