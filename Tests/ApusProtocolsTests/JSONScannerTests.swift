import ApusProtocols
import Testing

@Suite struct `JSON of strangers` {
    private func members(_ text: String) throws -> [String] {
        var names: [String] = []
        try Array(text.utf8).withUnsafeBytes { try JSONScanner.members(of: $0) { name, _ in names.append(name) } }
        return names
    }

    /// Whoever reads it with one call within the other has a stack that ends.
    @Test func `nests only so deep`() throws {
        func nested(_ open: String, _ close: String, _ depth: Int) -> String {
            "{\"a\":" + String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth) + "}"
        }
        for (open, close) in [("[", "]"), ("{\"b\":", "}")] {
            #expect(try members(nested(open, close, JSONScanner.maxDepth - 1)) == ["a"])
            #expect(try members(nested(open, close, 10)) == ["a"])
            for depth in [JSONScanner.maxDepth + 1, 100_000] {
                #expect(throws: JSONScanner.Failure.self) { try members(nested(open, close, depth)) }
            }
        }
        #expect(throws: JSONScanner.Failure.self) { try members(String(repeating: "[", count: 1_000_000)) }
    }
}
