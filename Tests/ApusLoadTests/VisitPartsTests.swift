import ApusProtocols
import Testing

@testable import ApusLoad

@Suite struct `Templates, data, cookies and redirects` {
    private func rendered(_ text: String, in place: Template.Place, sequence: UInt64 = 7) throws -> String {
        let template = try Template(Array(text.utf8), in: place, columns: ["name", "a-b"])
        var bytes: [UInt8] = []
        template.append(to: &bytes, sequence: sequence, row: ["x y/ü", "~"])
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `placeholders become values, and other braces stay`() throws {
        #expect(try rendered("{{seq}}-{{name}}{{a-b}}", in: .body) == "7-x y/ü~")
        #expect(try rendered("/{{name}}?{{a-b}}", in: .path) == "/x%20y%2F%C3%BC?~")
        #expect(try rendered("{{seq}}", in: .fields, sequence: 18_446_744_073_709_551_615) == "18446744073709551615")
        for text in ["{{}}", "{{ seq }}", "{{seq}", "{seq}}", "{{", "{\"a\":{\"b\":{}}}", ""] {
            #expect(try rendered(text, in: .body) == text)
        }
        #expect(try rendered("{{{seq}}}", in: .body) == "{7}")
        #expect(try (0..<50).allSatisfy { _ in try ["3", "4"].contains(rendered("{{random:3-4}}", in: .body)) })
        for text in ["{{nobody}}", "{{random:2-1}}", "{{random:1}}", "{{random:a-b}}", "{{SEQ}}"] {
            #expect(throws: LoadOptionsError.self) { try rendered(text, in: .body) }
        }
    }

    @Test func `data is read as RFC 4180 has it`() throws {
        let data = try LoadData(csv: "a,b\n1,\"x,\r\n\"\"y\"\"\"\r\n,\n\n\"\",3")
        #expect(data.columns == ["a", "b"])
        #expect(data.rows == [["1", "x,\r\n\"y\""], ["", ""], ["", "3"]])
        for (text, reason) in [
            ("", "empty"), ("a,b\n1", "1 values for 2 columns"), ("a\n\"x", "quote"), ("a b\n1", "no name"),
            ("seq\n1", "meaning"), ("a\n", "no row"),
        ] {
            let error = #expect(throws: LoadOptionsError.self) { try LoadData(csv: text) }
            #expect(error?.description.contains(reason) == true, "\(text): \(error?.description ?? "")")
        }
    }

    @Test func `cookies are kept, replaced, removed, and sent where they belong`() throws {
        var jar = CookieJar()
        let now = HTTPTime(seconds: 1_000_000_000)
        func take(_ field: String, _ path: String = "/x/y") { jar.take(field, requestPath: path, now: now) }
        take("a=1; Path=/")
        take("b = two words ;path=/shop;Secure")
        take("c=3")
        take("d=4; Expires=Wed, 01 Jan 2020 00:00:00 GMT; Path=/")
        take("gone=1; Expires=Wed, 01 Jan 1990 00:00:00 GMT; Path=/")
        take("late=1; Max-Age=10; Expires=Wed, 01 Jan 1990 00:00:00 GMT; Path=/")
        take("=nameless")
        take("nothing")
        #expect(jar.field(for: "/") == "a=1; d=4; late=1")
        #expect(jar.field(for: "/shop/cart?x=/x/") == "b=two words; a=1; d=4; late=1")
        #expect(jar.field(for: "/shopping") == "a=1; d=4; late=1")
        #expect(jar.field(for: "/x/z") == "c=3; a=1; d=4; late=1")
        take("a=9; Path=/")
        take("d=; Max-Age=-1; Path=/")
        take("late=1; Max-Age=0; Path=/")
        #expect(jar.field(for: "/") == "a=9")
        for number in 0..<200 { take("n\(number)=1; Path=/") }
        #expect(jar.field(for: "/").split(separator: ";").count == 50)
    }

    @Test(arguments: [
        ("/a/../b?c=../d#e", "/b?c=../d"), ("x", "/p/x"), ("./", "/p/"), ("../../..", "/"), ("?y", "/p/q?y"),
        ("", "/p/q?z"), ("http://h:81/n", "/n"), ("HTTP://H:81", "/"), ("//h:81?k", "/?k"), ("a:b", nil),
        ("https://h:81/", nil), ("http://other/", nil), ("http:/x", nil), ("//h/", nil), ("/a/./b/", "/a/b/"),
    ])
    func `redirects lead where RFC 3986 says`(_ location: String, _ path: String?) {
        let target = RedirectTarget(location, from: "/p/q?z", authority: "h:81", isSecure: false)
        #expect(target == (path.map { .path($0) } ?? .elsewhere))
    }

    @Test func `default ports are no other server`() {
        let target = RedirectTarget("https://h:443/x", from: "/", authority: "h", isSecure: true)
        #expect(target == .path("/x"))
    }

    @Test(arguments: [("200", 200), ("2xx", 299), ("200-204,404", 404), ("5XX", 500)])
    func `statuses are read as people write them`(_ text: String, _ allowed: UInt16) throws {
        var expectation = LoadExpectation()
        expectation.statuses = try LoadExpectation.statuses(text)
        #expect(expectation.allows(allowed))
        #expect(!expectation.allows(301))
    }

    @Test(arguments: ["", "20", "6xx", "xx", "204-200", "200,", "200-204-206", "two"])
    func `other statuses are refused`(_ text: String) {
        #expect(throws: LoadOptionsError.self) { try LoadExpectation.statuses(text) }
    }

    @Test func `a plan comes whole to another process`() throws {
        var options = LoadOptions(url: "http://127.0.0.1:1/{{a}}")
        options.furtherURLs = ["http://127.0.0.1:1/b"]
        options.weights = [2, 1]
        options.data = try LoadData(csv: "a\nx\ny")
        options.keepsCookies = true
        options.followsRedirects = true
        options.expectation.statuses = [200...204]
        options.expectation.body = [1, 2]
        let share = try options.plan().divided(among: 2)[1]
        let copy = try #require(LoadPlan(decoding: share.encoded)?.visit)
        let original = try #require(share.visit)
        #expect(copy.requests == original.requests)
        #expect(copy.weights == [2, 1])
        #expect(copy.data == original.data)
        #expect(copy.expectation == original.expectation)
        #expect(copy.keepsCookies && copy.keepsAlive && copy.mostRedirects == 10)
        #expect(copy.authority == "127.0.0.1:1")
        #expect((copy.sequenceStart, copy.sequenceStep) == (2, 2))
    }

    @Test(arguments: ["ws", "text", "tcp"])
    func `what is of HTTP alone is refused elsewhere`(_ scheme: String) {
        let changes: [(inout LoadOptions) -> Void] = [
            { $0.keepsCookies = true }, { $0.followsRedirects = true }, { $0.expectation.statuses = [200...200] },
            { $0.furtherURLs = ["\(scheme)://127.0.0.1:1"] },
        ]
        for change in changes {
            var options = LoadOptions(url: "\(scheme)://127.0.0.1:1")
            change(&options)
            #expect(throws: LoadOptionsError.self) { try options.validate() }
        }
    }

    @Test func `what does not go together is refused`() throws {
        let changes: [(inout LoadOptions) -> Void] = [
            { $0.weights = [1, 2] }, { $0.weights = [0] }, { $0.furtherURLs = ["http://127.0.0.2:1/"] },
            { $0.furtherURLs = ["https://127.0.0.1:1/"] }, { $0.expectation.body = [] },
            { ($0.followsRedirects, $0.pipelineDepth) = (true, 2) },
            { ($0.keepsCookies, $0.headers) = (true, (try? [HeaderField("Cookie: a=1")]) ?? []) },
            { $0.url = "http://127.0.0.1:1/{{column}}" },
            { options in
                options.data = try? LoadData(csv: "a\n\"x\r\nEvil: 1\"")
                options.headers = (try? [HeaderField("X: {{a}}")]) ?? []
            },
        ]
        for (index, change) in changes.enumerated() {
            var options = LoadOptions(url: "http://127.0.0.1:1/")
            change(&options)
            #expect(throws: LoadOptionsError.self, "\(index)") { try options.validate() }
        }
    }
}
