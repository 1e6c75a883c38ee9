import Apus

/// Lines over TLS: any protocol is spoken over TLS like this.
///
///     Examples TLSEcho start --cert FILE --key FILE [--on HOST:PORT] [--sni NAME=CERT,KEY]
///
/// Clients that ask for NAME get the second certificate. One to try it with:
///
///     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
///         -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem
enum TLSEcho {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(.text, on: options.value("on") ?? "127.0.0.1:4433", tls: try options.tls())
        server.name = "TLSEcho"
        server.onMessage = { connection, line in
            // The handshake is over when a message comes: it is known what was agreed on.
            let tls = connection.tls
            connection.send("\(tls?.version ?? "plain"), \(tls?.serverName ?? "no name"): \(line)")
        }
    }
}
