import Apus
import ApusCluster

/// The servers that connect processes and hosts: events and queues, and shared values.
///
///     Examples ClusterServers start [--channel HOST:PORT] [--data HOST:PORT] [--secret WORDS] [--journal FILE]
enum ClusterServers {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let secret = options.value("secret")
        var channels = ChannelServerOptions()
        channels.secret = secret
        channels.journal = options.value("journal")
        var data = GlobalDataServerOptions()
        data.secret = secret
        _ = ChannelServer(options.value("channel") ?? "127.0.0.1:2206", options: channels)
        _ = GlobalDataServer(options.value("data") ?? "127.0.0.1:2207", options: data)
    }
}
