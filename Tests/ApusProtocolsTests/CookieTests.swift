import ApusProtocols
import RequestCases
import Testing

@Suite struct `Cookie fields` {
    private func cookies(_ bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBytes { bytes in
            var scanner = CookieScanner(bytes)
            var cookies: [String] = []
            while let cookie = scanner.next() {
                cookies.append(
                    [cookie.name, cookie.value].map { String(decoding: bytes[$0], as: UTF8.self) }.joined(
                        separator: "→"))
            }
            return cookies
        }
    }

    @Test(
        arguments: [
            // RFC 6265 §3.1.
            ("SID=31d4d96e407aad42", ["SID→31d4d96e407aad42"]),
            ("SID=31d4d96e407aad42; lang=en-US", ["SID→31d4d96e407aad42", "lang→en-US"]),
            ("", []), (";", []), (" ; ;", []), ("a", []), ("a; b=1", ["b→1"]), ("=1", []), (" =1; b=2", ["b→2"]),
            ("=", []),
            ("a=", ["a→"]), ("a=1;b=2", ["a→1", "b→2"]), ("a=1;;b=2;", ["a→1", "b→2"]), ("a=b=c", ["a→b=c"]),
            (" a = 1 ;\tb\t=\t2\t", ["a→1", "b→2"]), ("a=1 2", ["a→1 2"]), ("a=1; a=2", ["a→1", "a→2"]),
            ("a=%41+b", ["a→%41+b"]), ("a=\"x\"", ["a→\"x\""]), ("a=1,b=2", ["a→1,b=2"]), ("é=ü", ["é→ü"]),
            ("$Version=1; a=1", ["$Version→1", "a→1"]), ("a[]=1", ["a[]→1"]), ("__Host-a=1", ["__Host-a→1"]),
        ] as [(String, [String])])
    func `are cut at ; and the first =`(_ text: String, _ expected: [String]) {
        #expect(cookies(raw(text)) == expected)
    }

    @Test func `give quotation marks no power over ;`() {
        // Who reads on to the closing mark takes the session from where an attacker could write.
        #expect(
            cookies(raw("theme=\"dark; sid=stolen; x=\"; sid=mine")) == [
                "theme→\"dark", "sid→stolen", "x→\"", "sid→mine",
            ])
        #expect(cookies(raw("a=\"b\\\"; c=d\"")) == ["a→\"b\\\"", "c→d\""])
    }

    @Test func `may hold anything and any number`() {
        #expect(cookies([0x61, 0x3D, 0xFF, 0xC0, 0x00]) == ["a→\u{FFFD}\u{FFFD}\0"])
        #expect(cookies(Array(repeating: Array("a=1;".utf8), count: 10_000).flatMap(\.self)).count == 10_000)
        #expect(cookies(Array(repeating: 0x3B, count: 100_000)).isEmpty)
    }

    @Test func `are found from any place on`() {
        raw("a=1; b=2; c").withUnsafeBytes { bytes in
            var scanner = CookieScanner(bytes)
            #expect(scanner.next() == CookieRange(name: 0..<1, value: 2..<3))
            var later = CookieScanner(bytes, from: scanner.position)
            #expect(later.next() == CookieRange(name: 5..<6, value: 7..<8))
            #expect(later.next() == nil)
        }
    }
}
