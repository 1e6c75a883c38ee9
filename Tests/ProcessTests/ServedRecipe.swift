import TestSupport

/// One of the examples, running under a master for as long as a test needs it.
struct ServedRecipe {
    let service: Service
    let master: ServerProcess
    /// Where its workers listen, in their order.
    let endpoints: [Endpoint]

    init(_ name: String, _ backend: String, _ options: [String], in folder: TemporaryFolder? = nil) throws {
        service = try Service("Examples", name, backend, options, in: folder)
        master = try service.launch("start")
        endpoints = try master.endpoints()
        guard !endpoints.isEmpty else { throw Failure("the banner of \(name) names no address") }
        _ = master.children
    }

    /// Where the first of them listens.
    var endpoint: Endpoint { endpoints[0] }

    /// Sends a request over a connection of its own, `fields` being lines that end, and reads the answer.
    func ask(_ line: String, _ fields: String = "", body: String = "", of endpoint: Endpoint? = nil) throws -> HTTPReply
    {
        let client = try Client(endpoint ?? self.endpoint)
        try client.send(
            "\(line) HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
        return try client.readReply(toHead: line.hasPrefix("HEAD "))
    }

    /// Posts fields, encoded as they are.
    func post(_ target: String, _ form: String, _ fields: String = "") throws -> HTTPReply {
        try ask("POST \(target)", fields + "Content-Type: application/x-www-form-urlencoded\r\n", body: form)
    }

    /// Opens a WebSocket.
    func open(_ path: String = "/", of endpoint: Endpoint? = nil, isSecured: Bool = false) throws -> Client {
        let client = try Client(endpoint ?? self.endpoint, isSecured: isSecured)
        try client.openWebSocket(path)
        return client
    }

    /// Ends it with SIGTERM.
    func stop() throws -> ExitStatus { try master.stop() }
}
