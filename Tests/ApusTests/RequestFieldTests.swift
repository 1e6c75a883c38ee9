import ApusProtocols
import Testing

@testable import Apus

@Suite struct `Queries and urlencoded forms` {
    private func pairs(_ fields: FormFields) -> [String] { fields.map { "\($0.name)=\($0.value)" } }

    @Test(
        arguments: [
            ("/", []), ("/a", []), ("/a?", []), ("/?a", ["a="]), ("/?a=1&b=2", ["a=1", "b=2"]),
            ("/?a=1&a=2&&=3&", ["a=1", "a=2", "=3"]), ("/?a?b=c?d", ["a?b=c?d"]), ("/?a%20b=c+d%2B", ["a b=c d+"]),
        ] as [(String, [String])])
    func `The query is what stands behind the question mark`(_ target: String, _ expected: [String]) {
        let test = TestRequest("GET \(target) HTTP/1.1")
        #expect(pairs(test.request.queryParameters) == expected)
        #expect(test.request.queryParameters.isEmpty == expected.isEmpty)
    }

    @Test func `The last field of a name counts, and all are there`() {
        let query = TestRequest("GET /?a=1&b=x&a=2&a[]=3&%61=4 HTTP/1.1").request.queryParameters
        #expect(query["a"] == "4")
        #expect(query["b"] == "x")
        #expect(query["c"] == nil)
        #expect(query["A"] == nil)
        #expect(query[""] == nil)
        #expect(query.all("a") == ["1", "2", "3", "4"])
        #expect(query.all("a[]") == ["3"])
        #expect(query.all("c") == [])
    }

    @Test func `Values can be asked for as a type`() throws {
        let query = TestRequest("GET /?n=12&f=1.5&b=true&s=x&big=99999999999999999999 HTTP/1.1").request.queryParameters
        #expect(query.get("n") == 12)
        #expect(query.get("f", as: Double.self) == 1.5)
        #expect(query.get("b") == true)
        #expect(query.get("s", as: Int.self) == nil)
        #expect(query.get("big", as: Int.self) == nil)
        #expect(try query.require("n", as: Int.self) == 12)
        #expect(try query.require("s", as: String.self) == "x")
        let missing = #expect(throws: HTTPError.self) { try query.require("m", as: Int.self) }
        #expect(missing?.description == "400 Bad Request: m is missing")
        let wrong = #expect(throws: HTTPError.self) { try query.require("s", as: Int.self) }
        #expect(wrong?.description == "400 Bad Request: s is not valid")
    }

    @Test func `A form is read as its type says`() throws {
        let urlencoded = "application/x-www-form-urlencoded"
        for type in [urlencoded, urlencoded.uppercased(), "\(urlencoded); charset=UTF-8", "\(urlencoded);x"] {
            #expect(pairs(try TestRequest(form: type, "a=1&b=%C3%A9").request.form) == ["a=1", "b=é"])
        }
        for type in ["text/plain", "application/json", "multipart/mixed; boundary=b", "x", "\(urlencoded), text/plain"]
        {
            let test = TestRequest(form: type, "a=1")
            let error = #expect(throws: HTTPError.self) { try test.request.form }
            #expect(error?.status == .unsupportedMediaType)
            #expect(throws: HTTPError.self) { try test.request.files }
        }
        let untyped = TestRequest("POST / HTTP/1.1", body: [0x61])
        #expect(throws: HTTPError.self) { try untyped.request.form }
        let doubtful = TestRequest(
            "POST / HTTP/1.1", "Content-Type: \(urlencoded)", "Content-Type: \(urlencoded)", body: [0x61])
        #expect(throws: HTTPError.self) { try doubtful.request.form }
        #expect(try TestRequest("GET / HTTP/1.1").request.form.isEmpty)
        #expect(try TestRequest("GET / HTTP/1.1").request.files.isEmpty)
    }

    @Test func `A form has at most as many fields as allowed`() throws {
        let options = FormOptions(maxFields: 3)
        let type = "application/x-www-form-urlencoded"
        #expect(try TestRequest(form: type, "a&b&&c", forms: options).request.form.all("c") == [""])
        let error = #expect(throws: HTTPError.self) {
            try TestRequest(form: type, "a&b&c&d", forms: options).request.form
        }
        #expect(error?.description == "413 Payload Too Large: the form has more than 3 fields")
        let query = TestRequest("GET /?a&b&c&d HTTP/1.1", forms: options).request.queryParameters
        #expect(query.nested.keys.sorted() == ["a", "b", "c"])
        let deep = TestRequest("GET /?a[][][][]&b[][][][]&c[][][][][] HTTP/1.1", forms: options).request.queryParameters
        #expect(deep.nested.keys.sorted() == ["a", "b"])
    }

    @Test func `A multipart form has as many fields as allowed, and files beside them`() throws {
        func form(_ fields: Int) -> TestRequest {
            let file = "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n\r\n"
            let field = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
            return TestRequest(
                form: "multipart/form-data; boundary=b",
                String(repeating: file + field, count: fields) + "\(file)--b--\r\n", forms: FormOptions(maxFields: 3))
        }
        #expect(try form(3).request.form.all("a").count == 3)
        for part in ["form", "files"] {
            let error = #expect(throws: HTTPError.self) {
                let request = form(4).request
                if part == "form" { _ = try request.form } else { _ = try request.files }
            }
            #expect(error?.description == "413 Payload Too Large: the form has more than 3 fields")
        }
    }

    @Test func `Brackets in names make arrays and dictionaries`() {
        let query = TestRequest("GET /?a[]=1&a%5B%5D=2&b[k]=3&c=4 HTTP/1.1").request.queryParameters.nested
        #expect(query["a"] == .array([.string("1"), .string("2")]))
        #expect(query["a"]?[1]?.stringValue == "2")
        #expect(query["b"]?["k"]?.stringValue == "3")
        #expect(query["c"]?.stringValue == "4")
        #expect(query["c"]?[0] == nil && query["c"]?["k"] == nil && query["a"]?[2] == nil && query["a"]?[-1] == nil)
    }
}

