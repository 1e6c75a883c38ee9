import Apus
import ApusCluster
import FoundationEssentials

/// Sends to a WebSocket client of any process on any host, or to all, by a request to any of them.
///
///     Examples ClusterServers start
///     Examples ChannelClusterPush start --websocket HOST:PORT --http HOST:PORT --channel HOST:PORT --host NAME
///
/// A client is told its id when it comes. Try `curl 'http://HOST:PORT/?to=ID&content=hello'`; without `to` all get it.
enum ChannelClusterPush {
    nonisolated struct Push: Codable {
        var client: Int?
        var content: String
    }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let host = try options.required("host")
        let channel = options.value("channel") ?? "127.0.0.1:2206"
        let server = Worker(.websocket, on: try options.required("websocket"))
        server.name = "Push"
        server.count = try options.number("count") ?? 2
        server.onWorkerStart = { server in
            // Ids are unique in one process only: where that is stands in front.
            let place = "\(host)-\(server.id)"
            ChannelClient.shared.connect(channel)
            ChannelClient.shared.on(place) { event in
                let push = try event.decode(Push.self)
                if let id = push.client { server.connections[id]?.send(push.content) }
            }
            ChannelClient.shared.on("all") { try server.broadcast(.text($0.decode(Push.self).content)) }
            server.onWebSocketConnected = { connection, _ in connection.send("\(place)-\(connection.id)") }
        }
        let front = Worker(.http, on: try options.required("http"))
        front.name = "PushFront"
        front.onWorkerStart = { _ in ChannelClient.shared.connect(channel) }
        front.onMessageAsync = { connection, request in
            guard let content = request.queryParameters["content"] else {
                connection.send(HTTPResponse(.badRequest))
                return
            }
            var names = "all"
            var push = Push(client: nil, content: content)
            if let to = request.queryParameters["to"] {
                guard let dash = to.lastIndex(of: "-"), let id = Int(to[to.index(after: dash)...]) else {
                    connection.send(HTTPResponse(.badRequest, body: "no id: \(to)"))
                    return
                }
                names = String(to[..<dash])
                push.client = id
            }
            let count = try await ChannelClient.shared.publishAndWait(names, data: push)
            connection.send(count.map { "\($0) processes\n" } ?? "published\n")
        }
    }
}
