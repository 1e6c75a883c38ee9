import Apus

/// Answers each message with a greeting, in four processes: the smallest WebSocket server.
///
///     Examples HelloWebSocket start [--on HOST:PORT] [--count N]
///
/// In the console of any page: `socket = new WebSocket("ws://127.0.0.1:2000")`, then
/// `socket.onmessage = event => console.log(event.data)` and `socket.send("Ann")`.
enum HelloWebSocket {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        // Who has gone without a word is noticed by a ping.
        let server = Worker(.websocket(pingInterval: 30), on: options.value("on") ?? "127.0.0.1:2000")
        server.name = "HelloWebSocket"
        server.count = try options.number("count") ?? 4
        server.onMessage = { connection, message in connection.send("hello \(message.text)") }
    }
}
