extension RecipeGroup {
    static let http = RecipeGroup(
        title: "HTTP",
        recipes: [
            Recipe(
                "HelloHTTP", "greets whoever asks",
                tryIt: ["curl 'http://127.0.0.1:2345/?name=Ann'"], .service(HelloHTTP.set)),
            Recipe(
                "Routing", "handlers by method and path, in groups, with middleware",
                tryIt: ["curl -i http://127.0.0.1:8080/users/7", "curl http://127.0.0.1:8080/staff"],
                .service(Routing.set)),
            Recipe(
                "RESTService", "JSON in and out, by routes, with a password for changes",
                .service(RESTService.set)),
            Recipe(
                "FormUpload", "a form with text and files, which go to the disk as they arrive",
                tryIt: [
                    "open http://127.0.0.1:8080/", "curl -F title=notes -F file=@README.md http://127.0.0.1:8080/",
                ],
                .service(FormUpload.set)),
            Recipe(
                "Cookies", "sets cookies, reads them, and takes them away",
                tryIt: ["open http://127.0.0.1:8080/, and again"], .service(Cookies.set)),
            Recipe(
                "SessionLogin", "sessions in files or in Redis, which all processes share",
                tryIt: ["open http://127.0.0.1:8080/ and log in"], .service(SessionLogin.set)),
            Recipe(
                "Guestbook", "a page with a form, uploads, sessions and live updates",
                .service(Guestbook.set)),
            Recipe(
                "ChunkedAnswer", "sends an answer while it is made, as large as you like",
                tryIt: [
                    "curl -N http://127.0.0.1:8080/ticks", "curl -o rows 'http://127.0.0.1:8080/rows?count=100000000'",
                ],
                .service(ChunkedAnswer.set)),
            Recipe(
                "SSEClock", "a clock that the server drives, by server-sent events",
                tryIt: ["open http://127.0.0.1:8080/", "curl -N http://127.0.0.1:8080/events"],
                .service(SSEClock.set)),
            Recipe(
                "StreamingProxy", "hands requests on to another server, and its answers back, as they arrive",
                tryIt: ["curl -O http://127.0.0.1:8080/, with --to the server that has a large file"],
                .service(StreamingProxy.set)),
            Recipe(
                "WebSite", "serves a folder to browsers, with an access log",
                .service(WebSite.set)),
            Recipe(
                "VirtualHosts", "serves a folder for each host name, on one port",
                tryIt: ["curl http://shop.localhost:8080/host"], .service(VirtualHosts.set)),
            Recipe(
                "FileDownload", "hands out the files of a folder, in parts where that is asked for",
                .service(FileDownload.set)),
            Recipe(
                "HTTPSServer", "HTTP over TLS, and a port beside it that sends plain HTTP there",
                tryIt: ["curl -k https://127.0.0.1:8443/"], .service(HTTPSServer.set)),
            Recipe(
                "HTTPFetch", "asks for one address, and says what came of it",
                .client(HTTPFetch.fetch)),
        ])
}
