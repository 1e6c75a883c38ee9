import Apus
import ApusObservability
import HTTPTypes
import Testing

@MainActor @Suite struct `swift-http-types` {
    @Test func `a request keeps its fields, and the host becomes the authority`() throws {
        let request = Apus.HTTPRequest.of(
            "POST /a%20b?c=d HTTP/1.1", "Host: example.com:8080", "X-Many: 1", "accept: text/html", "X-Many: 2")
        let head = request.httpTypes
        #expect(head.method == .post && head.scheme == "http")
        #expect(head.authority == "example.com:8080" && head.path == "/a%20b?c=d")
        #expect(
            head.headerFields.map { "\($0.name.rawName)=\($0.value)" } == ["X-Many=1", "accept=text/html", "X-Many=2"])
        let many = try #require(HTTPField.Name("x-many"))
        #expect(head.headerFields[values: many] == ["1", "2"])
        #expect(Apus.HTTPRequest.of("GET / HTTP/1.0").httpTypes.authority == nil)
        #expect(Apus.HTTPMethod.allCases.map { $0.httpTypes.rawValue } == Apus.HTTPMethod.allCases.map { $0.name })
    }

    @Test func `a response goes both ways`() {
        var head = HTTPTypes.HTTPResponse(status: .init(code: 201, reasonPhrase: "Made"))
        head.headerFields.append(HTTPField(name: .setCookie, value: "a=1"))
        head.headerFields.append(HTTPField(name: .setCookie, value: "b=2"))
        head.headerFields[.contentType] = "text/plain"
        let response = Apus.HTTPResponse(httpTypes: head, body: "made")
        #expect(response.status == HTTPStatus(code: 201, reason: "Made"))
        #expect(response.body == Array("made".utf8) && response.headers["content-type"] == "text/plain")
        #expect(response.httpTypes == head)
    }
}
