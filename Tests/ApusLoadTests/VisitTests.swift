import ApusLoad
import TestSupport
import Testing

/// Requests that are not all the same, and responses that are looked into, on a real nginx that writes down what it is
/// asked.
@Suite(.serialized) struct `Visits of nginx` {
    private static let anything = "location / { return 200 \"asked for $request_uri\"; }"

    private func options(_ server: NginxServer, _ path: String = "/", requests: Int) -> LoadOptions {
        var options = LoadOptions(url: "http://localhost\(path)")
        options.unixPath = server.socket
        options.connections = 3
        options.requests = requests
        return options
    }

    @Test(arguments: [1, 4])
    func `asks several URLs as often as their weights say`(_ depth: Int) throws {
        let requests = try withNginx(Self.anything) { server in
            var options = options(server, "/a", requests: 1000)
            options.furtherURLs = ["http://localhost/b?x", "http://localhost/c"]
            options.weights = [7, 2, 1]
            options.pipelineDepth = depth
            let report = try LoadRun.run(options)
            #expect(report.isSuccess, "\(report.text)")
            #expect(report.requests == 1000)
            #expect(report.text.contains("\n             http://localhost/b?x\n"))
            let urls = try jsonObject(report.json)["urls"] as? [[String: Any]]
            #expect(urls?.compactMap { $0["weight"] as? Int } == [7, 2, 1])
        }
        let counts = Dictionary(grouping: requests, by: { $0.path }).mapValues { $0.count }
        #expect(counts == ["/a": 700, "/b?x": 200, "/c": 100])
    }

    @Test(arguments: [1, 2])
    func `numbers requests without a gap, and fills in rows in turns`(_ processes: Int) throws {
        let data = "user,note\r\nanna,\"a \"\"b\"\", c\"\r\nbert,ä\r\nclea,\r\n"
        let requests = try withNginx("client_max_body_size 1m; location / { proxy_pass http://unix:/nowhere; }") {
            server in
            let file = try Self.file(data)
            let result = try apusLoad(
                "-n", "600", "-c", "4", "-t", "\(processes)", "--unix", server.socket, "--data", file.file("rows.csv"),
                "--body", "{{seq}} {{user}} {{note}}", "--expect-status", "502",
                "http://localhost/{{note}}?n={{seq}}&u={{user}}&r={{random:5-7}}")
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }
        #expect(requests.count == 600)
        var numbers: [Int] = []
        for request in requests {
            #expect(request.method == "POST")
            let query = request.path.split(separator: "?")[1].split(separator: "&").map { $0.split(separator: "=")[1] }
            let number = try #require(Int(query[0]))
            numbers.append(number)
            let (name, note, path) = [
                ("anna", "a \\x22b\\x22, c", "/a%20%22b%22%2C%20c"), ("bert", "\\xC3\\xA4", "/%C3%A4"),
                ("clea", "", "/"),
            ][(number - 1) % 3]
            #expect(query[1] == name)
            #expect(["5", "6", "7"].contains(query[2]))
            #expect(request.path.hasPrefix("\(path)?"))
            #expect(request.body == "\(number) \(name) \(note)")
        }
        // Two processes share the requests; which of them makes how many is settled before.
        #expect(numbers.sorted() == Array(1...600))
        #expect(Set(requests.map { $0.path.suffix(1) }) == ["5", "6", "7"])
    }

    private static func file(_ text: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try writeText(text, to: folder.file("rows.csv"))
        return folder
    }

