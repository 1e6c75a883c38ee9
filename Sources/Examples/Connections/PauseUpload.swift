import Apus

/// Takes a break from clients that send much: after 100 messages of a client nothing of it is read for 30 seconds.
///
///     Examples PauseUpload start [--on HOST:PORT] [--after MESSAGES] [--seconds N]
///
/// Nothing is lost meanwhile. What the client sends stays with the two kernels, and once these are full it cannot send
/// any more: TCP slows it down.
enum PauseUpload {
    /// Messages since the last break.
    private enum MessageCount: StorageKey { typealias Value = Int }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let limit = try options.number("after") ?? 100
        let seconds = try options.seconds("seconds", or: 30)
        let server = Worker(.text, on: options.value("on") ?? "127.0.0.1:8484")
        server.name = "PauseUpload"
        server.onMessage = { connection, line in
            let count = (connection[MessageCount.self] ?? 0) + 1
            connection[MessageCount.self] = count
            connection.send("\(count): \(line)")
            guard count >= limit else { return }
            connection[MessageCount.self] = 0
            connection.pauseReading()
            // Messages that have been read already wait, too, until it goes on.
            connection.timer(after: seconds) { _ in connection.resumeReading() }
        }
    }
}
