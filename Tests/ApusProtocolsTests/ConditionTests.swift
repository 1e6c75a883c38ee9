import ApusProtocols
import TestSupport
import Testing

@Suite struct `Entity tags` {
    @Test func `compare as in RFC 9110 §8.8.3.2`() throws {
        let cases: [(String, String, strong: Bool, weak: Bool)] = [
            ("W/\"1\"", "W/\"1\"", false, true), ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ]
        for (first, second, strong, weak) in cases {
            let a = try #require(HTTPEntityTag(first))
            let b = try #require(HTTPEntityTag(second))
            #expect(a.matchesStrongly(b) == strong && b.matchesStrongly(a) == strong)
            #expect(a.matchesWeakly(b) == weak && b.matchesWeakly(a) == weak)
        }
    }

    @Test func `are read and written`() {
        for text in ["\"xyzzy\"", "W/\"xyzzy\"", "\"\"", "W/\"\"", "\"a,b\"", "\"\\\"", "\"é\""] {
            #expect(HTTPEntityTag(text)?.text == text)
        }
        for text in ["", "*", "xyzzy", "\"", "\"a", "a\"", "w/\"a\"", "W/", "W/a", "\"a\"b", "\"a\" \"b\"", "\"a b\""] {
            #expect(HTTPEntityTag(text) == nil, "\(text)")
        }
    }

    @Test func `are found in lists`() {
        let tag = HTTPEntityTag(opaque: "a")
        for list in ["\"a\"", "*", " * ", "\"b\", \"a\"", "\"b\",\"a\"", ",, \"a\" ,", "W/\"a\"", "\"a,b\" , W/\"a\""] {
            #expect(HTTPEntityTag.list(list) { $0.matchesWeakly(tag) }, "\(list)")
        }
        for list in ["", ",", "a", "\"b\"", "\"a,b\"", "\"b\" \"a\"", "b, \"a\"", "\"b\" *", "*, \"b\"", "\"b"] {
            #expect(!HTTPEntityTag.list(list) { $0.matchesWeakly(tag) }, "\(list)")
        }
    }
}

@Suite struct `Conditional requests` {
    static let now = HTTPTime(seconds: 1_795_000_000)
    static let modified = "Sun, 06 Nov 1994 08:49:37 GMT"
    static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
    static let after = "Sun, 06 Nov 1994 08:49:38 GMT"

    private func answer(
        _ fields: [String: String], isHead: Bool = false, isWeak: Bool = false
    ) -> HTTPConditions.Answer {
        var conditions = HTTPConditions()
        conditions.ifMatch = fields["If-Match"]
        conditions.ifUnmodifiedSince = fields["If-Unmodified-Since"]
        conditions.ifNoneMatch = fields["If-None-Match"]
        conditions.ifModifiedSince = fields["If-Modified-Since"]
        conditions.ifRange = fields["If-Range"]
        conditions.range = fields["Range"]
        let current = HTTPConditions.Representation(
            tag: HTTPEntityTag(opaque: "now", isWeak: isWeak), modified: HTTPTime(seconds: 784_111_777), size: 100)
        return conditions.answer(for: current, isHead: isHead, now: Self.now)
    }

