import Apus

/// Greets whoever asks, in four processes: the smallest HTTP server.
///
///     Examples HelloHTTP start [--on HOST:PORT] [--count N]
enum HelloHTTP {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:2345")
        server.name = "HelloHTTP"
        server.count = try options.number("count") ?? 4
        server.onMessage = { connection, request in
            let name = request.queryParameters["name"] ?? "World"
            // As plain text a browser shows whatever name it is given, and runs none of it.
            connection.send("Hello, \(name)!\n", contentType: "text/plain;charset=utf-8")
        }
    }
}
