import ApusProtocols
import Testing

@Suite struct `Text by scalars` {
    /// A mark with an accent, or in one character with what stands before it, is found.
    @Test(arguments: ["a:b", "a:\u{301}b", "\u{604}:b", ":", "a:b:\u{301}c", "é:é", "a\r\n:\u{301}"])
    func `marks are found`(_ text: String) throws {
        let bytes = Array(text.utf8)
        let first = try #require(text.firstIndex(ofASCII: ":"))
        let last = try #require(text.lastIndex(ofASCII: ":"))
        #expect(Array(text[..<first].utf8) == Array(bytes.prefix { $0 != 0x3A }))
        #expect(Array(text.behind(first).utf8) == Array(bytes.drop { $0 != 0x3A }.dropFirst()))
        #expect(Array(text.behind(last).utf8) == Array(bytes.suffix(while: { $0 != 0x3A })))
        #expect("abc".firstIndex(ofASCII: ":") == nil && "a\u{37E}".lastIndex(ofASCII: ";") == nil)
    }

    /// As the bytes are split.
    @Test(arguments: ["", ":", "a:b", "a::b:", ":\u{301}:\u{604}:", "a:b:c:d"], [1, 2, Int.max])
    func `parts lie between marks`(_ text: String, _ most: Int) {
        for omits in [false, true] {
            let parts = text.split(atASCII: ":", maxSplits: most, omittingEmptySubsequences: omits)
            let expected = Array(text.utf8).split(separator: 0x3A, maxSplits: most, omittingEmptySubsequences: omits)
            #expect(parts.map { Array($0.utf8) } == expected.map(Array.init), "\(text) \(most) \(omits)")
        }
    }

    @Test func `a mark is escaped whatever stands behind it`() {
        let escaped = "a\"\u{301}\r\n".escaped { $0 == "\"" ? "'" : $0 == "\n" ? "N" : nil }
        #expect(Array(escaped.utf8) == Array("a'\u{301}\rN".utf8))
    }
}

extension [UInt8] {
    fileprivate func suffix(while isPart: (UInt8) -> Bool) -> [UInt8] {
        Array(reversed().prefix(while: isPart).reversed())
    }
}