    @Test(arguments: [1, 4])
    func `keeps the cookies of each connection apart`(_ connections: Int) throws {
        let locations = """
            location = /login {
                add_header Set-Cookie "session=s$connection; Path=/shop; HttpOnly";
                add_header Set-Cookie "seen=1";
                add_header Set-Cookie "gone=1; Max-Age=0";
                return 204;
            }
            location / { return 200 "$http_cookie"; }
            """
        let requests = try withNginx(locations) { server in
            var options = options(server, "/login", requests: 300)
            options.connections = connections
            options.furtherURLs = ["http://localhost/shop/cart", "http://localhost/other"]
            options.keepsCookies = true
            let report = try LoadRun.run(options)
            #expect(report.isSuccess, "\(report.text)")
        }
        var visitors: Set<String> = []
        // The first of them may have met a connection that has not logged in.
        for request in requests {
            let hasLoggedIn = visitors.contains(request.connection)
            switch request.path {
            case "/login": visitors.insert(request.connection)
            case "/other": #expect(request.cookies == (hasLoggedIn ? "seen=1" : ""))
            default: #expect(request.cookies == (hasLoggedIn ? "session=s\(request.connection); seen=1" : ""))
            }
        }
        if connections == 1 { #expect(requests.filter { $0.cookies != "" }.count == 299) }
    }

    @Test func `follows redirects when asked to, as browsers do`() throws {
        let locations = """
            location = /start { return 302 /folder/../second?x=1; }
            location = /second { return 307 http://localhost/third; }
            location = /third { return 200 "there"; }
            """
        let requests = try withNginx(locations) { server in
            var options = options(server, "/start", requests: 50)
            options.body = Array("posted".utf8)
            options.headers = [try HeaderField("Content-Type: text/plain")]
            options.followsRedirects = true
            options.expectation.body = Array("there".utf8)
            let report = try LoadRun.run(options)
            #expect(report.isSuccess, "\(report.text)")
            #expect(report.requests == 50)
            #expect(report.redirects == 100)
            #expect(report.statuses[2] == 50)
        }
        #expect(requests.count == 150)
        #expect(requests.filter { $0.path == "/start" }.allSatisfy { $0.method == "POST" && $0.bodyLength == 6 })
        #expect(requests.filter { $0.path == "/second?x=1" }.allSatisfy { $0.method == "GET" && $0.bodyLength == nil })
        #expect(requests.filter { $0.path == "/third" }.count == 50)
    }

    @Test(arguments: [true, false])
    func `follows redirects over new connections`(_ keepsAlive: Bool) throws {
        let locations = """
            keepalive_timeout 0;
            location = /start { return 301 third; }
            location = /third { return 200 "there"; }
            """
        try withNginx(locations) { server in
            var options = options(server, "/start", requests: 40)
            options.followsRedirects = true
            options.keepsAlive = keepsAlive
            let report = try LoadRun.run(options)
            #expect(report.isSuccess, "\(report.text)")
            #expect(report.redirects == 40)
            #expect(report.connectionsOpened == 80)
        }
    }

    @Test func `does not follow redirects unasked, in circles, or to other servers`() throws {
        let locations = """
            location = /circle { return 302 /circle; }
            location = /away { return 302 http://192.0.2.1/; }
            """
        let requests = try withNginx(locations) { server in
            var options = options(server, "/circle", requests: 2)
            options.connections = 1
            let plain = try LoadRun.run(options)
            #expect(plain.isSuccess)
            #expect(plain.statuses[3] == 2)
            options.followsRedirects = true
            let circle = try LoadRun.run(options)
            #expect(circle.errors(.unexpected) == 2)
            #expect(circle.cause(of: .unexpected) == "more than 10 redirects")
            options.url = "http://localhost/away"
            let away = try LoadRun.run(options)
            #expect(away.errors(.unexpected) == 2)
            #expect(away.cause(of: .unexpected) == "a redirect to another server")
        }
        #expect(requests.count == 2 + 2 * 11 + 2)
    }

    @Test(arguments: [1, 8])
    func `counts what it did not expect as errors`(_ depth: Int) throws {
        let locations = """
            location = /good { return 200 "all is well"; }
            location = /strange { return 200 "all is wel"; }
            location = /missing { return 404 "all is well"; }
            """
        try withNginx(locations) { server in
            let result = try apusLoad(
                "-n", "400", "-c", "2", "--pipeline", "\(depth)", "--json", "--unix", server.socket, "--weights",
                "2,1,1", "--expect-status", "2xx", "--expect-body", "is well", "http://localhost/good",
                "http://localhost/strange", "http://localhost/missing")
            #expect(result.status == 1)
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 200)
            #expect((report["status"] as? [String: Int])?["2xx"] == 200)
            #expect((report["errors"] as? [String: Int])?["unexpected"] == 200)
            #expect((report["errors"] as? [String: Int])?["total"] == 200)
        }
    }

