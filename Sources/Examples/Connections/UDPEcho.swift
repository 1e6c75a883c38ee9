import Apus

/// Answers datagrams. There are no connections: nothing is opened or closed, and what gets lost on the way stays lost.
///
///     Examples UDPEcho start [--on HOST:PORT] [--count N]
enum UDPEcho {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = UDPWorker(.raw, on: options.value("on") ?? "127.0.0.1:9292")
        server.name = "UDPEcho"
        server.count = try options.number("count") ?? 1
        server.onMessage = { peer, datagram in
            Worker.log("\(datagram.count) bytes from \(peer.remoteAddress)")
            peer.send(Array("received: ".utf8) + datagram)
        }
    }
}
