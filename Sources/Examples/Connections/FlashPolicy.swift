import Apus

/// Tells Flash players that they may connect to any port of this host. They ask on port 843, by
/// `<policy-file-request/>` and a NUL, before their first connection; the answer ends with a NUL, too.
///
///     Examples FlashPolicy start [--on HOST:PORT]
///
/// Ports below 1024 are root's, or need the capability CAP_NET_BIND_SERVICE.
enum FlashPolicy {
    private static let policy = """
        <?xml version="1.0"?>
        <cross-domain-policy>
        <site-control permitted-cross-domain-policies="all"/>
        <allow-access-from domain="*" to-ports="*"/>
        </cross-domain-policy>
        """

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(.raw, on: options.value("on") ?? "127.0.0.1:843")
        server.name = "FlashPolicy"
        server.limits.idleTimeout = 10
        // `end` rather than `close`: whatever else the client has sent, the answer arrives.
        server.onMessage = { connection, _ in connection.end(Array(policy.utf8) + [0]) }
    }
}
