import Apus
import Testing

@testable import ApusWeb

/// What lets pages of other sites read answers: the CORS protocol of the Fetch standard.
@Suite struct CORSMiddlewareTests {
    private static let asks = "Access-Control-Request-Method: PUT"

    private func probe(_ cors: Middleware) -> RouterProbe {
        RouterProbe(cors) { router in
            router.get("/") { _ in HTTPResponse(headers: ["Vary": "Accept"], body: "page") }
            router.get("/refused") { _ in throw HTTPError(.forbidden) }
        }
    }

    @Test func everySite() async {
        let probe = probe(.cors())
        let plain = await probe.answer("GET /")
        #expect(plain.headers["Access-Control-Allow-Origin"] == nil && plain.headers["Vary"] == "Accept")
        let answer = await probe.answer("GET /", "Origin: https://a.example")
        #expect(answer.text == "page" && answer.headers["Access-Control-Allow-Origin"] == "*")
        #expect(answer.headers["Access-Control-Allow-Credentials"] == nil && answer.headers["Vary"] == "Accept")
        let question = await probe.answer("OPTIONS /", "Origin: https://a.example", Self.asks)
        #expect(question.status == .noContent && question.headers["Access-Control-Allow-Origin"] == "*")
        #expect(question.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, PUT, PATCH, DELETE")
        #expect(question.headers["Access-Control-Allow-Headers"] == nil)
        #expect(question.headers["Access-Control-Max-Age"] == nil)
    }

    /// `*` and credentials do not go together.
    @Test func everySiteWithCredentials() async {
        let probe = probe(.cors(credentials: true))
        let answer = await probe.answer("GET /", "Origin: https://a.example")
        #expect(answer.headers["Access-Control-Allow-Origin"] == "https://a.example")
        #expect(answer.headers["Access-Control-Allow-Credentials"] == "true")
        #expect(answer.headers["Vary"] == "Accept, Origin")
        #expect(await probe.answer("GET /").headers["Vary"] == "Accept, Origin")
    }

    @Test func sitesOfAListAndOfAClosure() async {
        for cors in [
            Middleware.cors(["https://a.example"], exposedHeaders: ["X-A", "X-B"]),
            .cors(.matching { $0.hasSuffix("//a.example") }, exposedHeaders: ["X-A", "X-B"]),
        ] {
            let probe = probe(cors)
            let answer = await probe.answer("GET /", "Origin: https://a.example")
            #expect(answer.headers["Access-Control-Allow-Origin"] == "https://a.example")
            #expect(answer.headers["Access-Control-Expose-Headers"] == "X-A, X-B")
            let error = await probe.answer("GET /refused", "Origin: https://a.example")
            #expect(error.status == .forbidden)
            #expect(error.headers["Access-Control-Allow-Origin"] == "https://a.example")
            let missing = await probe.answer("GET /none", "Origin: https://a.example")
            #expect(missing.status == .notFound && missing.headers["Vary"] == "Origin")
            #expect(missing.headers["Access-Control-Allow-Origin"] == "https://a.example")
            for other in ["http://a.example", "https://a.example.evil", "null", "*", "https://a.example, https://b"] {
                let answer = await probe.answer("GET /", "Origin: \(other)")
                #expect(answer.text == "page" && answer.headers["Vary"] == "Accept, Origin")
                let hasEnding = other.hasSuffix("//a.example")
                #expect(answer.headers["Access-Control-Allow-Origin"] == nil || hasEnding, "\(other)")
                let question = await probe.answer("OPTIONS /", "Origin: \(other)", Self.asks)
                #expect(question.status == .noContent)
                #expect(question.headers["Access-Control-Allow-Methods"] == nil || hasEnding, "\(other)")
            }
        }
    }

    @Test func whatAQuestionIsAnswered() async {
        let probe = probe(.cors(["https://a.example"], methods: [.get, .put], credentials: true, maxAge: 600))
        let asked = "Access-Control-Request-Headers: x-a,X-B, bad(name, *"
        let question = await probe.answer("OPTIONS /anything", "Origin: https://a.example", Self.asks, asked)
        #expect(question.status == .noContent && question.headers["Access-Control-Max-Age"] == "600")
        #expect(question.headers["Access-Control-Allow-Methods"] == "GET, PUT")
        #expect(question.headers["Access-Control-Allow-Headers"] == "x-a, X-B, *")
        #expect(question.headers["Access-Control-Allow-Credentials"] == "true")
        #expect(question.headers["Vary"] == "Access-Control-Request-Headers, Origin")
        let fixed = self.probe(.cors(headers: ["X-C"]))
        let answer = await fixed.answer("OPTIONS /", "Origin: https://a.example", Self.asks, asked)
        #expect(answer.headers["Access-Control-Allow-Headers"] == "X-C" && answer.headers["Vary"] == nil)
    }

    @Test func otherQuestionsGoOn() async {
        let probe = probe(.cors(["https://a.example"]))
        for fields in [["X: y"], ["Origin: https://a.example"], [Self.asks]] {
            let answer = await probe.answer("OPTIONS /", fields[0])
            #expect(answer.headers["Allow"] == "GET, HEAD, OPTIONS", "\(fields)")
        }
        #expect(await probe.answer("PUT /", "Origin: https://a.example", Self.asks).status == .methodNotAllowed)
    }
}
