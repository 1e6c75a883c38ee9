import Testing

@testable import Apus

/// Header fields of responses, which are kept as they are sent: in the value itself while they are short.
@Suite struct HTTPHeadersTests {
    private nonisolated static let lengths = [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 300]

    private func list(_ headers: HTTPHeaders) -> [String] { headers.fields.map { "\($0.name)=\($0.value)" } }

    @Test func fieldsKeepTheirOrderHoweverManyThereAre() {
        var headers: HTTPHeaders = [:]
        var expected: [String] = []
        for index in 0..<60 {
            headers.add("X-Field-\(index)", String(repeating: "v", count: index))
            expected.append("X-Field-\(index)=" + String(repeating: "v", count: index))
            #expect(list(headers) == expected)
        }
        #expect(headers["x-fIELD-59"]?.count == 59)
    }

    @Test(arguments: lengths) func everyLengthIsKept(count: Int) {
        let name = String(repeating: "n", count: count + 1)
        let value = String(repeating: "ü", count: count)
        var headers: HTTPHeaders = ["A": "1"]
        let isAdded = headers.add(name, value)
        #expect(isAdded)
        headers.add("B", "2")
        #expect(list(headers) == ["A=1", "\(name)=\(value)", "B=2"])
        #expect(headers[name] == value)
    }

    @Test(arguments: lengths) func whatIsNoFieldIsRefusedWhereverItStands(count: Int) {
        for byte in UInt8.min...0x7F {
            let text = String(repeating: "a", count: count)
            let isValue = byte == 0x09 || byte >= 0x20 && byte != 0x7F
            let isName = "!#$%&'*+-.^_`|~".utf8.contains(byte) || Character(UnicodeScalar(byte)).isLetterOrDigit
            for tail in ["", "a", "aaaaaaaaaaaaaaaaaaaa"] {
                let odd = text + String(UnicodeScalar(byte)) + tail
                var headers: HTTPHeaders = ["Before": "it"]
                let isValueTaken = headers.add("Name", odd)
                #expect(isValueTaken == isValue, "\(byte) in a value")
                #expect(headers["name"] == (isValue ? odd : nil))
                let isNameTaken = headers.add(odd, "value")
                #expect(isNameTaken == isName, "\(byte) in a name")
                #expect(headers[odd] == (isName ? "value" : nil))
                #expect(headers.fields.count == 1 + (isValue ? 1 : 0) + (isName ? 1 : 0))
            }
        }
        var headers: HTTPHeaders = [:]
        headers.add("", "value")
        headers.add("ä", "value")
        #expect(headers.fields.isEmpty)
    }

    @Test func settingReplacesAllFieldsOfAName() {
        var headers: HTTPHeaders = ["A": "1", "Set-Cookie": "a=b", "B": "2", "SET-COOKIE": "c=d", "C": "x: y"]
        headers["set-cookie"] = "e=f"
        #expect(list(headers) == ["A=1", "B=2", "C=x: y", "set-cookie=e=f"])
        headers["B"] = nil
        headers["missing"] = nil
        #expect(list(headers) == ["A=1", "C=x: y", "set-cookie=e=f"])
        #expect(headers["C: x"] == nil && headers[""] == nil)
        let copy = headers
        headers["A"] = "a\nb"
        #expect(list(headers) == ["C=x: y", "set-cookie=e=f"] && copy["a"] == "1")
        headers.add(contentsOf: copy)
        #expect(list(headers) == ["C=x: y", "set-cookie=e=f", "A=1", "C=x: y", "set-cookie=e=f"])
        #expect(headers.list("c") == "x: y, x: y" && headers.list("D") == nil)
    }

    @Test func itKnowsWhatTheRestOfTheHeadDependsOn() {
        var headers: HTTPHeaders = ["content-TYPE": "text/plain", "Connection": "keep-alive, Close"]
        #expect(headers.hasContentType && headers.asksForClose)
        headers["Content-Type"] = nil
        headers["Connection"] = nil
        #expect(!headers.hasContentType && !headers.asksForClose && headers.kinds.isEmpty)
        for name in ["Date", "Content-Length", "Transfer-Encoding"] {
            #expect(([name: "1"] as HTTPHeaders).kinds == .framing)
        }
    }

    @Test func aBodyIsTextOrBytes() {
        var response = HTTPResponse(body: "text")
        #expect(response.body == Array("text".utf8) && response.contentLength == 4 && response.isInMemory)
        response.body.append(0x21)
        #expect(response.body == Array("text!".utf8) && response.contentLength == 5)
        response.body = []
        #expect(response.body.isEmpty && response.contentLength == 0)
        var stream = HTTPResponse(stream: { _ in })
        #expect(stream.body.isEmpty && !stream.isInMemory)
        stream.body.append(0x21)
        #expect(stream.body == [0x21] && stream.isInMemory)
    }
}

extension Character {
    fileprivate var isLetterOrDigit: Bool { isASCII && (isLetter || isNumber) }
}
