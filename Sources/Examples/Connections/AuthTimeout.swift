import Apus

/// Closes clients that do not log in in time.
///
///     Examples AuthTimeout start [--on HOST:PORT] [--password PASSWORD] [--seconds N]
///
/// A timer of a connection ends with it: there is nothing to do in `onClose`.
enum AuthTimeout {
    /// Runs until the client has logged in.
    private enum LoginTimer: StorageKey { typealias Value = WorkerTimer }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let password = options.value("password") ?? "secret"
        let seconds = try options.seconds("seconds", or: 30)
        let server = Worker(.text, on: options.value("on") ?? "127.0.0.1:1235")
        server.name = "AuthTimeout"
        server.onConnect = { connection in
            connection[LoginTimer.self] = connection.timer(after: seconds) { _ in
                connection.close("too late: log in within \(seconds) seconds")
            }
        }
        server.onMessage = { connection, line in
            guard let timer = connection[LoginTimer.self] else {
                connection.send("received: \(line)")
                return
            }
            guard line == "login \(password)" else { return connection.close("wrong: expected login PASSWORD") }
            timer.cancel()
            connection[LoginTimer.self] = nil
            connection.send("welcome")
        }
    }
}
