import Glibc
import TestSupport
import Testing

/// What handlers read of requests, over a real server: spec 05 §4.4.
@Suite struct HTTPRequestTests {
    private static func post(_ target: String, _ type: String, _ body: String) -> String {
        "POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Type: \(type)\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func multipart(_ target: String, _ content: String) -> String {
        let body =
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
            + "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../x.txt\"\r\n\r\n\(content)\r\n--b--\r\n"
        return post(target, "multipart/form-data; boundary=b", body)
    }

    private static func chunked(_ target: String, _ content: String) -> String {
        let request = multipart(target, content)
        let parts = request.split(separator: "\r\n\r\n", maxSplits: 1)
        let body = Array(parts[1].utf8)
        let head = parts[0].replacing("Content-Length: \(body.count)", with: "Transfer-Encoding: chunked")
        let halves = [body[..<20], body[20...]].map {
            "\(String($0.count, radix: 16))\r\n\(String(decoding: $0, as: UTF8.self))\r\n"
        }
        return head + "\r\n\r\n" + halves.joined() + "0\r\n\r\n"
    }

    private static let urlencoded = "application/x-www-form-urlencoded"
    /// Requests with what their handlers read.
    private static let requests: [(String, String)] = [
        ("GET /query?a=1&b=%C3%A9+x&a=2 HTTP/1.1\r\nHost: h\r\n\r\n", "a=1\nb=é x\na=2"),
        ("GET /cookies HTTP/1.1\r\nHost: h\r\nCookie: a=1; b=\"2\"\r\nCookie: c=3\r\n\r\n", "a=1\nb=\"2\"\nc=3"),
        (post("/form", urlencoded, "a=1&b=x%26y"), "a=1\nb=x&y"),
        (multipart("/form", "x--b\r\n"), "a=1\nf: x.txt 6"), (chunked("/form", "x--b\r\n"), "a=1\nf: x.txt 6"),
        (post("/json", "application/json", #"{"name": "é", "count": 2}"#), "é 2"),
        (post("/json-async", "application/json", #"{"name": "é", "count": 2}"#), "é 2"),
    ]

    /// All requests behind each other, at once and in pieces of any size.
    @Test(arguments: Setup.all)
    func handlersReadRequestsInPlace(_ setup: Setup) async throws {
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let stream = Self.requests.map(\.0).joined()
            let bytes = Array(stream.utf8)
            for step in [bytes.count, 1000, 97, 31] {
                for start in stride(from: 0, to: bytes.count, by: step) {
                    try client.send(Array(bytes[start..<min(start + step, bytes.count)]))
                }
                for (_, expected) in Self.requests { #expect(try client.readReply().text == expected) }
            }
        }
    }

    /// What a handler does not catch is the client's fault, and costs neither connection nor process.
    @Test(arguments: Setup.eachBackend)
    func badRequestsAreAnsweredAndTheConnectionGoesOn(_ setup: Setup) async throws {
        try await withScenario("http", setup, ["--terminate", "1"]) { server in
            let client = try server.connect()
            let cases: [(String, Int, String)] = [
                (Self.post("/form", "text/plain", "x"), 415, "the body is not a form"),
                (Self.post("/form", Self.urlencoded, "a&" * 1001), 413, "the form has more than 1000 fields"),
                (Self.post("/form", "multipart/form-data; boundary=b", "x"), 400, "the multipart form has no boundary"),
                (
                    Self.multipart("/form", "x").replacing("\r\n--b--", with: "\r\n--b-x"), 400,
                    "the multipart form is not complete"
                ),
                (Self.post("/json", "application/json", "{"), 400, "the JSON cannot be read"),
                (Self.post("/json", "text/plain", "{}"), 415, "the body is not JSON"),
                (Self.post("/json-async", "application/json", "{}"), 400, "JSON: name is missing"),
                ("GET /number?n=x HTTP/1.1\r\nHost: h\r\n\r\n", 400, "n is not valid"),
                ("GET /refuse?429 HTTP/1.1\r\nHost: h\r\n\r\n", 429, "not for you"),
                ("GET /refuse?503 HTTP/1.1\r\nHost: h\r\n\r\n", 503, "not for you"),
            ]
            try client.send(cases.map(\.0).joined())
            for (_, status, text) in cases {
                let reply = try client.readReply()
                #expect(reply.status == status)
                #expect(reply.text == text)
                #expect(reply["Content-Type"] == "text/plain;charset=utf-8")
                #expect(reply["Connection"] == "keep-alive")
                #expect(reply["Retry-After"] == (text == "not for you" ? "7" : nil))
            }
            #expect(try client.get("/number?n=41").text == "42")
            let last = try server.connect()
            try last.send("HEAD /refuse HTTP/1.0\r\n\r\n")
            #expect(try last.readReply(toHead: true).status == 403)
            #expect(try last.readToEnd().bytes.isEmpty)
            #expect(server.log.split(separator: "\n").count { $0.contains("failed: ") } == 1)
            #expect(server.log.contains("failed: 503 No: not for you"))
        }
    }

    @Test(arguments: Setup.eachBackend)
    func filesLiveAsLongAsTheirRequest(_ setup: Setup) async throws {
        let folder = try TemporaryFolder()
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            let content = "\r\n--b-\r\n" * 10_000
            try client.send(Self.multipart("/upload", content))
            let path = try client.readReply().text
            // The answer may overtake the end of the handler; this one does not.
            #expect(try client.get("/").status == 200)
            #expect(path.contains("/apus.upload.") && access(path, F_OK) != 0)

            try client.send(Self.multipart("/save?to=\(folder.file("saved"))", content))
            #expect(try client.readReply().text == "saved")
            #expect(folder.text("saved") == content)

            try client.send(Self.multipart("/keep-file", content))
            let kept = try client.readReply().text
            for _ in 0..<10 { #expect(try client.post("/echo", pattern(90_000)).body.count == 90_000) }
            #expect(readText(kept) == content)
            #expect(try client.get("/kept-file").text == content)
            #expect(try client.get("/drop-file").text == "dropped")
            #expect(try client.get("/").status == 200)
            #expect(access(kept, F_OK) != 0)
        }
    }
}
