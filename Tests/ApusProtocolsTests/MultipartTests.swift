import ApusProtocols
import RequestCases
import Testing

@Suite struct `Multipart bodies` {
    /// RFC 7578 has no whole example; this is that of RFC 2388 §4.2 without its nested part, and what a browser sends.
    @Test func `are cut into fields and files`() {
        let body = """
            --AaB03x\r
            content-disposition: form-data; name="field1"\r
            content-type: text/plain;charset=windows-1250\r
            content-transfer-encoding: 8BIT\r
            \r
            Joe owes 100.\r
            --AaB03x\r
            Content-Disposition: form-data; name="pics"; filename="file1.txt"\r
            Content-Type: text/plain\r
            \r
            ... contents of file1.txt ...\r
            --AaB03x--\r

            """
        let expected = [
            SeenPart("field1", "Joe owes 100.", type: "text/plain;charset=windows-1250"),
            SeenPart("pics", "... contents of file1.txt ...", fileName: "file1.txt", type: "text/plain"),
        ]
        #expect(seen(body, boundary: "AaB03x") == .success(expected))
    }

    @Test(
        arguments: [
            ("--b--", []), ("--b--\r\n", []), ("preamble\r\n--b--", []), ("\r\n--b--", []),
            (part("name=a", "1") + "--b--", [SeenPart("a", "1")]),
            (part("name=a", "1") + part("name=a", "2") + "--b--\r\n", [SeenPart("a", "1"), SeenPart("a", "2")]),
            ("a preamble\r\n--bx\r\n" + part("name=a", "1") + "--b--", [SeenPart("a", "1")]),
            (part("name=a", "1") + "--b--\r\nan epilogue\r\n--b\r\n--b--", [SeenPart("a", "1")]),
            // Blanks behind a boundary (RFC 2046 §5.1.1, transport-padding).
            (part("name=a", "1").replacing("--b", with: "--b \t ") + "--b-- \t", [SeenPart("a", "1")]),
            // Empty contents, with their own line and without.
            (part("name=a", "") + "--b--", [SeenPart("a", "")]),
            ("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--", [SeenPart("a", "")]),
            (part("name=a", "\r\n") + "--b--", [SeenPart("a", "\r\n")]),
            (part("name=a", "1\r\n\r\n") + "--b--", [SeenPart("a", "1\r\n\r\n")]),
            // What only looks like a boundary.
            (part("name=a", "x--b\r\n") + "--b--", [SeenPart("a", "x--b\r\n")]),
            (
                part("name=a", "\r\n--bb\r\n--B\r\n-b\r\n --b\r\n--b-\r\n--b--x\r\n--b x") + "--b--",
                [SeenPart("a", "\r\n--bb\r\n--B\r\n-b\r\n --b\r\n--b-\r\n--b--x\r\n--b x")]
            ),
            (
                part("name=a", "1\n--b\n2\r--b\r3\r\n--b\n4\r\n--b\r5") + "--b--",
                [SeenPart("a", "1\n--b\n2\r--b\r3\r\n--b\n4\r\n--b\r5")]
            ),
            (part("name=a", "\r\r\n\r") + "--b--", [SeenPart("a", "\r\r\n\r")]),
        ] as [(String, [SeenPart])])
    func `end their parts at lines that are the boundary`(_ body: String, _ expected: [SeenPart]) {
        #expect(seen(body) == .success(expected))
    }

    @Test(arguments: [
        "b", "-", "--", "a-b", String(repeating: "x", count: 70), "'()+_,-./:=?0", "a b",
        "----WebKitFormBoundary7MA4YWxk",
    ])
    func `may have any boundary`(_ boundary: String) {
        let body = part("name=a", "1\r\n--", boundary: boundary) + "--\(boundary)--"
        #expect(seen(body, boundary: boundary) == .success([SeenPart("a", "1\r\n--")]))
        #expect(seen(body + "x", boundary: boundary) == .failure(.truncated))
    }

    @Test(arguments: [
        ("", MultipartError.noBoundary), ("x", .noBoundary), ("--b", .noBoundary), ("--c\r\n", .noBoundary),
        (" --b\r\n", .noBoundary), ("\n--b\r\n", .noBoundary), ("--b\n", .noBoundary), ("--b-", .noBoundary),
        ("--b\r\n", .truncated), ("--b\r\nA: b", .truncated), ("--b\r\nA: b\r", .truncated),
        ("--b\r\nA: b\r\n", .truncated),
        ("--b\r\n\r\n", .malformedPart), ("--b\r\nA: b\r\n\r\n--b--", .malformedPart),
        ("--b\r\n--b--\r\n", .malformedPart),
        ("--b\r\nContent-Disposition: form-data; name=a\r\n--b--\r\n", .malformedPart),
        (part("name=a", "1"), .truncated), (part("name=a", "1") + "--b", .truncated),
        (part("name=a", "1") + "--b-", .truncated), (part("name=a", "1") + "--b--x", .truncated),
        (part("name=a", "1").replacing("\r\n", with: "\n") + "--b--", .noBoundary),
    ])
    func `are refused when they do not end`(_ body: String, _ error: MultipartError) {
        #expect(seen(body) == .failure(error))
    }