    @Test func `are answered one condition at a time`() {
        let cases: [(String, String, HTTPConditions.Answer)] = [
            ("If-Match", "\"now\"", .whole), ("If-Match", "*", .whole), ("If-Match", "\"a\", \"now\"", .whole),
            ("If-Match", "\"a\"", .preconditionFailed), ("If-Match", "W/\"now\"", .preconditionFailed),
            ("If-Match", "", .preconditionFailed),
            ("If-Unmodified-Since", Self.modified, .whole), ("If-Unmodified-Since", Self.after, .whole),
            ("If-Unmodified-Since", Self.before, .preconditionFailed), ("If-Unmodified-Since", "yesterday", .whole),
            ("If-None-Match", "\"now\"", .notModified), ("If-None-Match", "W/\"now\"", .notModified),
            ("If-None-Match", "*", .notModified), ("If-None-Match", "\"a\"", .whole), ("If-None-Match", "", .whole),
            ("If-Modified-Since", Self.modified, .notModified), ("If-Modified-Since", Self.after, .notModified),
            ("If-Modified-Since", Self.before, .whole), ("If-Modified-Since", "yesterday", .whole),
            ("Range", "bytes=0-9", .ranges([0..<10])), ("Range", "bytes=100-", .rangeNotSatisfiable),
            ("Range", "lines=1-2", .whole), ("If-Range", "\"a\"", .whole),
        ]
        for (name, value, expected) in cases { #expect(answer([name: value]) == expected, "\(name): \(value)") }
    }

    @Test func `follow the order of RFC 9110 §13.2.2`() {
        // If-Match hides If-Unmodified-Since, and comes before If-None-Match.
        #expect(answer(["If-Match": "*", "If-Unmodified-Since": Self.before]) == .whole)
        #expect(answer(["If-Match": "\"a\"", "If-None-Match": "\"now\""]) == .preconditionFailed)
        #expect(answer(["If-Unmodified-Since": Self.before, "If-None-Match": "*"]) == .preconditionFailed)
        // If-None-Match hides If-Modified-Since.
        #expect(answer(["If-None-Match": "\"a\"", "If-Modified-Since": Self.after]) == .whole)
        #expect(answer(["If-Match": "*", "If-Modified-Since": Self.modified]) == .notModified)
        // Ranges come last.
        #expect(answer(["If-None-Match": "*", "Range": "bytes=100-"]) == .notModified)
        #expect(answer(["If-Match": "\"a\"", "Range": "bytes=0-1"]) == .preconditionFailed)
        #expect(answer(["Range": "bytes=0-1"], isHead: true) == .whole)
        #expect(answer(["Range": "bytes=100-"], isHead: true) == .whole)
        #expect(answer(["If-None-Match": "*"], isHead: true) == .notModified)
    }

    @Test func `take ranges only of the state that the client knows`() {
        let range = "bytes=0-9"
        for (value, holds) in [
            ("\"now\"", true), ("W/\"now\"", false), ("\"a\"", false), (Self.modified, true), (Self.before, false),
            (Self.after, false), ("", false), ("*", false), ("\"now\", \"a\"", false),
        ] {
            #expect(answer(["Range": range, "If-Range": value]) == (holds ? .ranges([0..<10]) : .whole), "\(value)")
        }
        #expect(answer(["Range": range, "If-Range": "\"now\""], isWeak: true) == .whole)
        #expect(answer(["Range": "bytes=100-", "If-Range": "\"a\""]) == .whole)
        #expect(answer(["Range": "bytes=100-", "If-Range": "\"now\""]) == .rangeNotSatisfiable)
    }

    @Test func `never trap and never leave the representation`() {
        var generator = SeededGenerator(seed: 4)
        let good = [
            "\"now\"", "W/\"a\", \"now\"", "*", Self.modified, "Sunday, 06-Nov-94 08:49:37 GMT", "bytes=0-9,20-29",
        ]
        let names = ["If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since", "If-Range", "Range"]
        for _ in 0..<50_000 {
            var fields: [String: String] = [:]
            for name in names where Bool.random(using: &generator) {
                fields[name] = mutated(good.randomElement(using: &generator)!, &generator)
            }
            guard case .ranges(let ranges) = answer(fields) else { continue }
            #expect(ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= 100 && !$0.isEmpty }, "\(fields)")
        }
    }
}

@Suite struct `Media types` {
    @Test(arguments: [
        ("a.html", "text/html"), ("/a/b.HTM", "text/html"), ("a.b.Css", "text/css"), ("x.js", "application/javascript"),
        ("x.JSON", "application/json"), ("x.wasm", "application/wasm"), ("x.jpeg", "image/jpeg"),
        ("x.svgz", "image/svg+xml"),
        ("x.pem", "application/x-x509-ca-cert"), ("x.exe", "application/octet-stream"), ("x.woff2", "font/woff2"),
        ("x.ts", "video/mp2t"), ("x.m3u8", "application/vnd.apple.mpegurl"), ("é.txt", "text/plain"),
    ])
    func `follow the extension`(_ path: String, _ type: String) {
        #expect(MediaTypes.type(ofPath: path) == type)
    }

    @Test(arguments: [
        "", "html", ".html", "/a.html/b", "a.", "a.unknown", "a.html/.", "a.h\u{0}tml", "/a/.txt", "a.html.bak",
    ])
    func `are not guessed`(_ path: String) {
        #expect(MediaTypes.type(ofPath: path) == nil)
    }

    /// Spec 05 §5.1.
    @Test func `cover the list`() {
        let names = """
            html htm shtml css xml txt gif jpeg jpg png tif tiff ico bmp svg svgz webp avif js json wasm atom rss pdf \
            zip rar 7z doc docx xls xlsx ppt pptx rtf ps swf jar crt pem der xhtml m3u8 bin exe dll deb dmg iso img \
            msi mid mp3 ogg m4a ra 3gp ts mp4 mpeg mov webm flv m4v avi wmv ttf woff woff2 eot
            """
        for name in names.split(separator: " ") { #expect(MediaTypes.type(ofPath: "x.\(name)") != nil, "\(name)") }
    }
}
