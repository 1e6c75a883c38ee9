import Apus
import ApusWeb

/// WebSockets and HTTP on one port: an endpoint of many, one for each connection, and a router.
func serveWebSocketRoutes(_ options: Options) {
    let server = Worker(.http, on: options.address)
    server.name = "routes"
    setLimits(server, options)
    server.onClose = { _ in report("http closed") }
    let chat = WebSocketEndpoint(.websocket(compression: .permessageDeflate, protocols: ["chat"]))
    chat.onWebSocketConnect = { _, request in
        if request.request.query == "no" { throw HTTPError(.forbidden, "not you") }
    }
    chat.onWebSocketConnected = { connection, request in
        report("joined \(request.target) \(connection.selectedProtocol ?? "none")")
        connection.subscribe("room")
    }
    chat.onMessage = { connection, message in
        connection.publish("room", message.content)
        connection.send("\(chat.subscriberCount(of: "room"))")
    }
    chat.onClose = { connection in report("left \(connection.closeCode?.rawValue ?? 0)") }
    // Without a callback for its end.
    let quiet = WebSocketEndpoint()
    let router = Router()
    router.use(.accessLog { report("access \($0.method) \($0.target) \($0.status)") })
    router.get("/chat") { request in try request.upgradeToWebSocket(chat) }
    router.get("/async") { request in
        await Task.yield()
        return try request.upgradeToWebSocket { connection in
            connection.onMessage = { connection, message in connection.send(message) }
        }
    }
    router.get("/hello") { _ in "hello" }
    if options["router"] != nil {
        server.serve(router)
    } else {
        server.onMessage = { connection, request in
            if request.pathIs("/own") { connection.onClose = { _ in report("own closed") } }
            if request.pathIs("/quiet") {
                connection.send(try request.upgradeToWebSocket(quiet))
                return
            }
            guard request.pathIs("/chat") else {
                connection.send("hello")
                return
            }
            connection.send(try request.upgradeToWebSocket(chat))
        }
    }
}
