import ApusWeb
import Testing

@testable import Apus

@Suite struct `JSON bodies` {
    struct Order: Decodable, Equatable {
        struct Item: Decodable, Equatable {
            var name: String
            var count: Int
        }
        var items: [Item]
        var note: String?
    }

    private func decode<T: Decodable>(_ body: String, type: String = "application/json", as: T.Type) throws -> T {
        try TestRequest(form: type, body).request.json()
    }

    @Test(arguments: [
        "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/problem+json",
        "text/json",
    ])
    func `are decoded`(_ type: String) throws {
        let body = #"{"items": [{"name": "é\n", "count": 2}], "more": null}"#
        let order = try decode(body, type: type, as: Order.self)
        #expect(order == Order(items: [Order.Item(name: "é\n", count: 2)]))
        #expect(try decode("3", as: Int.self) == 3)
    }

    @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=json", "x", ""])
    func `are not looked for in other types`(_ type: String) {
        let error = #expect(throws: HTTPError.self) { try decode("3", type: type, as: Int.self) }
        #expect(error?.description == "415 Unsupported Media Type: the body is not JSON")
    }

    @Test(arguments: [
        ("", "the body is empty"), ("{", "the JSON cannot be read"), ("nonsense", "the JSON cannot be read"),
        (#"{"note": "x"}"#, "JSON: items is missing"), ("[]", "JSON: the body is not an object"),
        (#"{"items": 1}"#, "JSON: items is not an array"),
        (#"{"items": null}"#, "JSON: items is null instead of an array"),
        (#"{"items": [{"name": "a", "count": 1}, {"name": "b"}]}"#, "JSON: items[1].count is missing"),
        (#"{"items": [{"name": 1, "count": 1}]}"#, "JSON: items[0].name is not a string"),
        (#"{"items": [{"name": "a", "count": 1.5}]}"#, "the JSON cannot be read"),
        (#"{"items": [{"name": "a", "count": "1"}]}"#, "JSON: items[0].count is not an integer"),
        (String(repeating: "[", count: 100_000), "the JSON cannot be read"),
    ])
    func `that do not fit are refused with the place`(_ body: String, _ message: String) {
        let error = #expect(throws: HTTPError.self) { try decode(body, as: Order.self) }
        #expect(error?.status == .badRequest)
        #expect(error?.message == message)
    }

    @Test func `need not outlive the call`() throws {
        let request = TestRequest(form: "application/json", #"["\#(String(repeating: "x", count: 10_000))"]"#).request
        let words: [String] = try request.json()
        #expect(words[0].utf8.count == 10_000)
        request.recycle()
        #expect(words[0].last == "x")
    }
}
