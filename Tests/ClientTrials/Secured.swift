import Apus
import ApusClient
import Glibc
import TestSupport
import TrialSupport

/// A server of TLS has to be who it says, unless the user does not care.
func secured(_ words: [String]) async throws {
    let nginx = try NginxServer("location / { return 200 'hello'; }", isSecured: true)
    let url = "https+unix://\(nginx.socket.replacing("/", with: "%2F"))/"
    let unknown = await expectError { _ = try await HTTPClient().get(url) }
    guard case .connectFailed(let reason) = unknown as? HTTPClientError else { return expect(false, "\(unknown!)") }
    expect(reason.contains("certificate"), reason)
    var options = HTTPClientOptions()
    options.tls.authoritiesFile = TestCertificates.shared.certificate("localhost")
    let client = HTTPClient(options)
    for _ in 0..<3 { expect(try await client.get(url).text, is: "hello") }
    expect(client.connectionCount, is: 1)
    options.tls.serverName = "example.org"
    let other = await expectError { _ = try await HTTPClient(options).get(url) }
    if case .connectFailed = other as? HTTPClientError {} else { expect(false, "\(other!)") }
    options.tls = TLSClientOptions()
    options.tls.verifiesServer = false
    expect(try await HTTPClient(options).get(url).text, is: "hello")
    _ = try nginx.stop()
    // Plain HTTP where TLS was to be spoken, and the other way.
    let plain = ScriptedServer { peer in if peer.read(1) != nil { peer.send(ScriptedServer.hello) } }
    let wrong = await expectError { _ = try await client.get("https://127.0.0.1:\(plain.port)/") }
    if case .connectFailed = wrong as? HTTPClientError {} else { expect(false, "\(wrong!)") }
    plain.stop()
    try await cutOffBodies()
}

/// A body that ends with its connection has come whole only where the server says so: a FIN alone anybody can send
/// (RFC 9112 §9.8).
private func cutOffBodies() async throws {
    let folder = try TemporaryFolder()
    let script = """
        import socket, ssl, sys
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        while True:
            peer = context.wrap_socket(listener.accept()[0], server_side=True)
            how = peer.recv(1000).split()[1]
            length = b"Content-Length: 7\\r\\n" if how == b"/length" else b""
            peer.sendall(b"HTTP/1.1 200 OK\\r\\n" + length + b"\\r\\npartial")
            if how == b"/whole":
                peer.unwrap()
            peer.close()
        """
    let certificates = TestCertificates.shared
    let server = try ServerProcess(
        "/usr/bin/python3",
        ["-c", script, certificates.certificate("localhost"), certificates.key("localhost")], in: folder)
    guard let port = try server.nextLine() else { return expect(false, server.errorText) }
    var options = HTTPClientOptions()
    options.tls.authoritiesFile = certificates.certificate("localhost")
    let client = HTTPClient(options)
    for path in ["whole", "length"] {
        expect(try await client.get("https://localhost:\(port)/\(path)").text, is: "partial")
    }
    let cut = await expectError { _ = try await client.get("https://localhost:\(port)/cut") }
    if case .connectionLost = cut as? HTTPClientError {} else { expect(false, "\(cut!)") }
    let stream = try await client.stream(HTTPClientRequest("GET", "https://localhost:\(port)/cut"))
    var got: [UInt8] = []
    let broken = await expectError { for try await piece in stream.body { got += piece } }
    if case .connectionLost = broken as? HTTPClientError {} else { expect(false, "\(broken!)") }
    expect(String(decoding: got, as: UTF8.self), is: "partial")
    server.signal(SIGKILL)
}

/// Apus' own servers behind real proxies: plain requests are handed to an HTTP proxy whole, those over TLS, and all
/// through SOCKS, go through tunnels.
func proxies(_ words: [String]) async throws {
    let certificates = TestCertificates.shared
    let folder = try TemporaryFolder()
    let server = try ServerProcess(
        "Examples",
        [
            "AllProtocols", "start", "--single-process", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--cert",
            certificates.certificate("localhost"), "--key", certificates.key("localhost"), "--pid-file",
            folder.file("pid"), "--log-file", folder.file("log"),
        ], in: folder)
    let urls = try server.endpoints().enumerated().map { index, endpoint in
        (index == 0 ? "http://" : "https://") + "\(endpoint)/"
    }
    let (tiny, tinyPort) = try startServer("/usr/bin/tinyproxy", in: folder) { port in
        let lines = [
            "Port \(port)", "Listen 127.0.0.1", "Allow 127.0.0.1", "BasicAuth user secret", "ViaProxyName \"tiny\"",
        ]
        try writeText(lines.map { $0 + "\n" }.joined(), to: folder.file("tinyproxy.conf"))
        return ["-d", "-c", folder.file("tinyproxy.conf")]
    }
    let (socks, socksPort) = try startServer("/usr/bin/microsocks", in: folder) { ["-i", "127.0.0.1", "-p", $0] }
    for (proxy, answersVia) in [
        // "user:secret"
        (Proxy.http("127.0.0.1:\(tinyPort)", authorization: "Basic dXNlcjpzZWNyZXQ="), true),
        (Proxy.socks5("127.0.0.1:\(socksPort)"), false),
    ] {
        var options = HTTPClientOptions()
        options.proxy = proxy
        options.tls.authoritiesFile = certificates.certificate("localhost")
        let client = HTTPClient(options)
        for url in urls {
            for _ in 0..<3 {
                let response = try await client.get(url)
                expect(response.text, is: "Hello, World!", url)
                expect(response.headers["Via"] != nil, is: answersVia && url.hasPrefix("http:"), url)
            }
        }
        client.close()
    }
    var options = HTTPClientOptions()
    options.proxy = .http("127.0.0.1:\(tinyPort)")
    expect(try await HTTPClient(options).get(urls[0]).status.code, is: 407)
    let refused = await expectError { _ = try await HTTPClient(options).get(urls[1]) }
    if case .connectFailed(let reason) = refused as? HTTPClientError { expect(reason.contains("40"), reason) }
    // microsocks leaves when its clients have.
    for proxy in [tiny, socks] { proxy.signal(SIGKILL) }
    _ = try server.stop()
}
