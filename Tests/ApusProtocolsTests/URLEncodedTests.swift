import ApusProtocols
import RequestCases
import Testing

/// The fields of a form as a test sees them.
private func fields(_ bytes: [UInt8]) -> [[String]] {
    bytes.withUnsafeBytes { bytes in
        var scanner = URLEncodedScanner(bytes)
        var fields: [[String]] = []
        while let field = scanner.next() {
            fields.append(
                [field.name, field.value].map { range in
                    PercentCoding.decode(UnsafeRawBufferPointer(rebasing: bytes[range]), plusIsBlank: true)
                })
        }
        return fields
    }
}

private func decoded(_ text: String, plusIsBlank: Bool = true) -> String {
    raw(text).withUnsafeBytes { PercentCoding.decode($0, plusIsBlank: plusIsBlank) }
}

@Suite struct `Urlencoded fields` {
    @Test(
        arguments: [
            ("", []), ("&", []), ("&&&", []), ("a", [["a", ""]]), ("a=", [["a", ""]]), ("=", [["", ""]]),
            ("=a", [["", "a"]]), ("a=b", [["a", "b"]]), ("a=b&c=d", [["a", "b"], ["c", "d"]]),
            ("a=b&a=c", [["a", "b"], ["a", "c"]]), ("&a=b&&c&", [["a", "b"], ["c", ""]]), ("a=b=c", [["a", "b=c"]]),
            ("a==", [["a", "="]]), ("a=b;c=d", [["a", "b;c=d"]]), ("a%3Db=c%26d", [["a=b", "c&d"]]),
            // RFC 1866 §8.2.1, and the example of the WHATWG URL standard.
            ("name=Ky+Katz&text=1%0D%0A2", [["name", "Ky Katz"], ["text", "1\r\n2"]]),
            ("key=%F0%9F%92%A9", [["key", "💩"]]), ("%61%5B%5D=1", [["a[]", "1"]]), ("é=ü", [["é", "ü"]]),
        ] as [(String, [[String]])])
    func `are cut at & and the first =`(_ text: String, _ expected: [[String]]) {
        #expect(fields(raw(text)) == expected)
    }

    @Test(arguments: [
        ("%", "%"), ("%%", "%%"), ("a%2", "a%2"), ("%2", "%2"), ("%g1", "%g1"), ("%1g", "%1g"), ("%%41", "%A"),
        ("%4%31", "%41"), ("%41", "A"), ("%2b", "+"), ("%2B", "+"), ("%25%34%31", "%41"), ("%00", "\0"),
        ("a%00b", "a\0b"), ("%u0041", "%u0041"), ("+", " "), ("%20+%20", "   "), ("%-1", "%-1"), ("% 1", "% 1"),
        // What is no UTF-8: overlong forms, surrogates, beyond the last scalar, alone, cut off.
        ("%C0%AF", "\u{FFFD}\u{FFFD}"), ("%E0%80%AF", "\u{FFFD}\u{FFFD}\u{FFFD}"), ("%C0%80", "\u{FFFD}\u{FFFD}"),
        ("%ED%A0%80", "\u{FFFD}\u{FFFD}\u{FFFD}"), ("%F4%90%80%80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        ("%FF", "\u{FFFD}"), ("%80a", "\u{FFFD}a"), ("%E2%82", "\u{FFFD}"), ("%E2%82x", "\u{FFFD}x"),
        ("%C3%A9", "é"), ("\u{C3}%A9", "Ã\u{FFFD}"), ("%EF%BB%BFa", "\u{FEFF}a"),
    ])
    func `are decoded without refusing anything`(_ coded: String, _ expected: String) {
        #expect(Array(decoded(coded).utf8) == Array(expected.utf8))
    }

    @Test func `keep + where it is no blank`() {
        #expect(decoded("a+b%2B%20", plusIsBlank: false) == "a+b+ ")
    }

    @Test func `are found by name without decoding`() {
        func matches(_ coded: String, _ text: String) -> Bool {
            raw(coded).withUnsafeBytes { PercentCoding.matches($0, text, plusIsBlank: true) }
        }
        #expect(matches("a+%62", "a b") && matches("", "") && matches("%", "%") && matches("%C3%A9", "é"))
        #expect(!matches("a", "") && !matches("", "a") && !matches("ab", "a") && !matches("a", "ab"))
        #expect(!matches("%00", "") && !matches("a%00", "a") && !matches("A", "a"))
    }

    @Test func `of which there are many are counted as far as it matters`() {
        let many = [UInt8](repeating: UInt8(ascii: "&"), count: 1000) + Array("a&b&c&d&e".utf8)
        #expect(many.withUnsafeBytes { URLEncodedScanner.count($0, upTo: 10) } == 5)
        #expect(many.withUnsafeBytes { URLEncodedScanner.count($0, upTo: 5) } == 5)
        #expect(many.withUnsafeBytes { URLEncodedScanner.count($0, upTo: 4) } == 5)
        #expect(many.withUnsafeBytes { URLEncodedScanner.count($0, upTo: 0) } == 1)
    }
}

@Suite struct `Nested fields` {
    private func nested(_ text: String) -> [String: FormValue] {
        var nesting = FormNesting()
        for field in fields(raw(text)) { nesting.add(field[0], field[1]) }
        return nesting.values
    }

