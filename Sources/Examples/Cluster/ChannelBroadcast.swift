import Apus
import ApusCluster

/// What one WebSocket client sends reaches all, whichever process and host they are connected to.
///
///     Examples ClusterServers start
///     Examples ChannelBroadcast start --websocket HOST:PORT [--channel HOST:PORT | --channel redis://HOST:PORT]
enum ChannelBroadcast {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let channel = options.value("channel") ?? "127.0.0.1:2206"
        let server = Worker(.websocket, on: try options.required("websocket"))
        server.count = try options.number("count") ?? 4
        server.onWorkerStart = { server in
            ChannelClient.shared.connect(channel)
            ChannelClient.shared.on("broadcast") { server.broadcast(.text(try $0.decode(String.self))) }
        }
        server.onMessage = { _, message in ChannelClient.shared.publish("broadcast", data: message.text) }
    }
}
