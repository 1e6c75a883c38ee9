import Apus
import Glibc

/// Replaces a process after a number of requests, or when it has grown too large: for programs that leak, or that use
/// a library which does. The successor accepts before the old process finishes what it is doing and leaves, so no
/// request is lost.
///
///     Examples MaxRequests start [--on HOST:PORT] [--requests N] [--megabytes N] [--count N]
///
/// Each process adds or takes off up to a tenth, so that not all are replaced at the same moment. For conditions of
/// your own there is `Worker.stopAll()`, which stops the process it is called in; the master starts another one.
enum MaxRequests {
    private static var served = 0

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:1239")
        server.name = "MaxRequests"
        server.count = try options.number("count") ?? 2
        server.maxRequests = try options.number("requests") ?? 1000
        server.maxMemory = (try options.number("megabytes") ?? 256) << 20
        server.onMessage = { connection, _ in
            served += 1
            connection.send("process \(getpid()), request \(served)\n", contentType: .plainText)
        }
    }
}