    @Test func `are not complete at any earlier byte`() {
        let whole = part("name=a", "1\r\n--b\r") + part("name=\"f\"; filename=\"x\"", "\r\n\r\n") + "--b--"
        for count in 0..<whole.utf8.count {
            let body = String(decoding: whole.utf8.prefix(count), as: UTF8.self)
            #expect(seen(body) == .failure(count < 5 ? .noBoundary : .truncated), "\(count)")
        }
        #expect(seen(whole) == .success([SeenPart("a", "1\r\n--b\r"), SeenPart("f", "\r\n\r\n", fileName: "x")]))
    }

    /// A content is handed on as it comes; only what may become a delimiter waits.
    @Test func `take little memory while they arrive`() throws {
        var stream = MultipartStream(boundary: Array("b".utf8))
        var counts: [Int] = []
        for piece in ["--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n", "12345", "678\r\n--", "x"] {
            try Array(piece.utf8).withUnsafeBytes { bytes in
                try stream.feed(bytes) { if case .content(let bytes) = $0 { counts.append(bytes.count) } }
            }
        }
        #expect(counts == [5, 3, 5])
        let blanks = [UInt8](repeating: 0x20, count: 10_000)
        #expect(seenArriving([Array("--b".utf8)[...], blanks[...]]) == .failure(.headTooLarge))
    }

    @Test func `keep every byte of their contents`() {
        let every = (0...255).map { UInt8($0) }
        for content in [every, every.reversed(), every + every, Array("\r\n--".utf8) + every] {
            let head = Array("--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n".utf8)
            let parts = try? parse(head + content + Array("\r\n--b--".utf8)).get()
            #expect(parts?.map(\.content) == [head.count..<(head.count + content.count)])
            #expect(parts?.map(\.head) == [5..<head.count])
        }
    }

    @Test func `are bounded`() {
        var limits = MultipartLimits(maxParts: 2, maxHeadBytes: 50, maxNameBytes: 3)
        let two = part("name=a", "1") + part("name=b", "2")
        #expect(throws: Never.self) { try parse(raw(two + "--b--"), limits: limits).get() }
        #expect(parse(raw(two + part("name=c", "3") + "--b--"), limits: limits) == .failure(.tooManyParts))
        #expect(parse(raw(two + "--b\r\n"), limits: limits) == .failure(.tooManyParts))
        #expect(throws: Never.self) { try parse(raw(part("name=abc", "1") + "--b--"), limits: limits).get() }
        #expect(parse(raw(part("name=abcd", "1") + "--b--"), limits: limits) == .failure(.nameTooLong))
        #expect(throws: Never.self) { try parse(raw(part("name=é2", "1") + "--b--"), limits: limits).get() }
        #expect(parse(raw(part("name=é23", "1") + "--b--"), limits: limits) == .failure(.nameTooLong))
        // With an empty line at its end the header has 46 bytes and `count`.
        for count in 0..<40 {
            let head =
                "--b\r\nContent-Disposition: form-data; name=a\r\nA:\(String(repeating: "x", count: count))\r\n\r\n"
            let result = parse(raw(head + "\r\n--b--"), limits: limits)
            #expect((result == .failure(.headTooLarge)) == (count > 4), "\(count)")
        }
        limits.maxParts = 1_000_000
        limits.maxFields = 2
        limits.maxHeadBytes = 8192
        let files = String(repeating: part("name=f; filename=x", "1"), count: 3)
        #expect(throws: Never.self) { try parse(raw(files + two + files + "--b--"), limits: limits).get() }
        #expect(parse(raw(two + files + part("name=c", "3") + "--b--"), limits: limits) == .failure(.tooManyFields))
        limits.maxFields = 1_000_000
        let many = String(repeating: part("name=a", "1"), count: 100_000) + "--b--"
        #expect(try! parse(raw(many), limits: limits).get().count == 100_000)
    }
}

