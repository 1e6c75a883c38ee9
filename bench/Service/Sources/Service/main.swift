import Apus
import ApusCluster

/// What ../../../Faults/kills.py kills: a service of HTTP workers that use whatever processes share, and one of the
/// servers that they use.
///
///     Service start --serve cluster --channel HOST:PORT --data HOST:PORT --journal FILE
///     Service start --serve web --http HOST:PORT --channel HOST:PORT --data HOST:PORT --witness FOLDER [--count N]
func option(_ name: String, or standard: String) -> String {
    guard let index = CommandLine.arguments.firstIndex(of: "--\(name)"), index + 1 < CommandLine.arguments.count else {
        return standard
    }
    return CommandLine.arguments[index + 1]
}

let shared = Shared()
if option("serve", or: "web") == "cluster" {
    var channels = ChannelServerOptions()
    channels.journal = option("journal", or: "journal")
    _ = ChannelServer(option("channel", or: "127.0.0.1:2206"), options: channels)
    _ = GlobalDataServer(option("data", or: "127.0.0.1:2207"))
} else {
    let web = Worker(.http, on: option("http", or: "127.0.0.1:8080"))
    web.name = "web"
    web.count = Int(option("count", or: "3")) ?? 3
    let witness = Witness(folder: option("witness", or: "."))
    let requests = Requests(shared: shared, dataServer: option("data", or: "127.0.0.1:2207"))
    let consumer = Consumer(witness)
    let neighbours = Neighbours(witness)
    web.onWorkerStart = { worker in
        ChannelClient.shared.connect(option("channel", or: "127.0.0.1:2206"))
        consumer.start()
        neighbours.start()
    }
    web.onMessage = requests.received
}
Worker.runAll()
