import TestSupport
import Testing

/// How bytes become requests over a real socket: spec 05 §4.1, §4.2 and §14.2.
@Suite struct HTTPFramingTests {
    private static let get = "GET /inspect?a=1 HTTP/1.1\r\nHost: h\r\nX-Long: a b\r\nAccept:*/*\r\n\r\n"
    private static let getSeen = """
        GET /inspect?a=1 1.1
        path /inspect query a=1
        Host=h
        X-Long=a b
        Accept=*/*
        body 
        """
    private static let chunked =
        "POST /inspect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nChecksum: abc\r\n\r\n"
    private static let lengthed = "POST /inspect HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world"

    /// Requests with the body that a handler must see.
    private static let requests = [(get, getSeen), (chunked, "body hello world"), (lengthed, "body hello world")]

    /// Each request in two parts, cut at each place, with a request of another connection between them.
    @Test(arguments: Setup.all)
    func requestsMayBeSplitAnywhere(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let other = try server.connect()
            for (request, expected) in Self.requests {
                let bytes = Array(request.utf8)
                let client = try server.connect()
                for place in 1..<bytes.count {
                    try client.send(Array(bytes[..<place]))
                    // Once this is answered the first part has been read.
                    #expect(try other.get("/?between").text == "Hello, World!")
                    try client.send(Array(bytes[place...]))
                    let reply = try client.readReply()
                    #expect(reply.status == 200, "split at \(place)")
                    #expect(reply.text.hasSuffix(expected), "split at \(place)")
                }
            }
        }
    }

    @Test(arguments: Setup.all)
    func requestsMayArriveByteByByte(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let other = try server.connect()
            let client = try server.connect()
            for (request, expected) in Self.requests {
                for byte in request.utf8 {
                    try client.send([byte])
                    #expect(try other.get("/").status == 200)
                }
                #expect(try client.readReply().text.hasSuffix(expected))
            }
        }
    }

    /// Chunked bodies of many connections at once, cut at random places.
    @Test(arguments: Setup.all)
    func chunkedBodiesOfManyConnectionsDoNotMix(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            var random = Random(seed: 42)
            for _ in 0..<10 {
                let clients = try (0..<8).map { _ in try server.connect() }
                var messages: [(body: [UInt8], rest: ArraySlice<UInt8>)] = clients.indices.map { number in
                    let body = (0..<random.below(5000)).map { _ in UInt8(0x61 + number) }
                    return (body, chunkedRequest(body, padding: number * 7, &random)[...])
                }
                while messages.contains(where: { !$0.rest.isEmpty }) {
                    let number = random.below(clients.count)
                    let piece = messages[number].rest.prefix(1 + random.below(700))
                    guard !piece.isEmpty else { continue }
                    messages[number].rest.removeFirst(piece.count)
                    try clients[number].send(Array(piece))
                }
                for (client, message) in zip(clients, messages) {
                    let reply = try client.readReply()
                    #expect(reply.status == 200)
                    #expect(reply.body == message.body)
                }
            }
        }
    }

    private func chunkedRequest(_ body: [UInt8], padding: Int, _ random: inout Random) -> [UInt8] {
        let head = "POST /echo HTTP/1.1\r\nHost: h\r\nX-Padding: \("p" * padding)\r\nTransfer-Encoding: chunked\r\n\r\n"
        var request = Array(head.utf8)
        var rest = body[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(1 + random.below(900))
            rest.removeFirst(chunk.count)
            request += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [0x0D, 0x0A]
        }
        return request + Array("0\r\n\r\n".utf8)
    }

    @Test(arguments: Setup.all)
    func largeBodiesComeBack(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            for size in [0, 1, 8191, 8192, 65_535, 65_536, 5_000_000] {
                let body = pattern(size)
                #expect(try client.post("/echo", body).body == body)
            }
        }
    }

    // MARK: Refusals

    private static let host = "Host: h\r\n"
    /// Requests that are refused with 400.
    private static let bad: [String] =
        ["GET\t/ HTTP/1.1", " GET / HTTP/1.1"].map(withHost)
        + ["GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET / http/1.1", "GET / HTTP/2.0", "GET /a b HTTP/1.1"].map(withHost)
        + ["GET /\u{7F} HTTP/1.1", "GET h:80 HTTP/1.1", "GET * HTTP/1.1", "GET HTTP/1.1", "GET /"].map(withHost)
        + ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n" + host + "\r\n", "GET / HTTP/1.1\r\nHost: h\n\r\n"]
        + ["Host: h", "Bad Name: x", "X : y", "X\t: y", " folded", ": x", "X@Y: x", "C[0]: x", "Ä: x", "none"].map(
            withField)
        + ["X: a\0b", "X: a\rb", "X: a\u{7F}b", "Content-Length: abc", "Content-Length: 12abc", "Content-Length: "].map(
            withField)
        + ["Content-Length: 1,2", "Content-Length: +5", "Content-Length: -1", "Transfer-Encoding: gzip"].map(withField)
        + ["Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1\r\nX: y\r\nContent-Length: 1"].map(withField)
        + ["Content-Length: 1\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked"].map(withField)
        + ["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"].map(withField)
        + ["", ":8080", "localhost:abc", "localhost:80a", "local host", "a:80:90", "a:80, b", "u@h"].map { host in
            "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        }
        + [
            "zz\r\n", "12345678901234567\r\n", "8000000000000000\r\n", "5\r\nhelloXX", "5\r\nhello\n", "-1\r\n",
            "5 \r\n",
        ].map(
            withChunks)
        + ["5;a\rb\r\nhello\r\n", "\r\n", "0\r\nbad trailer\r\n\r\n", "0x5\r\nhello\r\n"].map(withChunks)

    private static func withHost(_ line: String) -> String { "\(line)\r\n\(host)\r\n" }
    private static func withField(_ field: String) -> String { "POST / HTTP/1.1\r\n\(host)\(field)\r\n\r\n" }
    private static func withChunks(_ body: String) -> String {
        "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(body)"
    }

    @Test(arguments: Setup.all)
    func malformedRequestsAreRefused(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            for request in Self.bad { try checkRefusal(server, Array(request.utf8), 400) }
            try server.finish()
            #expect(server.count("connect") == Self.bad.count)
            #expect(server.count("close") == Self.bad.count)
        }
    }

    /// RFC 9110 §9.1.
    @Test(arguments: Setup.all)
    func methodsThatNobodyKnowsAreRefused(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            for line in ["MIAOWU / HTTP/1.1", "POSTS / HTTP/1.1", "get / HTTP/1.1", "TRACE / HTTP/1.1"] {
                try checkRefusal(server, Array(Self.withHost(line).utf8), 501)
            }
            try checkRefusal(server, Array(Self.withHost("CONNECT h:443 HTTP/1.1").utf8), 501)
        }
    }

    /// RFC 9112 §3.2.2 and §3.2.4.
    @Test(arguments: Setup.all)
    func targetsMayBeAbsolute(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET http://example.com:8080/inspect?a=1 HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(
                try client.readReply().text == """
                    GET http://example.com:8080/inspect?a=1 1.1
                    path /inspect query a=1
                    Host=example.com:8080
                    body 
                    """)
            try client.send("GET https://h HTTP/1.1\r\nHost: h\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readReply().text == "Hello, World!")
            #expect(try client.readReply().status == 404)
            #expect(try client.get("/").status == 200)
        }
    }

    /// RFC 9112 §6.1: what passed a chunked body on in HTTP/1.0 may not have understood it.
    @Test(arguments: Setup.all)
    func nothingFollowsAChunkedBodyOfAnOldClient(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let head = "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
            try client.send(head + "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let reply = try client.readReply()
            #expect(reply.text == "hello" && reply["Connection"] == "close")
            let end = try client.readToEnd()
            #expect(end.bytes.isEmpty && end.ending == .finished)
        }
    }

    @Test(arguments: Setup.all)
    func tooLargeRequestsAreRefused(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--max-request", "100000"]) { server in
            let digits = "9" * 36
            try checkRefusal(
                server, Array("POST / HTTP/1.1\r\n\(Self.host)Content-Length: \(digits)\r\n\r\n".utf8), 413)
            try checkRefusal(server, Array("POST / HTTP/1.1\r\n\(Self.host)Content-Length: 100000\r\n\r\n".utf8), 413)
            try checkRefusal(server, Array(Self.withChunks("186A0\r\n").utf8), 413)
            try checkRefusal(server, Array(Self.withChunks("D000\r\n" + "x" * 0xD000 + "\r\nD000\r\n").utf8), 413)
            try checkRefusal(server, Array(("GET / HTTP/1.1\r\nX: " + "x" * 16384).utf8), 431)
            try checkRefusal(server, Array(Self.withField("X: " + "x" * 16384).utf8), 431)
            try checkRefusal(
                server, Array(Self.withField((0..<200).map { "X-\($0): y" }.joined(separator: "\r\n")).utf8), 431)
        }
    }

    @Test(arguments: Setup.all)
    func theLargestAllowedRequestsAreServed(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--max-request", "100000"]) { server in
            let client = try server.connect()
            // The head's empty line starts at byte 16,383 at the latest.
            let line = "GET / HTTP/1.1\r\nHost: h\r\nX: "
            try client.send(line + "x" * (16383 - line.utf8.count) + "\r\n\r\n")
            #expect(try client.readReply().status == 200)
            let head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99000\r\nX: "
            let padding = 100_000 - 99_000 - head.utf8.count - 4
            try client.send(head + "y" * padding + "\r\n\r\n" + "z" * 99_000)
            #expect(try client.readReply().body.count == 99_000)
            try client.send(head + "y" * (padding + 1) + "\r\n\r\n" + "z" * 99_000)
            #expect(try client.readReply().status == 413)
        }
    }

    @Test(arguments: Setup.all)
    func unusualRequestsAreServed(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let requests = [
                "GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
                "GET / HTTP/1.1\r\nhOsT: 1.1.1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost:h\r\nX-Custom_Header: ok\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: h\r\nX-Transfer-Encoding: chunked\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "GET /?ä HTTP/1.1\r\nHost: h\r\n\r\n",
                "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n",
                "PATCH / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    + "05\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
                "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4;a=1;b=2\r\nwiki\r\n0\r\n\r\n",
            ]
            let client = try server.connect()
            for request in requests {
                try client.send(request)
                #expect(try client.readReply().status == 200, "\(request)")
            }
            // The same in one write.
            try client.send(requests.joined())
            for request in requests { #expect(try client.readReply().status == 200, "\(request)") }
        }
    }

    /// The refusal can be read by a client that goes on sending.
    @Test(arguments: Setup.all)
    func refusalsReachAClientThatStillSends(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--max-request", "1000", "--linger", "30000"]) { server in
            let starts = [
                ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n", 413),
                ("POST / HTTP/9.9\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n", 400),
                ("POST / HTTP/1.1\r\nX: " + "x" * 17000, 431),
            ]
            // Made before there is a connection, which would wait for its first request meanwhile.
            let requests = starts.map { (Array($0.utf8) + pattern(3_000_000), $1) }
            for (request, status) in requests {
                let client = try server.connect()
                try client.send(request)
                #expect(try client.readReply().status == status)
                let end = try client.readToEnd()
                #expect(end.bytes.isEmpty)
                #expect(end.ending == .finished)
            }
        }
    }

    private func checkRefusal(_ server: ScenarioServer, _ request: [UInt8], _ status: Int) throws {
        let client = try server.connect()
        try client.send(request)
        let shown = String(decoding: request.prefix(120), as: UTF8.self).debugDescription
        do {
            let reply = try client.readReply()
            #expect(reply.status == status, "\(shown)")
            #expect(reply["Connection"] == "close", "\(shown)")
            #expect(reply["Content-Length"] == "0", "\(shown)")
            let end = try client.readToEnd()
            #expect(end.bytes.isEmpty && end.ending == .finished, "\(shown)")
        } catch {
            Issue.record("\(shown): \(error)")
        }
    }
}

/// Numbers that are the same in each run.
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A number of 0 to `bound` − 1.
    mutating func below(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}