@Suite struct `Headers of parts` {
    @Test(arguments: [
        ("name=a", SeenPart("a", "")), ("name=\"a\"", SeenPart("a", "")), ("NAME=a", SeenPart("a", "")),
        ("name=\"\"", SeenPart("", "")), ("name=", SeenPart("", "")), ("name = \"a\" ", SeenPart("a", "")),
        ("filename=\"x\"; name=\"a\"", SeenPart("a", "", fileName: "x")), (";name=a;;", SeenPart("a", "")),
        ("x=y; name=a; filename=x y.txt ; z=\"w\"", SeenPart("a", "", fileName: "x y.txt")),
        ("name=a; filename=\"\"", SeenPart("a", "", fileName: "")), ("name=\"a;b\"", SeenPart("a;b", "")),
        ("name=\"a=b; filename=c\"", SeenPart("a=b; filename=c", "")),
        // Escapes: of browsers, of other clients, and none.
        ("name=\"a%22%0D%0a%41%\"", SeenPart("a\"\r\n%41%", "")), ("name=\"a\\\"b\\\\c\"", SeenPart("a\"b\\c", "")),
        ("name=a%22", SeenPart("a%22", "")), ("name=\"a%2\"", SeenPart("a%2", "")),
        ("name=a; filename=\"C:\\temp\\new.txt\"", SeenPart("a", "", fileName: "C:\\temp\\new.txt")),
        ("name=\"é💩\"; filename=\"ü.txt\"", SeenPart("é💩", "", fileName: "ü.txt")),
        ("name=\"a\tb\"", SeenPart("a\tb", "")),
        // RFC 8187 §3.2.3, and what is to be passed over.
        ("name=a; filename*=UTF-8''%c2%a3%20and%20%e2%82%ac%20rates", SeenPart("a", "", fileName: "£ and € rates")),
        ("name=a; filename*=iso-8859-1'en'%A3%20rates", SeenPart("a", "", fileName: "£ rates")),
        ("name=a; filename=\"EURO\"; filename*=utf-8''%e2%82%ac", SeenPart("a", "", fileName: "€")),
        ("name=a; filename*=utf-8''%e2%82%ac; filename=\"EURO\"", SeenPart("a", "", fileName: "€")),
        ("name=a; filename=x; filename*=utf-7''y", SeenPart("a", "", fileName: "x")),
        ("name=a; filename=x; filename*=utf-8''%ff", SeenPart("a", "", fileName: "x")),
        ("name=a; filename=x; filename*=y", SeenPart("a", "", fileName: "x")),
        ("name=a; filename*=UTF-8''a'b+c", SeenPart("a", "", fileName: "a'b+c")),
    ])
    func `name a field or a file`(_ parameters: String, _ expected: SeenPart) {
        #expect(seen(part(parameters, "") + "--b--") == .success([expected]))
    }

    @Test(arguments: [
        "", "nam=a", "filename=x", "name", "name;", "=a", "name=a; name=b", "name=a; name=a",
        "name=a; filename=x; filename=y",
        "name=\"a", "name=\"a\\\"", "name=\"a\"b", "name=a\"b\"", "name=a; filename=x\"; y=\"", "name=\"a\" b",
        "name=a; x", "name=a; filename*=utf-8''%ff",
        "name=a; filename*=x", "name=a; filename*=utf-8''a; filename*=utf-8''b", "name*=utf-8''a",
    ])
    func `are refused when readers could differ`(_ parameters: String) {
        #expect(seen(part(parameters, "") + "--b--") == .failure(.malformedPart))
    }

    @Test(
        arguments: [
            ("Content-Disposition: form-data; name=a", nil), ("content-disposition:form-data;name=a", nil),
            ("CONTENT-DISPOSITION: \tFORM-DATA ;\tname=a \t", nil),
            ("X-Other: ü\r\nContent-Disposition: form-data; name=a", nil),
            ("Content-Disposition: form-data; name=a\r\nX:", nil),
            ("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: BINARY", nil),
            (
                "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable",
                .transferEncoding
            ),
            ("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", .transferEncoding),
            ("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=a", .malformedPart),
            ("Content-Disposition: attachment; name=a", .malformedPart),
            ("Content-Disposition: name=a", .malformedPart),
            ("Content-Disposition: form-data", .malformedPart), ("Content-Disposition", .malformedPart),
            ("Content-Disposition : form-data; name=a", .malformedPart), (": form-data; name=a", .malformedPart),
            ("Content-Disposition: form-data;\r\n name=a", .malformedPart), (" X: y", .malformedPart),
            ("X Y: z", .malformedPart),
            ("Content-Disposition: form-data; name=a\0b", .malformedPart), ("X: a\rb", .malformedPart),
            ("X: a\nb", .malformedPart), ("X: a\u{7F}", .malformedPart), ("X: a\n", .malformedPart),
        ] as [(String, MultipartError?)])
    func `are made of field lines`(_ lines: String, _ error: MultipartError?) {
        let expected: Result<[SeenPart], MultipartError> = error.map { .failure($0) } ?? .success([SeenPart("a", "")])
        #expect(seen("--b\r\n\(lines)\r\n\r\n\r\n--b--") == expected)
    }

