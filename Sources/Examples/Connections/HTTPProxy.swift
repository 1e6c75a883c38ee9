import Apus
import ApusClient

/// A proxy for browsers and programs: `CONNECT` for `https://` and everything else that is to go through untouched, and
/// requests for absolute URIs, as proxies get them for `http://`.
///
///     Examples HTTPProxy start [--on HOST:PORT] [--count N]
///
/// Bodies of any size go through as they come, both ways. A request for a URI takes a connection of its own.
///
/// Whoever reaches this port reaches everything that this machine reaches: keep it on the loopback.
enum HTTPProxy {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let proxy = Worker(ProxyRequestProtocol(), on: options.value("on") ?? "127.0.0.1:8080")
        // Clients choose the names: one that nobody answers must not hold up the others.
        proxy.onWorkerStart = { _ in DNSResolver.shared.useForConnections() }
        proxy.name = "HTTPProxy"
        proxy.count = try options.number("count") ?? 1
        // For the head of a request; tunnels have a time-out of their own.
        proxy.limits.idleTimeout = 10
        // There is one head: what follows it is handed on.
        proxy.onMessage = { client, request in serve(client.upgrade(to: .raw), request) }
    }

    private static func serve(_ client: Connection<Raw>, _ request: ProxyRequest?) {
        guard let request, let address = request.server, Tunnel.isHostAndPort(address) else {
            return refuse(client, "400 Bad Request", "expected CONNECT HOST:PORT, or METHOD http://HOST/PATH")
        }
        do {
            try Tunnel.open(from: client, to: address) { server in
                if request.isConnect {
                    client.send(Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
                } else {
                    server.send(request.forwardedHead)
                }
            } failed: { reason in
                refuse(client, "502 Bad Gateway", reason)
            }
        } catch {
            refuse(client, "400 Bad Request", "\(error)")
        }
    }

    private static func refuse(_ client: Connection<Raw>, _ status: String, _ reason: String) {
        let head = "HTTP/1.1 \(status)\r\nContent-Type: text/plain;charset=utf-8\r\nConnection: close\r\n"
        client.end(Array("\(head)Content-Length: \(reason.utf8.count + 1)\r\n\r\n\(reason)\n".utf8))
    }
}
