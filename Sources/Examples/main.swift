import Apus
import Glibc

let recipes: [Recipe] = [
    Recipe(
        name: "AllProtocols", about: "every protocol on a port of its own, for trying out and measuring",
        kind: .service(AllProtocols.set)),
    Recipe(name: "TCPProxy", about: "hands every connection on to another server", kind: .service(TCPProxy.set)),
    Recipe(
        name: "FileDownload", about: "hands out the files of a folder, in parts where that is asked for",
        kind: .service(FileDownload.set)),
    Recipe(
        name: "WebSite", about: "serves a folder to browsers, with an access log", kind: .service(WebSite.set)),
    Recipe(
        name: "RESTService", about: "JSON in and out, by routes, with a password for changes",
        kind: .service(RESTService.set)),
    Recipe(
        name: "Guestbook", about: "a page with a form, uploads, sessions and live updates",
        kind: .service(Guestbook.set)),
    Recipe(
        name: "Broadcast", about: "hands what one WebSocket client sends on to all",
        kind: .service(Broadcast.set)),
    Recipe(name: "Chat", about: "a page with rooms and private messages", kind: .service(Chat.set)),
    Recipe(
        name: "WebSocketEcho", about: "a client that sends back what it gets, for the Autobahn test suite",
        kind: .client(WebSocketEcho.answer)),
    Recipe(name: "JsonNL", about: "a protocol of your own: a JSON value a line", kind: .service(JsonNL.set)),
    Recipe(name: "JsonNLClient", about: "sends it JSON values", kind: .client(JsonNL.ask)),
    Recipe(name: "JsonInt", about: "JSON behind a binary length", kind: .service(JsonInt.set)),
    Recipe(name: "JsonIntClient", about: "sends it JSON values", kind: .client(JsonInt.ask)),
    Recipe(name: "XmlProtocol", about: "XML behind a length of ten digits", kind: .service(XmlProtocol.set)),
    Recipe(name: "XmlProtocolClient", about: "sends it XML documents", kind: .client(XmlProtocol.ask)),
    Recipe(name: "BinaryTransfer", about: "receives files, as bytes", kind: .service(BinaryTransfer.set)),
    Recipe(name: "BinaryTransferClient", about: "sends it a file", kind: .client(BinaryTransfer.sendFile)),
    Recipe(name: "TextTransfer", about: "receives files, as lines of JSON", kind: .service(TextTransfer.set)),
    Recipe(name: "TextTransferClient", about: "sends it a file", kind: .client(TextTransfer.sendFile)),
    Recipe(
        name: "ClusterServers", about: "events, queues and values for processes of several hosts",
        kind: .service(ClusterServers.set)),
    Recipe(
        name: "ChannelClusterPush", about: "sends to a WebSocket client of any process on any host",
        kind: .service(ChannelClusterPush.set)),
    Recipe(
        name: "ChannelGroups", about: "groups of WebSocket clients over processes and hosts",
        kind: .service(ChannelGroups.set)),
    Recipe(
        name: "ChannelBroadcast", about: "hands what one WebSocket client sends on to those of all processes and hosts",
        kind: .service(ChannelBroadcast.set)),
    Recipe(
        name: "GlobalDataDemo", about: "a number that processes of several hosts count up",
        kind: .service(GlobalDataDemo.set)),
    Recipe(
        name: "RedisDemo", about: "values in Redis, over HTTP", kind: .service(RedisDemo.set)),
    Recipe(
        name: "RedisQueueDemo", about: "work for later, through queues in Redis", kind: .service(RedisQueueDemo.set)),
    Recipe(
        name: "STOMPDemo", about: "messages through a broker that speaks STOMP", kind: .service(STOMPDemo.set)),
    Recipe(name: "NATSDemo", about: "processes that speak over NATS", kind: .service(NATSDemo.set)),
    Recipe(name: "ZMQPull", about: "takes what ZeroMQ's PUSH sockets send", kind: .service(ZMQPull.set)),
    Recipe(name: "DNSResolve", about: "looks up a host a line", kind: .service(DNSResolve.set)),
    Recipe(
        name: "FileMonitorDemo", about: "a server that is reloaded when files change",
        kind: .service(FileMonitorDemo.set)),
    Recipe(
        name: "MySQLService", about: "asks a database for each request, over a pool", kind: .service(MySQLService.set)),
    Recipe(
        name: "HTTPFetch", about: "asks for one address, and says what came of it", kind: .client(HTTPFetch.fetch)),
]

func complain(_ line: String) { _ = write(STDERR_FILENO, line + "\n", line.utf8.count + 1) }

let arguments = CommandLine.arguments
guard arguments.count > 1, let recipe = recipes.first(where: { $0.name == arguments[1] }) else {
    print("usage: Examples <name> [<command>] [options]\n")
    let width = recipes.map(\.name.count).max() ?? 0
    for recipe in recipes {
        print("  \(recipe.name)\(String(repeating: " ", count: width - recipe.name.count))   \(recipe.about)")
    }
    exit(64)
}
do {
    let options = Array(arguments.dropFirst(2))
    switch recipe.kind {
    case .service(let set): try set(options)
    case .client(let run):
        try run(options)
        exit(0)
    }
} catch {
    complain("\(recipe.name): \(error)")
    exit(error is OptionError ? 64 : 1)
}
Worker.runAll()