    @Test func `tell the path in an uploaded folder`() throws {
        let body =
            "--b\r\nContent-Disposition: form-data; name=a; filename=x\r\nwebkitRelativePath: d/x\r\n\r\n\r\n--b--"
        let parts = try parse(raw(body)).get()
        #expect(parts.map(\.path) == ["d/x"])
        #expect(parts.map(\.contentType) == [nil])
    }
}

@Suite struct `Names of uploaded files` {
    @Test(arguments: [
        ("a.txt", "a.txt"), ("", ""), ("/", ""), (".", ""), ("..", ""), ("../", ""), ("...", ""), ("a/..", ""),
        ("../../etc/passwd", "passwd"), ("/etc/passwd", "passwd"), ("C:\\temp\\new.txt", "new.txt"), ("a\\b/c", "c"),
        ("a/b\\c", "c"), ("\\\\server\\share\\x", "x"), (".htaccess", "htaccess"), ("..a", "a"), (". .a", "a"),
        ("  a b  ", "a b"), ("\u{A0}a\u{2003}", "a"), ("a\0b.php\0.png", "ab.php.png"), ("a\r\nb", "ab"),
        ("exe.\u{202E}gpj", "exe.gpj"), ("\u{FEFF}a\u{200B}b", "ab"), ("a\u{85}\u{2028}b", "ab"), ("a..b", "a..b"),
        ("é💩.txt", "é💩.txt"), ("\u{1F468}\u{200D}\u{1F469}", "\u{1F468}\u{200D}\u{1F469}"), ("\"'<>|:*?", "\"'<>|:*?"),
        (String(repeating: "x", count: 300), String(repeating: "x", count: 200)),
        ("x" + String(repeating: "é", count: 200), "x" + String(repeating: "é", count: 99)),
        (String(repeating: "a/", count: 10_000) + "b", "b"),
    ])
    func `become names in a folder`(_ name: String, _ expected: String) {
        #expect(FormName.base(name) == expected)
        #expect(FormName.base(FormName.base(name)) == expected)
    }
}

@Suite struct `Media types of bodies` {
    private func type(_ text: String) -> MediaType? { raw(text).withUnsafeBytes { MediaType($0) } }

    @Test(
        arguments: [
            ("multipart/form-data; boundary=b", "b"), ("Multipart/Form-Data;Boundary=b", "b"),
            ("multipart/form-data; charset=utf-8; boundary=\"b\"; x=y", "b"),
            ("multipart/form-data; boundary=b ; x=y", "b"),
            ("multipart/form-data; boundary=\"a b\"", "a b"),
            ("multipart/form-data; boundary=\"a\\\"\\\\b\"", "a\"\\b"),
            ("multipart/form-data; boundary=----=_Part:1/2", "----=_Part:1/2"),
            (
                "multipart/form-data; boundary=\"\(String(repeating: "x", count: 70))\"",
                String(repeating: "x", count: 70)
            ),
            ("multipart/form-data; boundary=\(String(repeating: "x", count: 71))", nil), ("multipart/form-data", nil),
            ("multipart/form-data; boundary=", nil), ("multipart/form-data; boundary=\"\"", nil),
            ("multipart/form-data; boundary=\"b \"", nil), ("multipart/form-data; boundary=\"b", nil),
            ("multipart/form-data; boundary=b; boundary=b", nil), ("multipart/form-data; boundary=é", nil),
            ("multipart/form-data; boundary=\"a\tb\"", nil), ("multipart/form-data; boundary=b; x", nil),
            ("multipart/form-data boundary=b", nil),
        ] as [(String, String?)])
    func `have the boundary`(_ text: String, _ boundary: String?) {
        #expect(type(text)?.boundary.map { String(decoding: $0, as: UTF8.self) } == boundary)
    }

    @Test func `are told by their names`() {
        #expect(type("application/x-www-form-urlencoded")?.isURLEncodedForm == true)
        #expect(type("Application/JSON; charset=utf-8")?.isJSON == true)
        #expect(type("application/problem+json")?.isJSON == true)
        #expect(type("text/plain; x=json")?.isJSON == false)
        #expect(type("multipart/form-data; boundary=b")?.isMultipartForm == true)
        for text in ["", "text", ";", "text plain/x", "application/json, text/plain", "é/x"] {
            #expect(type(text) == nil)
        }
    }
}
