import Apus

/// Hands connections on to a MySQL or MariaDB server: every byte, both ways, so whatever client and server say to each
/// other works, TLS between them included.
///
///     Examples MySQLProxy start [--on HOST:PORT] [--to HOST:PORT] [--count N]
///
/// A client is told when the server cannot be reached.
enum MySQLProxy {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = options.value("to") ?? "127.0.0.1:3306"
        let proxy = Worker(.raw, on: options.value("on") ?? "127.0.0.1:4406")
        proxy.name = "MySQLProxy"
        proxy.count = try options.number("count") ?? 1
        proxy.onConnect = { client in
            try Tunnel.open(from: client, to: address) { _ in client.end(unreachable) }
        }
    }

    /// An error where a client expects the server's greeting: the length in three bytes, packet 0, 0xFF, the number of
    /// the error in two bytes (1105 is ER_UNKNOWN_ERROR), the message.
    private static let unreachable: [UInt8] = {
        let packet = [0xFF, 0x51, 0x04] + Array("the database cannot be reached".utf8)
        return [UInt8(packet.count), 0, 0, 0] + packet
    }()
}
