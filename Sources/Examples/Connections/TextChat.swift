import Apus

/// A chat for telnet: what one says goes to all, under a number that nobody else has.
///
///     Examples TextChat start [--on HOST:PORT] [--count N]
///
/// Users of all processes are in one room: the number comes from memory that the processes share, and `broadcastAll`
/// sends to the clients of all of them.
enum TextChat {
    /// The number of a user.
    private enum User: StorageKey { typealias Value = Int }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let lastUser = SharedCounter("chat.users")
        let chat = Worker(.text, on: options.value("on") ?? "127.0.0.1:2347")
        chat.name = "TextChat"
        chat.count = try options.number("count") ?? 1
        chat.limits.maxPackageSize = 4096
        chat.onConnect = { connection in
            let user = lastUser.add()
            connection[User.self] = user
            connection.send("you are user[\(user)]")
        }
        chat.onMessage = { connection, line in
            guard let user = connection[User.self], !line.isEmpty else { return }
            try chat.broadcastAll("user[\(user)] said \(line)")
        }
        chat.onClose = { connection in
            guard let user = connection[User.self] else { return }
            try chat.broadcastAll("user[\(user)] logout")
        }
    }
}
