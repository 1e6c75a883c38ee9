import Apus
import FoundationEssentials
import Testing

@testable import ApusWeb

/// Who may pass: RFC 7617 and RFC 6750.
@Suite struct AuthenticationMiddlewareTests {
    private func basic(_ text: String) -> String { "Authorization: Basic \(Data(text.utf8).base64EncodedString())" }

    private func name(_ request: HTTPRequest) -> HTTPResponse { HTTPResponse(body: request.userName ?? "nobody") }

    @Test func usersWithTheirPassword() async {
        let users = ["ann": "secret", "Änn": "pass:wörd", "empty": ""]
        let probe = RouterProbe(.basicAuth(realm: "the \"inner\" \\ rooms", users: users)) { name($0) }
        #expect(probe.isImmediate("GET /"))
        for (user, password) in users {
            let answer = await probe.answer("GET /", basic("\(user):\(password)"))
            #expect(answer.status == .ok && answer.text == user)
        }
        let scheme = "Authorization: bASIC   \(Data("ann:secret".utf8).base64EncodedString())"
        #expect(await probe.answer("GET /", scheme).text == "ann")
        let refused = await probe.answer("GET /")
        #expect(refused.status == .unauthorized)
        #expect(
            refused.headers["WWW-Authenticate"] == #"Basic realm="the \"inner\" \\ rooms", charset="UTF-8""#)
        for wrong in ["ann:Secret", "ann:secre", "ann:secrets", "ann:", "bob:secret", ":", "", "empty: ", "ann"] {
            #expect(await probe.answer("GET /", basic(wrong)).status == .unauthorized, "\(wrong)")
        }
    }

    @Test(arguments: [
        "Basic", "Basic ", "Basic !!!!", "Basic YW5uOnNlY3JldA", "Basic YW5uOnNlY3JldA== x", "Bearer YW5uOnNlY3JldA==",
        "Basic \u{e9}", "Basic /w==", "Basic YQpiOmM=", "YW5uOnNlY3JldA==", "Basic YW5uOnNlY3JldA==, Basic x",
    ])
    func whatIsNoneIsRefused(_ field: String) async {
        let probe = RouterProbe(.basicAuth(realm: "r", users: ["ann": "secret", "\u{FFFD}": ""])) { name($0) }
        #expect(await probe.answer("GET /", "Authorization: \(field)").status == .unauthorized)
    }

    @Test func whoeverDecidesMayWait() async {
        let probe = RouterProbe(
            .basicAuth(realm: "r") { user, password in
                await Task.yield()
                if user == "late" { throw HTTPError(.tooManyRequests) }
                return user == password
            }
        ) { name($0) }
        #expect(!probe.isImmediate("GET /"))
        #expect(await probe.answer("GET /", basic("a:a")).text == "a")
        #expect(await probe.answer("GET /", basic("a:b")).status == .unauthorized)
        #expect(await probe.answer("GET /", basic("late:b")).status == .tooManyRequests)
        let tokens = RouterProbe(
            .bearerAuth(realm: "r") { token in
                await Task.yield()
                return token == "t" ? "ann" : nil
            }
        ) { name($0) }
        #expect(await tokens.answer("GET /", "Authorization: Bearer t").text == "ann")
        #expect(await tokens.answer("GET /", "Authorization: Bearer u").status == .unauthorized)
    }

    @Test func tokens() async {
        let probe = RouterProbe(.bearerAuth(realm: "api") { $0 == "a.b-c~1/2+3==" ? "ann" : nil }) { name($0) }
        #expect(await probe.answer("GET /", "Authorization: Bearer a.b-c~1/2+3==").text == "ann")
        #expect(await probe.answer("GET /").headers["WWW-Authenticate"] == "Bearer realm=\"api\"")
        for wrong in ["other", "a b", "\u{e9}", "a,b"] {
            let refused = await probe.answer("GET /", "Authorization: bearer \(wrong)")
            #expect(refused.status == .unauthorized)
            #expect(refused.headers["WWW-Authenticate"] == "Bearer realm=\"api\", error=\"invalid_token\"")
        }
    }
}
