extension RecipeGroup {
    static let connections = RecipeGroup(
        title: "Connections and transports",
        recipes: servers + proxiesAndClients)

    private static let servers = [
        Recipe(
            "AllProtocols", "every protocol on a port of its own, for trying out and measuring",
            .service(AllProtocols.set)),
        Recipe(
            "Heartbeat", "closes clients that have said nothing for too long",
            tryIt: ["nc 127.0.0.1 1234    say something, then nothing for a minute"],
            .service(Heartbeat.set)),
        Recipe(
            "ConnectionCounter", "tells each client how many there are",
            tryIt: ["nc 127.0.0.1 1236    twice"],
            .service(ConnectionCounter.set)),
        Recipe(
            "TextChat", "a chat for telnet",
            tryIt: ["telnet 127.0.0.1 2347    in two windows"],
            .service(TextChat.set)),
        Recipe(
            "UDPEcho", "answers datagrams",
            tryIt: ["nc -u 127.0.0.1 9292"],
            .service(UDPEcho.set)),
        Recipe(
            "AuthTimeout", "closes clients that do not log in in time",
            tryIt: ["nc 127.0.0.1 1235    say \"login secret\", or nothing for 30 seconds"],
            .service(AuthTimeout.set)),
        Recipe(
            "FlashPolicy", "tells Flash players where they may connect to",
            tryIt: ["printf '<policy-file-request/>\\0' | nc 127.0.0.1 843"],
            .service(FlashPolicy.set)),
        Recipe(
            "TLSEcho", "lines over TLS, with a certificate for each name",
            tryIt: ["openssl s_client -quiet -connect 127.0.0.1:4433 -servername localhost"],
            .service(TLSEcho.set)),
        Recipe(
            "ReusePortMulti", "a second port that each process opens for itself",
            tryIt: ["nc 127.0.0.1 2015", "curl http://127.0.0.1:2016/    several times"],
            .service(ReusePortMulti.set)),
        Recipe(
            "PauseUpload", "takes a break from clients that send much",
            tryIt: ["seq 250 | nc 127.0.0.1 8484"],
            .service(PauseUpload.set)),
        Recipe(
            "CallbackStyles", "closures, functions and methods as callbacks, on five ports",
            tryIt: ["nc 127.0.0.1 5001    or 5002 to 5005"],
            .service(CallbackStyles.set)),
        Recipe(
            "RealIP", "the client's address behind a proxy",
            tryIt: ["printf 'PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\\r\\nhello\\n' | nc 127.0.0.1 8283"],
            .service(RealIP.set)),
    ]

    private static let proxiesAndClients = [
        Recipe(
            "TCPProxy", "hands every connection on to another server",
            .service(TCPProxy.set)),
        Recipe(
            "MySQLProxy", "hands connections on to a database",
            tryIt: ["mariadb -h 127.0.0.1 -P 4406 -u root -p"],
            .service(MySQLProxy.set)),
        Recipe(
            "HTTPProxy", "a proxy for browsers: CONNECT, and requests for URIs",
            tryIt: ["curl -x 127.0.0.1:8080 https://example.com/"],
            .service(HTTPProxy.set)),
        Recipe(
            "Socks5Proxy", "a SOCKS 5 proxy, with a password or without",
            tryIt: ["curl --socks5-hostname 127.0.0.1:1080 https://example.com/"],
            .service(Socks5Proxy.set)),
        Recipe(
            "WSClient", "a WebSocket client that stays connected",
            tryIt: ["Examples AllProtocols start --websocket 127.0.0.1:2000    with --to ws://127.0.0.1:2000/ here"],
            .service(WSClient.set)),
        Recipe(
            "DNSResolve", "looks up a host a line",
            .service(DNSResolve.set)),
    ]
}