    @Test func `finds what it expects however the body is cut`() throws {
        try withNginx("location / { return 200 \"aaaaaaab\"; }") { server in
            for (wanted, isThere) in [("aaab", true), ("aaaaaaab", true), ("aaaaaaaab", false), ("ba", false)] {
                var options = options(server, requests: 10)
                options.expectation.body = Array(wanted.utf8)
                let report = try LoadRun.run(options)
                #expect(report.isSuccess == isThere, "\(wanted)")
            }
        }
    }

    @Test func `visits at a rate, too`() throws {
        let requests = try withNginx(Self.anything) { server in
            var options = options(server, "/{{seq}}", requests: 500)
            options.rate = 5000
            let report = try LoadRun.run(options)
            #expect(report.isSuccess, "\(report.text)")
            #expect(report.requests == 500)
        }
        #expect(Set(requests.map { $0.path }).count == 500)
    }

    @Test func `does it from the command line, too`() throws {
        let locations = """
            location = /start {
                add_header Set-Cookie "seen=1";
                return 302 /there;
            }
            location = /there { return 200 "$http_cookie"; }
            """
        let requests = try withNginx(locations) { server in
            let result = try apusLoad(
                "--cookies", "--follow-redirects", "--expect-body", "seen=1", "--timeout", "20s", "--warm-up", "100ms",
                "--duration", "300ms", "--json", "--unix", server.socket, "http://localhost/start")
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["redirects"] as? Int ?? 0 > 0)
            #expect(report["warm_up_seconds"] as? Double == 0.1)
        }
        #expect(requests.filter { $0.path == "/there" }.allSatisfy { $0.cookies == "seen=1" })
    }

    @Test(arguments: [true, false])
    func `resumes sessions, or not`(_ resumes: Bool) throws {
        try withExampleServer("https") { server in
            let result = try apusLoad(
                ["--insecure", "--no-keepalive", "-n", "50", "-c", "1", "--json", server.url]
                    + (resumes ? [] : ["--no-resumption"]))
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["handshakes"] as? Int == 50)
            #expect((report["resumptions"] as? Int ?? 0 > 40) == resumes)
            #expect(resumes || report["resumptions"] as? Int == 0)
        }
    }

    private struct Purchase: LoadScenario {
        private var step = 0

        nonisolated mutating func next(after response: LoadResponse?) -> LoadRequest? {
            step += 1
            switch step {
            case 1: return LoadRequest("/login", method: "POST", body: Array("user=1".utf8))
            case 2:
                guard response?.status == 201, let cart = response?.header("x-cart") else { return nil }
                return LoadRequest("/cart/" + cart)
            case 3: return LoadRequest("/pay?" + String(decoding: response?.body ?? [], as: UTF8.self))
            default: return nil
            }
        }
    }

    @Test func `does what a scenario says, visit after visit`() throws {
        let locations = """
            location = /login {
                add_header X-Cart 17;
                add_header Set-Cookie "session=1" always;
                return 201;
            }
            location = /cart/17 { return 200 "sum=9"; }
            location /pay { return 204; }
            """
        let requests = try withNginx(locations) { server in
            var options = options(server, requests: 30)
            options.connections = 1
            options.keepsCookies = true
            let report = try LoadRun.run(options, scenario: { Purchase() })
            #expect(report.isSuccess, "\(report.text)")
            #expect(report.requests == 30)
        }
        let visits = stride(from: 0, to: requests.count, by: 3).map {
            Array(requests[$0..<min($0 + 3, requests.count)])
        }
        #expect(visits.count == 10)
        for visit in visits {
            #expect(visit.map { $0.path } == ["/login", "/cart/17", "/pay?sum=9"])
            #expect(visit.map { $0.cookies } == ["", "session=1", "session=1"])
            #expect(visit[0].bodyLength == 6)
        }
    }
}
