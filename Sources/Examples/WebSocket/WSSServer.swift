import Apus

/// A WebSocket server over TLS: `wss://`, which pages that come over `https://` need.
///
///     Examples WSSServer start [--on HOST:PORT] [--count N] --cert FILE --key FILE
///
/// `HTTPSServer` says how to make a certificate to try it with. Browsers want one that they trust, for a host name:
/// open `https://HOST:PORT/` once and accept it. "http request" in the log is a client of `ws://` at this port.
///
/// The other way, and the better one where nginx is there already, is to end TLS in it, with `HelloWebSocket` behind.
/// Never both:
///
///     location /wss {
///         proxy_pass http://127.0.0.1:2000;
///         proxy_http_version 1.1;
///         proxy_set_header Upgrade $http_upgrade;
///         proxy_set_header Connection "Upgrade";
///         proxy_set_header X-Real-IP $remote_addr;
///         proxy_read_timeout 75;
///     }
///
/// Its time-out has to be longer than the pings' interval. Apache: `ProxyPass /wss ws://127.0.0.1:2000/wss`, with
/// mod_proxy_wstunnel.
enum WSSServer {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let tls = TLSOptions(certificateFile: try options.required("cert"), privateKeyFile: options.value("key"))
        let server = Worker(.websocket(pingInterval: 30), on: options.value("on") ?? "127.0.0.1:8282", tls: tls)
        server.name = "WSSServer"
        server.count = try options.number("count") ?? 1
        server.onMessage = { connection, message in connection.send("hello \(message.text)") }
    }
}
