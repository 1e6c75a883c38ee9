import Apus

/// Who the client is when a proxy stands in between: what the proxy says counts, and only from the proxy.
///
///     Examples RealIP start [--on HOST:PORT] [--tcp HOST:PORT] [--proxy ADDRESS]
///
/// The first port is for WebSocket behind nginx, which says `proxy_set_header X-Real-IP $remote_addr;` beside what
/// WebSocket needs. Anybody can send such a field, so it is looked at if the connection comes from `--proxy`
/// (127.0.0.1 unless set).
///
/// The second is for lines of text, which have no fields: there the proxy sends a header of the PROXY protocol first,
/// version 1 or 2 (nginx: `proxy_protocol on;`, HAProxy: `send-proxy`). Apus reads it, and `remoteIP` is the client's.
enum RealIP {
    /// The client's address. With plain HTTP it would belong to each request: proxies use one connection for many
    /// clients.
    private enum ClientIP: StorageKey { typealias Value = String }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let proxy = options.value("proxy") ?? "127.0.0.1"

        let webSocket = Worker(.websocket, on: options.value("on") ?? "127.0.0.1:8282")
        webSocket.name = "RealIP"
        webSocket.onWebSocketConnect = { connection, request in
            let named = connection.remoteIP == proxy ? request.request.headers["x-real-ip"] : nil
            connection[ClientIP.self] = named ?? connection.remoteIP
        }
        webSocket.onMessage = { connection, message in
            connection.send("\(connection[ClientIP.self] ?? "") says \(message.text)")
        }

        let text = Worker(.text, on: options.value("tcp") ?? "127.0.0.1:8283")
        text.name = "RealIP text"
        text.trustedProxies = [proxy]
        text.onMessage = { connection, line in connection.send("\(connection.remoteIP) says \(line)") }
    }
}
