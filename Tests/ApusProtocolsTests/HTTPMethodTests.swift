import ApusProtocols
import Testing

@Suite struct `Methods` {
    private func method(_ text: String) -> HTTPMethod? {
        // What follows in the request line must not matter.
        let bytes = Array(text.utf8) + Array(" / HTTP/1.1".utf8)
        return HTTPMethod(bytes, count: text.utf8.count)
    }

    @Test func `are the seven that a server knows`() {
        #expect(HTTPMethod.allCases.map(\.name) == ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        #expect(Set(HTTPMethod.allCases.map(\.rawValue)).count == 7)
    }

    @Test(arguments: HTTPMethod.allCases)
    func `are read by their name`(_ expected: HTTPMethod) {
        #expect(method(expected.name) == expected)
    }

    @Test(arguments: HTTPMethod.allCases)
    func `are read in no other spelling`(_ known: HTTPMethod) {
        let name = known.name
        #expect(method(name.lowercased()) == nil)
        #expect(method(name.dropFirst() + "") == nil)
        #expect(method(name.dropLast() + "") == nil)
        #expect(method(name + "X") == nil)
        #expect(method("X" + name) == nil)
        #expect(method(name + " ") == nil)
        let bytes = Array(name.utf8)
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << bit
                #expect(HTTPMethod(changed, count: changed.count) == nil)
            }
        }
    }

    @Test(arguments: ["", "G", "GE", "ETG", "TEG", "TRACE", "CONNECT", "PROPFIND", "MIAOWU", "OPTIONS*"])
    func `that are unknown are none`(_ name: String) {
        #expect(method(name) == nil)
    }
}