@Suite struct `Cookies of a request` {
    @Test func `The first of a name counts, from all fields`() {
        let test = TestRequest(
            "GET / HTTP/1.1", "Cookie: SID=31d4d96e407aad42; lang=en-US", "Accept: x", "cookie: lang=de; a=b=c; sid=2")
        let cookies = test.request.cookies
        #expect(cookies["SID"] == "31d4d96e407aad42")
        #expect(cookies["sid"] == "2")
        #expect(cookies["lang"] == "en-US")
        #expect(cookies["a"] == "b=c")
        #expect(cookies["x"] == nil)
        #expect(
            cookies.map { "\($0.name)=\($0.value)" } == [
                "SID=31d4d96e407aad42", "lang=en-US", "lang=de", "a=b=c", "sid=2",
            ])
        #expect(Array(TestRequest("GET / HTTP/1.1").request.cookies.map(\.name)) == [])
    }
}

@Suite struct `What else a request tells` {
    @Test(arguments: [
        ("example.com", "example.com"), ("example.com:8080", "example.com"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"),
        ("1.2.3.4:5", "1.2.3.4"), ("h:", "h"),
    ])
    func `hostName has no port`(_ host: String, _ expected: String) {
        #expect(HTTPRequest.hostName(of: host) == expected)
    }

    @Test(
        arguments: [
            ("/a?b=c", "/a", "b=c", "h"), ("*", "*", "", "h"), ("http://x:8/a/b?c=d?e", "/a/b", "c=d?e", "x:8"),
            ("HTTPS://[::1]", "/", "", "[::1]"), ("http://x?a=1", "/", "a=1", "x"), ("http://x/?", "/", "", "x"),
            ("http://x/http://y/", "/http://y/", "", "x"),
        ] as [(String, String, String, String)])
    func `An absolute target names the host, and has a path`(
        _ target: String, _ path: String, _ query: String, _ host: String
    ) {
        let request = TestRequest("OPTIONS \(target) HTTP/1.1").request
        #expect(request.target == target)
        #expect(request.path == path)
        #expect(request.query == query)
        #expect(request.host == host && request.headers["Host"] == host)
        let pairs = request.queryParameters.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
        #expect(pairs == query)
        #expect(request.pathIs("/") == (path == "/"))
        #expect(request.pathIs("/a/b") == (path == "/a/b"))
        #expect(request.pathIs("*") == (path == "*"))
        #expect(!request.pathIs("http://x/") && !request.pathIs(""))
    }

    @Test func `An absolute target names the host where no field does`() {
        #expect(TestRequest("GET http://x:1/a HTTP/1.0", host: nil).request.host == "x:1")
        #expect(TestRequest("GET /a HTTP/1.0", host: nil).request.host == "")
    }

    @Test func `Trailers are read from behind the body`() {
        let test = TestRequest("POST / HTTP/1.1", body: Array("bodyX-Checksum:   sig   \r\nA: 1\r\na:2\r\n".utf8))
        let start = test.request.bodyStart
        test.request.trailerRange = (start + 4)..<(start + test.request.bodyCount)
        test.request.bodyCount = 4
        let trailers = test.request.trailers
        #expect(trailers["x-checksum"] == "sig   ")
        #expect(trailers["A"] == "1, 2")
        #expect(trailers["b"] == nil)
        #expect(trailers.map(\.name) == ["x-checksum", "a", "a"])
        #expect(TestRequest("GET / HTTP/1.1").request.trailers["a"] == nil)
    }

    /// RFC 9110 §6.5.1.
    @Test func `What belongs into the header is no trailer`() {
        let fields = [
            "Content-Length: 5", "A: 1", "transfer-encoding: chunked", "Host: x", "TRAILER: A", "Content-Type: y",
            "Content-Encoding: gzip", "Content-Range: bytes 0-1/2", "Authorization: Basic x", "Set-Cookie: a=b",
            "Cookie: a=b", "Expires: Wed", "If-Match: *", "Cache-Control: no-store", "Connection: close",
        ]
        let test = TestRequest("POST / HTTP/1.1", body: Array(fields.map { "\($0)\r\n" }.joined().utf8))
        test.request.trailerRange = test.request.bodyStart..<(test.request.bodyStart + test.request.bodyCount)
        #expect(test.request.trailers.map(\.name) == ["a", "expires"])
        #expect(test.request.trailers["Host"] == nil && test.request.trailers["expires"] == "Wed")
    }

    @Test func `The raw head is what was sent`() {
        #expect(TestRequest("GET /?x HTTP/1.1").request.rawHead.string == "GET /?x HTTP/1.1\r\nHost: h\r\n\r\n")
    }

    @Test func `Values can be kept with a request, until it is used again`() {
        enum User: StorageKey { typealias Value = String }
        let request = TestRequest("GET / HTTP/1.1").request
        #expect(request[User.self] == nil)
        request[User.self] = "me"
        #expect(request[User.self] == "me")
        request.recycle()
        #expect(request[User.self] == nil)
    }
}
