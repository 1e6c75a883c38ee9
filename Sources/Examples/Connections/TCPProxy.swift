import Apus

/// Hands every connection on to another server, byte for byte, both ways.
///
///     Examples TCPProxy start --on HOST:PORT --to HOST:PORT [--count N]
///
/// Try `Examples TCPProxy start --on 127.0.0.1:8443 --to example.com:443`, then
/// `curl --connect-to example.com:443:127.0.0.1:8443 https://example.com/`.
enum TCPProxy {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        guard let address = options.value("on"), let target = options.value("to") else {
            throw OptionError(description: "--on and --to are needed")
        }
        let proxy = Worker(.raw, on: address)
        proxy.name = "TCPProxy"
        proxy.count = try options.number("count") ?? 1
        proxy.onConnect = { client in
            let server = try Connection(.raw, to: target)
            client.pipe(to: server)
            server.pipe(to: client)
            server.onError = { _, _, message in Worker.log(message) }
            server.connect()
        }
    }
}
