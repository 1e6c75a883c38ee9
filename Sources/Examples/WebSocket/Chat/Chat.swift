import Apus
import ApusWeb

/// A chat with a page: rooms with their last lines, private messages, and who is there, in any number of processes on
/// any number of hosts.
///
///     Examples Chat start [--on HOST:PORT] [--count N]
///
/// Page and WebSocket share the port. Open the page in two windows. The processes of one host need nothing in between;
/// several hosts share the servers of `ClusterServers`, and differ in nothing else:
///
///     Examples ClusterServers start --channel 10.0.0.5:2206 --data 10.0.0.5:2207
///     Examples Chat start --on 0.0.0.0:8080 --count 4 --cluster 10.0.0.5
///
/// `--channel` and `--data` name the two one by one, where they are Redis or NATS for instance, and `--secret` is what
/// they want to hear. `--rate` is how many messages a guest may send each second (5), and `--beat` how often, in
/// seconds, processes say that they live (2).
enum Chat {
    private static let mostMessageBytes = 16 * 1024

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let beat = try options.number("beat") ?? 2
        let rate = try options.number("rate") ?? 5
        guard beat > 0, rate > 0 else { throw OptionError(description: "--beat and --rate need 1 or more") }

        // How far the chat reaches is decided here, and nowhere else: the processes of this host, or several hosts.
        let engine: any ChatEngine = ChatCluster(options) ?? ChatHost()

        let endpoint = WebSocketEndpoint(.websocket(compression: .permessageDeflate, pingInterval: 30))
        endpoint.limits.maxPackageSize = mostMessageBytes
        let chat = ChatServer(endpoint, engine, beat: Double(beat), rate: rate)

        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:8080")
        server.name = "Chat"
        server.count = try options.number("count") ?? 1
        server.onWorkerStart = { worker in chat.start(process: worker.id) }
        let router = Router()
        router.get("/") { _ in HTTPResponse(headers: ChatPage.headers, body: ChatPage.html) }
        router.get("/chat.js") { _ in
            HTTPResponse(headers: ["Content-Type": "text/javascript;charset=utf-8"], body: ChatScript.text)
        }
        router.get("/socket") { request in try request.upgradeToWebSocket(endpoint) }
        server.serve(router)
    }
}
