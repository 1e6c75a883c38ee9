import Apus
import ApusCluster
import FoundationEssentials

/// Clients join groups and write to them, whichever process and host each of them is connected to.
///
///     Examples ClusterServers start
///     Examples ChannelGroups start --websocket HOST:PORT --channel HOST:PORT [--count N]
///
/// Send `{"cmd":"add_group","group":"a"}`, then `{"cmd":"send_to_group","group":"a","message":"hello"}`.
enum ChannelGroups {
    nonisolated struct Command: Codable {
        var cmd: String
        var group: String
        var message: String?
    }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let channel = options.value("channel") ?? "127.0.0.1:2206"
        let server = Worker(.websocket, on: try options.required("websocket"))
        server.name = "Groups"
        server.count = try options.number("count") ?? 2
        var groups: [String: Set<Connection<WebSocket>>] = [:]
        server.onWorkerStart = { _ in
            ChannelClient.shared.connect(channel)
            ChannelClient.shared.on("send_to_group") { event in
                let command = try event.decode(Command.self)
                for member in groups[command.group] ?? [] { member.send(command.message ?? "") }
            }
        }
        server.onMessage = { connection, message in
            let command = try JSONDecoder().decode(Command.self, from: Data(message.bytes))
            switch command.cmd {
            case "add_group":
                groups[command.group, default: []].insert(connection)
                connection.send("joined \(command.group)")
            case "send_to_group": ChannelClient.shared.publish("send_to_group", data: command)
            default: connection.send("no command: \(command.cmd)")
            }
        }
        server.onClose = { connection in
            for group in groups.keys { groups[group]?.remove(connection) }
            groups = groups.filter { !$0.value.isEmpty }
        }
    }
}
