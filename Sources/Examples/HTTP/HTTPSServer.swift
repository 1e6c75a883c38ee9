import Apus

/// HTTP over TLS, and a port beside it that sends plain HTTP there.
///
///     Examples HTTPSServer start [--on HOST:PORT] [--plain HOST:PORT] [--count N] --cert FILE --key FILE
///
/// A certificate to try it with, which no browser trusts (`curl -k` takes it):
///
///     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
///         -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem
///
/// `reload` reads the files again: that is how a renewed certificate comes into use. Ports below 1024 are root's; with
/// `--on 0.0.0.0:443` set `worker.user`, so that the processes are not.
///
/// The other way is a proxy that ends TLS, with `HelloHTTP` behind it. Never both. For nginx:
///
///     upstream apus { server 127.0.0.1:2345; keepalive 64; }
///     server {
///         listen 443 ssl;
///         ssl_certificate cert.pem; ssl_certificate_key key.pem;
///         location / {
///             proxy_pass http://apus;
///             proxy_http_version 1.1;
///             proxy_set_header Connection "";
///             proxy_set_header Host $http_host;
///             proxy_set_header X-Real-IP $remote_addr;
///         }
///     }
enum HTTPSServer {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        var tls = TLSOptions(
            certificateFile: try options.required("cert"), privateKeyFile: options.value("key"))
        tls.minimumVersion = .tls12
        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:8443", tls: tls)
        server.name = "HTTPSServer"
        server.count = try options.number("count") ?? 1
        server.onMessage = { connection, request in
            // Browsers come over TLS from now on, whatever they are told.
            let headers: HTTPHeaders = [
                "Content-Type": "text/plain", "Strict-Transport-Security": "max-age=31536000",
            ]
            let version = connection.tls?.version ?? "no TLS"
            connection.send(HTTPResponse(headers: headers, body: "Hello over \(version)!\n"))
        }
        guard let plain = options.value("plain") else { return }
        let redirects = Worker(.http, on: plain)
        redirects.name = "HTTPSRedirect"
        redirects.onMessage = { connection, request in
            guard !request.hostName.isEmpty else { throw HTTPError(.badRequest, "say which host you want") }
            // Clients reach it at the port that it was given.
            let port = server.socketName.split(separator: ":").last.map { $0 == "443" ? "" : ":\($0)" } ?? ""
            let query = request.query.isEmpty ? "" : "?\(request.query)"
            let place = "https://\(request.hostName)\(port)\(request.path)\(query)"
            connection.send(.redirect(to: place, .permanentRedirect))
        }
    }
}
