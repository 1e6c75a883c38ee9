import Apus
import ApusClient

/// A SOCKS 5 proxy (RFC 1928): connects clients to hosts by IPv4 or IPv6 address or by name, which it looks up itself.
///
///     Examples Socks5Proxy start [--on HOST:PORT] [--user NAME --password PASSWORD] [--count N]
///
/// With `--user` it asks for name and password (RFC 1929), which anyone on the way can read. Whoever gets in reaches
/// everything that this machine reaches: keep it on the loopback.
enum Socks5Proxy {
    /// The answers of RFC 1928 §6 that are given here.
    private enum Reply: UInt8 {
        case succeeded = 0
        case hostUnreachable = 4
        case connectionRefused = 5
        case commandNotSupported = 7
    }

    private static let connect: UInt8 = 1

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let login = try options.value("user").map { ($0, try options.required("password")) }
        // RFC 1928 §3: 0 for none, 2 for user name and password.
        let method: UInt8 = login == nil ? 0 : 2
        let proxy = Worker(SOCKS5Greeting(), on: options.value("on") ?? "127.0.0.1:1080")
        proxy.name = "Socks5Proxy"
        // Clients choose the names: one that nobody answers must not hold up the others.
        proxy.onWorkerStart = { _ in DNSResolver.shared.useForConnections() }
        proxy.count = try options.number("count") ?? 1
        // For what comes before the tunnel, which has a time-out of its own.
        proxy.limits.idleTimeout = 10
        proxy.onMessage = { client, methods in
            guard methods.contains(method) else { return client.end([5, 0xFF]) }
            client.send([5, method])
            guard let login else { return takeRequest(client.upgrade(to: SOCKS5Request())) }
            client.upgrade(to: SOCKS5Login()).onMessage = { client, given in
                guard given == login else { return client.end([1, 1]) }
                client.send([1, 0])
                takeRequest(client.upgrade(to: SOCKS5Request()))
            }
        }
    }

    private static func takeRequest(_ client: Connection<SOCKS5Request>) {
        client.onMessage = { client, request in
            let client = client.upgrade(to: .raw)
            guard request.command == connect else { return client.end(answer(.commandNotSupported)) }
            guard Tunnel.isHostAndPort(request.address) else { return client.end(answer(.hostUnreachable)) }
            do {
                try Tunnel.open(from: client, to: request.address) { _ in
                    client.send(answer(.succeeded))
                } failed: { reason in
                    client.end(answer(reason.contains("refused") ? .connectionRefused : .hostUnreachable))
                }
            } catch {
                client.end(answer(.hostUnreachable))
            }
        }
    }

    /// With an address of zeros: which one the proxy connected from is of use to nobody.
    private static func answer(_ reply: Reply) -> [UInt8] { [5, reply.rawValue, 0, 1, 0, 0, 0, 0, 0, 0] }
}
