import ApusProtocols
import Testing

/// WHATWG HTML §9.2.5 and §9.2.6.
@Suite struct ServerSentEventTests {
    @Test func fieldsComeInOrder() {
        let event = ServerSentEvent("hello", event: "greeting", id: "1", retry: 3000, comment: "why")
        #expect(event.text == ": why\nevent: greeting\nid: 1\nretry: 3000\ndata: hello\n\n")
        #expect(ServerSentEvent().text == "\n")
        #expect(ServerSentEvent("").text == "data: \n\n")
    }

    @Test(arguments: [
        ("a\nb", "data: a\ndata: b\n\n"), ("a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n"), ("\n", "data: \ndata: \n\n"),
        ("a\n\nid: 9", "data: a\ndata: \ndata: id: 9\n\n"), ("\r\n\r\n", "data: \ndata: \ndata: \n\n"),
    ])
    func eachLineOfDataIsAField(_ data: String, _ text: String) {
        #expect(ServerSentEvent(data).text == text)
    }

    @Test func nothingCanBeginAnotherField() {
        let event = ServerSentEvent(
            "x", event: "a\ndata: evil\r\n", id: "1\n\nid: 2\0", retry: -1, comment: "c\rdata: no")
        #expect(event.text == ": c\n: data: no\nevent: adata: evil\nid: 1id: 2\nretry: 0\ndata: x\n\n")
    }
}