    private func dictionary(_ values: [String: String]) -> FormValue {
        .dictionary(values.mapValues(FormValue.string))
    }

    private func array(_ values: String...) -> FormValue { .array(values.map(FormValue.string)) }

    @Test func `are put together as PHP does`() {
        #expect(nested("") == [:])
        #expect(nested("a=1&a=2") == ["a": .string("2")])
        #expect(nested("a[]=1&a[k]=2") == ["a": dictionary(["0": "1", "k": "2"])])
        #expect(nested("a[]=1&a[]=2") == ["a": array("1", "2")])
        #expect(nested("a[0]=1&a[1]=2") == ["a": array("1", "2")])
        #expect(nested("a[1]=1&a[0]=2") == ["a": dictionary(["1": "1", "0": "2"])])
        #expect(nested("a[5]=1&a[]=2") == ["a": dictionary(["5": "1", "6": "2"])])
        #expect(nested("a[01]=1&a[]=2") == ["a": dictionary(["01": "1", "0": "2"])])
        #expect(nested("a[-5]=1&a[]=2") == ["a": dictionary(["-5": "1", "0": "2"])])
        #expect(nested("a[k]=1&a[k]=2") == ["a": dictionary(["k": "2"])])
        #expect(nested("a[b][c]=1&a[b][d]=2") == ["a": .dictionary(["b": dictionary(["c": "1", "d": "2"])])])
        #expect(nested("a[][n]=1&a[][n]=2") == ["a": .array([dictionary(["n": "1"]), dictionary(["n": "2"])])])
        #expect(nested("a=1&a[k]=2") == ["a": dictionary(["k": "2"])])
        #expect(nested("a[k]=2&a=1") == ["a": .string("1")])
        #expect(nested("a[k]=1&a[k][l]=2") == ["a": .dictionary(["k": dictionary(["l": "2"])])])
        #expect(nested("a%5Bk%5D=1") == ["a": dictionary(["k": "1"])])
    }

    @Test(arguments: ["a[", "a]", "[a]", "[]", "a[b", "a[b]c", "a[b]]", "a[b]c[d]", "a[[b]c]", "", "a["])
    func `with brackets that do not pair up are names`(_ name: String) {
        #expect(nested("\(name)=1") == [name: .string("1")])
    }

    @Test func `are not nested deeper than 64 times`() {
        func depth(_ value: FormValue?) -> Int { value.map { 1 + depth($0[0]) } ?? 0 }
        #expect(depth(nested("a" + String(repeating: "[]", count: 64))["a"]) == 65)
        let deeper = "a" + String(repeating: "[]", count: 65)
        #expect(nested(deeper) == [deeper: .string("")])
        #expect(nested("a" + String(repeating: "[]", count: 100_000)).count == 1)
        #expect(nested("a" + String(repeating: "[", count: 100_000) + "]").count == 1)
    }

    @Test func `are at most as many arrays and dictionaries as allowed`() {
        func names(_ text: String) -> [String] {
            var nesting = FormNesting(maxContainers: 3)
            for field in fields(raw(text)) { nesting.add(field[0], field[1]) }
            return nesting.values.keys.sorted()
        }
        #expect(names("a[]&b[]&c[]&d[]&e") == ["a", "b", "c", "e"])
        #expect(names("a[k][l][m]&b[]&a[k][l][n]&a[k][x][y]&c") == ["a", "c"])
        #expect(names("a[k][l][m][n]&b[x][y][z]") == ["b"])
        var nesting = FormNesting(maxContainers: 2)
        for name in ["a[k][x]", "a[k][y]", "a[k][z][]", "a[l][]", "a[m]"] { nesting.add(name, "1") }
        #expect(nesting.values == ["a": .dictionary(["k": dictionary(["x": "1", "y": "1"]), "m": .string("1")])])
    }

    @Test func `have no number behind the largest`() {
        let largest = "9223372036854775807"
        #expect(nested("a[\(largest)]=1&a[]=2&a[x]=3") == ["a": dictionary([largest: "1", "x": "3"])])
        #expect(nested("a[9223372036854775808]=1&a[]=2") == ["a": dictionary(["9223372036854775808": "1", "0": "2"])])
    }

    @Test func `may be many`() {
        let many = (0..<20_000).map { "a[]=\($0)" }.joined(separator: "&")
        #expect(nested(many)["a"]?[19_999] == .string("19999"))
    }
}
