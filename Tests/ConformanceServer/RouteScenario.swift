import Apus
import ApusWeb

/// A router whose handlers fail in the ways in which an error page tells them apart.
func serveRoutes(_ options: Options) {
    let server = Worker(HTTP(showsErrors: options["show-errors"].map { $0 == "1" }), on: options.address)
    server.name = "routes"
    setLimits(server, options)
    let router = Router()
    router.get("/users/:id") { _ in
        throw ScenarioError(description: "<script>alert('1')</script> & \"more\"\nof it")
    }
    router.post("/form") { request in
        _ = try request.form
        throw ScenarioError(description: "after the form")
    }
    router.get("/later/:id") { request in
        await Task.yield()
        throw ScenarioError(description: "later, \(request.parameters["id"] ?? "none")")
    }
    router.get("/decode") { _ in
        let path: [any CodingKey] = [Key("orders"), Key(2), Key("price")]
        throw DecodingError.typeMismatch(Int.self, .init(codingPath: path, debugDescription: "a text is no number"))
    }
    router.get("/encode") { _ in
        throw EncodingError.invalidValue(Double.nan, .init(codingPath: [Key("mean")], debugDescription: "not finite"))
    }
    router.get("/system") { _ in throw SystemError("open /no/such", 2) }
    router.get("/missing") { _ in throw HTTPError(.notFound, "no such thing") }
    router.get("/busy") { _ in throw HTTPError(.serviceUnavailable, "later", headers: ["Retry-After": "9"]) }
    router.get("/long") { _ in throw ScenarioError(description: String(repeating: "\u{e9}", count: 100_000)) }
    router.get("/chat") { _ in "no socket" }
    server.serve(router)
}

private struct Key: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) { (stringValue, intValue) = (name, nil) }
    init(_ index: Int) { (stringValue, intValue) = ("\(index)", index) }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(intValue) }
}
