import Apus

/// Each protocol on a port of its own; one that is not named is not opened.
///
///     Examples AllProtocols start [--count N] [--http HOST:PORT] [--https …] [--tcp …] [--text …] [--frame …]
///         [--udp …] [--websocket …] [--wss …] [--cert FILE --key FILE] [--sni NAME=CERT,KEY]
///
/// Try `curl http://HOST:PORT/`, `telnet HOST PORT` for text. All but HTTP echo. A certificate to try `--https` with:
///
///     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
///         -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem
enum AllProtocols {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let count = try options.number("count") ?? 1
        if let address = options.value("http") { serveHTTP(on: address, count: count, tls: nil) }
        if let address = options.value("https") { serveHTTP(on: address, count: count, tls: try options.tls()) }
        if let address = options.value("tcp") { echo(.raw, on: address, count: count) }
        if let address = options.value("text") { echo(.text, on: address, count: count) }
        if let address = options.value("frame") { echo(.frame, on: address, count: count) }
        if let address = options.value("udp") { echoDatagrams(on: address, count: count) }
        if let address = options.value("websocket") { echoWebSocket(on: address, count: count, tls: nil) }
        if let address = options.value("wss") { echoWebSocket(on: address, count: count, tls: try options.tls()) }
    }

    private static func echo<P: PacketProtocol>(_ wireProtocol: P, on address: String, count: Int)
    where P.Inbound == P.Outbound {
        let server = Worker(wireProtocol, on: address)
        server.name = "AllProtocols"
        server.count = count
        server.onMessage = { connection, message in connection.send(message) }
    }

    private static func echoDatagrams(on address: String, count: Int) {
        let server = UDPWorker(.raw, on: address)
        server.name = "AllProtocols"
        server.count = count
        server.onMessage = { connection, datagram in connection.send(datagram) }
    }

    /// Messages are compressed for clients that ask for it.
    private static func echoWebSocket(on address: String, count: Int, tls: TLSOptions?) {
        let server = Worker(.websocket(compression: .permessageDeflate), on: address, tls: tls)
        server.name = "AllProtocols"
        server.count = count
        server.limits.maxPackageSize = 32 * 1024 * 1024
        server.onMessage = { connection, message in connection.send(message) }
    }

    private static func serveHTTP(on address: String, count: Int, tls: TLSOptions?) {
        let server = Worker(.http, on: address, tls: tls)
        server.name = "AllProtocols"
        server.count = count
        server.onMessage = { connection, request in
            if request.pathIs("/") {
                connection.send("Hello, World!", contentType: .plainText)
            } else if request.pathIs("/async") {
                connection.run { await hello(connection) }
            } else if request.pathIs("/await") {
                connection.run {
                    await Task.yield()
                    await hello(connection)
                }
            } else {
                answerOther(connection, request)
            }
        }
    }

    private static func answerOther(_ connection: Connection<HTTP>, _ request: HTTPRequest) {
        switch (request.method, request.path) {
        case (.get, "/sleep"):
            connection.run {
                try await Task.sleep(for: .milliseconds(100))
                await hello(connection)
            }
        case (.post, "/echo"):
            connection.send(request.body)
        case (.get, "/big"):
            connection.send(big)
        case (.get, "/slow"):
            Timer.after(3) { _ in connection.send("Hello, World!", contentType: .plainText) }
        default:
            connection.send(HTTPResponse(.notFound, body: "404 Not Found"))
        }
    }

    private static func hello(_ connection: Connection<HTTP>) async {
        connection.send("Hello, World!", contentType: .plainText)
    }

    private static let big = [UInt8](repeating: 0x61, count: 32 * 1024 * 1024)
}
