import Glibc
import TestSupport
import Testing

/// What a served folder answers: pages of its own, compressed files, hosts, and the answers around the files.
@Suite struct SiteAnswerTests {
    @Test(arguments: Setup.eachBackend)
    func rangesAndConditionsAreFollowed(_ setup: Setup) async throws {
        // From memory, and from the disk.
        for options in [[], ["--cached-bytes", "0"]] {
            try await withSite(setup, options + ["--cache-control", "max-age=60"]) { server, folder in
                let text = "0123456789" * 10_000
                try folder.write(text, to: "f.txt")
                try folder.write("page", to: "p.html")
                try folder.write("", to: "empty.css")
                let client = try server.connect()
                for _ in 0..<2 {
                    let whole = try client.get("/f.txt")
                    #expect(whole.status == 200 && whole.text == text && whole["Cache-Control"] == "max-age=60")
                    #expect(whole["Content-Type"] == "text/plain" && whole["X-Site"] == "first")
                    #expect(whole["Vary"] == nil && whole.count("Date") == 1)
                    let tag = try #require(whole["ETag"])
                    let head = try client.request("HEAD /f.txt", toHead: true)
                    #expect(head.status == 200 && head["Content-Length"] == "100000" && head["ETag"] == tag)
                    let part = try client.request("GET /f.txt", ["Range: bytes=5-14"])
                    #expect(part.status == 206 && part.text == "5678901234" && part["X-Site"] == "first")
                    #expect(part["Content-Range"] == "bytes 5-14/100000")
                    let parts = try client.request("GET /f.txt", ["Range: bytes=0-1,50-51"])
                    #expect(parts.status == 206 && parts["Content-Type"]?.hasPrefix("multipart/byteranges") == true)
                    let same = try client.request("GET /f.txt", ["If-None-Match: \(tag)"])
                    #expect(same.status == 304 && same["ETag"] == tag && same["Cache-Control"] == "max-age=60")
                    #expect(try client.request("GET /f.txt", ["If-Match: \"x\""]).status == 412)
                    #expect(try client.request("GET /f.txt", ["Range: bytes=100000-"]).status == 416)
                    #expect(try client.get("/p.html")["Cache-Control"] == "no-cache")
                    #expect(try client.get("/empty.css").body.isEmpty)
                }
            }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func othersThanGetAreRefusedWhereAFileIs(_ setup: Setup) async throws {
        try await withSite(setup, ["--fallback", "index.html"]) { server, folder in
            try folder.write("index", to: "index.html")
            let client = try server.connect()
            for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
                for target in ["/", "/index.html"] {
                    let reply = try client.request("\(method) \(target)", ["Content-Length: 0"])
                    #expect(reply.status == 405 && reply["Allow"] == "GET, HEAD" && reply["X-Site"] == "first")
                }
                #expect(try client.request("\(method) /none", ["Content-Length: 0"]).status == 404)
                #expect(try client.request("\(method) /behind", ["Content-Length: 0"]).text == "behind the files")
            }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func filesHaveTheirPlaceAmongOtherAnswers(_ setup: Setup) async throws {
        try await withSite(setup, ["--page", "/404.html"]) { server, folder in
            try folder.write("of the files", to: "before")
            try folder.write("of the files", to: "behind")
            try folder.write("nothing here", to: "404.html")
            let client = try server.connect()
            #expect(try client.get("/before").text == "before the files")
            #expect(try client.get("/behind").text == "of the files")
            #expect(try client.get("/behind2").text == "behind the files")
            let refused = try client.get("/refused")
            #expect(refused.status == 403 && refused.text == "not for you")
            for target in ["/none", "/../x", "/.hidden"] {
                let none = try client.get(target)
                #expect(none.status == 404 && none.text == "nothing here" && none["Content-Type"] == "text/html")
                #expect(none["ETag"] == nil && none["Cache-Control"] == nil && none["X-Site"] == "first")
            }
            #expect(try client.request("HEAD /none", toHead: true)["Content-Length"] == "12")
            unlink(folder.file("404.html"))
            #expect(try client.get("/none").text == "<h3>404 Not Found</h3>")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func applicationsOfOnePageReadThePath(_ setup: Setup) async throws {
        try await withSite(setup, ["--fallback", "index.html"]) { server, folder in
            try folder.write("app", to: "index.html")
            try folder.write("script", to: "app.js")
            let client = try server.connect()
            for target in ["/", "/index.html", "/users/7", "/users/", "/a/b/c?d"] {
                let reply = try client.get(target)
                #expect(reply.status == 200 && reply.text == "app" && reply["Cache-Control"] == "no-cache", "\(target)")
            }
            #expect(try client.get("/app.js").text == "script")
            for target in ["/none.js", "/.x", "/../x", "/%00"] { #expect(try client.get(target).status == 404) }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func compressedFilesGoToWhoTakesThem(_ setup: Setup) async throws {
        try await withSite(setup) { server, folder in
            try folder.write("as it is", to: "both.js")
            try folder.write("gzip", to: "both.js.gz")
            try folder.write("brotli", to: "both.js.br")
            try folder.write("as it is", to: "one.css")
            try folder.write("gzip", to: "one.css.gz")
            try folder.write("gzip", to: "none.txt.gz")
            let client = try server.connect()
            for (accept, both, one) in [
                (nil, "as it is", "as it is"), ("", "as it is", "as it is"), ("gzip", "gzip", "gzip"),
                ("br", "brotli", "as it is"), ("gzip, deflate, br, zstd", "brotli", "gzip"),
                ("gzip;q=1.0, br;q=0.5", "gzip", "gzip"), ("GZIP", "gzip", "gzip"), ("x-gzip", "gzip", "gzip"),
                ("*", "brotli", "gzip"), ("*;q=0.5, br;q=0", "gzip", "gzip"),
                ("gzip;q=0, br;q=0", "as it is", "as it is"),
                ("gzip;q=0", "as it is", "as it is"), ("identity", "as it is", "as it is"),
                ("gzip;q=0.5, identity", "as it is", "as it is"), ("identity;q=0.5, gzip;q=0.5", "gzip", "gzip"),
                ("identity;q=0", "as it is", "as it is"), ("gzip;q=0.001", "gzip", "gzip"),
                ("gzip;q=2", "as it is", "as it is"), ("gzip;q=x", "as it is", "as it is"),
                ("gzip ; q=1", "gzip", "gzip"),
                ("deflate", "as it is", "as it is"), (",,gzip,", "gzip", "gzip"),
            ] as [(String?, String, String)] {
                let fields = accept.map { ["Accept-Encoding: \($0)"] } ?? []
                let first = try client.request("GET /both.js", fields)
                #expect(first.text == both, "\(accept ?? "nothing")")
                #expect(first["Content-Encoding"] == ["gzip": "gzip", "brotli": "br"][both])
                #expect(first["Content-Type"] == "application/javascript" && first["Vary"] == "Accept-Encoding")
                let second = try client.request("GET /one.css", fields)
                #expect(second.text == one && second["Content-Type"] == "text/css", "\(accept ?? "nothing")")
            }
            let tags = try ["br", "gzip", "x"].map {
                try #require(client.request("GET /both.js", ["Accept-Encoding: \($0)"])["ETag"])
            }
            #expect(Set(tags).count == 3)
            let known = ["Accept-Encoding: br", "If-None-Match: \(tags[0])"]
            let same = try client.request("GET /both.js", known)
            #expect(same.status == 304 && same["Vary"] == "Accept-Encoding")
            #expect(try client.request("GET /both.js", ["If-None-Match: \(tags[0])"]).text == "as it is")
            let part = try client.request("GET /both.js", ["Accept-Encoding: br", "Range: bytes=0-1"])
            #expect(part.status == 206 && part.text == "br" && part["Content-Range"] == "bytes 0-1/6")
            #expect(try client.get("/none.txt").status == 404)
            #expect(try client.get("/none.txt.gz")["Content-Type"] == "application/gzip")
            unlink(folder.file("both.js.br"))
            #expect(try client.request("GET /both.js", ["Accept-Encoding: br, gzip"]).text == "gzip")
            try folder.write("as it is, longer", to: "both.js")
            unlink(folder.file("both.js.gz"))
            let plain = try client.request("GET /both.js", ["Accept-Encoding: br, gzip"])
            #expect(plain.text == "as it is, longer" && plain["Vary"] == nil)
        }
        try await withSite(setup, ["--plain", "1"]) { server, folder in
            try folder.write("as it is", to: "a.js")
            try folder.write("gzip", to: "a.js.gz")
            let reply = try server.connect().request("GET /a.js", ["Accept-Encoding: gzip"])
            #expect(reply.text == "as it is" && reply["Vary"] == nil)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func hostsHaveFoldersOfTheirOwn(_ setup: Setup) async throws {
        let other = try SiteFolder()
        try other.write("second", to: "a.txt")
        try await withSite(setup, ["--host", "Second.example=\(other.root)"]) { server, folder in
            try folder.write("first", to: "a.txt")
            let client = try server.connect()
            for (host, text) in [
                ("first.example", "first"), ("second.example", "second"), ("SECOND.EXAMPLE:8080", "second"),
                ("unknown.example", "first"), ("second.example.evil", "first"), ("[::1]:80", "first"),
            ] {
                try client.send("GET /a.txt HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                let reply = try client.readReply()
                #expect(reply.text == text, "\(host)")
                #expect(reply["X-Site"] == (text == "first" ? "first" : nil))
            }
            try client.send("GET /a.txt HTTP/1.0\r\n\r\n")
            #expect(try client.readReply().text == "first")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func listsNameWhatIsThere(_ setup: Setup) async throws {
        try await withSite(setup, ["--browse", "1"]) { server, folder in
            let names = [
                "<script>alert(1)</script>", "\"quoted\" 'too' &amp;", "line\nbreak", "Ünïcödé 🐦",
                "javascript:alert(1)",
                "100%", "a b+c#d?e", "B", "a",
            ].map { $0.replacing("/", with: "\u{2215}") }
            for name in names { try folder.write("content of \(name)", to: name) }
            let raw: [CChar] = Array((folder.root + "/").utf8CString.dropLast()) + [-1, -2, 0x2E, 0x74, 0]
            close(open(raw, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644))
            folder.makeFolder("zoo")
            try folder.write("1" * 1500, to: "zoo/large.bin")
            try folder.write("hidden", to: ".hidden")
            folder.link("outside", to: "/etc/passwd")
            let client = try server.connect()
            let reply = try client.get("/")
            #expect(reply.status == 200 && reply["Content-Type"] == "text/html;charset=utf-8")
            let page = reply.text
            #expect(!page.contains("<script") && !page.contains("hidden") && !page.contains("outside"))
            #expect(!page.contains("../") && page.contains("&quot;quoted&quot; &#39;too&#39; &amp;amp;"))
            #expect(page.contains("href=\"./javascript%3Aalert%281%29\"") && page.contains("href=\"./%FF%FE.t\""))
            let links = page.split(separator: "href=\"").dropFirst().map { $0.prefix { $0 != "\"" } }
            #expect(links.count == names.count + 2 && links[0] == "./zoo/")
            for name in names where name != "zoo" {
                let found = try links.contains { try client.get("/" + $0.dropFirst(2)).text == "content of \(name)" }
                #expect(found, "\(name)")
            }
            #expect(try client.get("/%ff%fe.t").status == 200)
            let inner = try client.get("/zoo/").text
            #expect(inner.contains("href=\"../\"") && inner.contains(">1.5 kB<") && inner.contains("<h1>/zoo/</h1>"))
            try folder.write("index", to: "zoo/index.html")
            #expect(try client.get("/zoo/").text == "index")
            #expect(try client.request("HEAD /", toHead: true).status == 200)
        }
    }

    /// Folders first, then by name, whatever the case; those that differ in that alone stay beside each other.
    @Test func listsAreInOrder() async throws {
        try await withSite(Setup.eachBackend[0], ["--browse", "1"]) { server, folder in
            for name in ["b", "A", "a", "é", "É", "ab", "_", "Z", "10", "9", "a b"] { try folder.write("", to: name) }
            for name in ["y", "Zoo", "a", "A b", "a-b"] { folder.makeFolder("f-\(name)") }
            let page = try server.connect().get("/").text
            let links = page.split(separator: "href=\"./").dropFirst().map { String($0.prefix { $0 != "\"" }) }
            #expect(
                links == [
                    "f-A%20b/", "f-a-b/", "f-a/", "f-y/", "f-Zoo/", "10", "9", "_", "A", "a", "a%20b", "ab", "b", "Z",
                    "%C3%89", "%C3%A9",
                ])
        }
    }

    @Test(arguments: [false, true])
    func logsCannotBeForged(_ isJSON: Bool) async throws {
        let log = try TemporaryFolder()
        let options = ["--log", log.file("access")] + (isJSON ? ["--json-lines", "1"] : [])
        try await withSite(Setup.eachBackend[0], options) { server, folder in
            try folder.write("text", to: "a.txt")
            let client = try server.connect()
            _ = try client.request("GET /a.txt?q=\"\\x", ["User-Agent: a\" 200 - \"b\\", "Referer: http://é.example/"])
            _ = try client.request("HEAD /a.txt", toHead: true)
            _ = try client.get("/none")
            #expect(try server.nextEvents(3) == ["access 200 4 12", "access 200 0 6", "access 404 22 5"])
            try server.finish()
            let lines = log.text("access").split(separator: "\n")
            #expect(lines.count == 3)
            if isJSON {
                #expect(lines[0].contains("\"target\": \"/a.txt?q=\\\"\\\\x\""))
                #expect(lines[0].contains("\"user_agent\": \"a\\\" 200 - \\\"b\\\\\""))
                #expect(lines[0].contains("\"status\": 200, \"bytes\": 4"))
            } else {
                #expect(lines[0].hasPrefix("127.0.0.1 - - [") && lines[0].contains(" +0000] \"GET "))
                #expect(
                    lines[0].hasSuffix(
                        "\"GET /a.txt?q=\\x22\\x5Cx HTTP/1.1\" 200 4 \"http://\\xC3\\xA9.example/\" "
                            + "\"a\\x22 200 - \\x22b\\x5C\""))
                #expect(lines[1].hasSuffix("\"HEAD /a.txt HTTP/1.1\" 200 - \"-\" \"-\""))
                #expect(lines[2].hasSuffix("\"GET /none HTTP/1.1\" 404 22 \"-\" \"-\""))
            }
        }
    }
}
