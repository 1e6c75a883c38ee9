import TestSupport
import Testing

/// The recipe of a service that takes and gives JSON, under a master.
@Suite struct RESTServiceTests {
    @Test(arguments: backends)
    func aListIsReadByAllAndChangedByUsers(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "Examples", "RESTService", backend, ["--on", "127.0.0.1:0", "--password", "secret"])
            let (_, endpoint) = try service.start()
            let client = try Client(endpoint)
            let ask = { (line: String, body: String, credentials: String) in
                try client.send(
                    "\(line) HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\nAuthorization: Basic \(credentials)\r\n\r\n\(body)")
                return try client.readReply()
            }
            let ann = "YW5uOnNlY3JldA=="
            #expect(try client.get("/items").text == "[]")
            let made = try ask("POST /items", "{\"name\":\"milk\",\"count\":2}", ann)
            #expect(made.status == 201 && made["Location"] == "/items/1" && made["Content-Type"] == "application/json")
            #expect(try client.get("/items/1").body == made.body)
            #expect(try ask("PUT /items/1", "{\"name\":\"milk\",\"count\":3}", ann).status == 204)
            #expect(try client.get("/items").text.contains("\"count\":3"))
            for (line, body, credentials, status) in [
                ("POST /items", "{\"name\":\"milk\",\"count\":2}", "YW5uOng=", 401), ("POST /items", "{}", ann, 400),
                ("PUT /items/2", "{}", ann, 404), ("PUT /items/x", "{}", ann, 404), ("PATCH /items/1", "", ann, 405),
                ("POST /items", String(repeating: " ", count: 70_000), ann, 413), ("GET /items/2", "", ann, 404),
            ] {
                #expect(try ask(line, body, credentials).status == status, "\(line)")
            }
            #expect(try ask("DELETE /items/1", "", ann).status == 204)
            #expect(try client.get("/items").text == "[]")
        }
    }
}
