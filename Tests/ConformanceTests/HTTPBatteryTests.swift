import ApusProtocols
import RequestCases
import TestSupport
import Testing

/// The battery of raw requests against a real server, each case on connections of its own: what is refused closes the
/// connection with nothing behind its answer, and what is accepted is answered once, as what it is.
@Suite struct HTTPBatteryTests {
    /// Those that do not take other bounds than the server's, and are not another protocol: see `WrongProtocolTests`.
    private static let cases = RequestBattery.all.filter { example in
        if ["HTTP/2 preface", "TLS hello"].contains(example.name) { return false }
        let limits = HTTPRequestLimits()
        return example.limits.maxHeadBytes == limits.maxHeadBytes && example.limits.maxFields == limits.maxFields
            && example.limits.maxMessageBytes == limits.maxMessageBytes
    }

    private static let neighbour = RequestBattery.neighbour

    @Test(arguments: Setup.plain.filter { $0.transport == .ipv4 })
    func casesAloneAndBetweenOthers(_ setup: Setup) async throws {
        #expect(Self.cases.count >= 1400)
        try await withScenario("reflect", setup, on: .heavy) { server in
            for example in Self.cases {
                check(example) { try answers(server, [example]) }
                check(example) { try answers(server, [Self.neighbour, example, Self.neighbour]) }
            }
            try end(server.connect())
        }
    }

    /// In two parts, the second sent once the first was read, at one place in each case.
    @Test(arguments: Setup.plain.filter { $0.transport == .ipv4 })
    func casesInTwoParts(_ setup: Setup) async throws {
        try await withScenario("reflect", setup, on: .heavy) { server in
            let other = try server.connect()
            var random = Random(seed: 7)
            for example in Self.cases where example.bytes.count > 1 {
                let place = 1 + random.below(example.bytes.count - 1)
                check(example, "split after \(place) bytes") {
                    try answers(server, [example, Self.neighbour], splitAt: place, other)
                }
            }
        }
    }

    /// All that keep the connection open, on one connection and in one stream.
    @Test(arguments: Setup.plain.filter { $0.transport == .ipv4 })
    func casesInOnePipeline(_ setup: Setup) async throws {
        try await withScenario("reflect", setup, on: .heavy) { server in
            let accepted = Self.cases.filter { $0.request?.keepsAlive ?? false }
            #expect(accepted.count >= 300)
            let client = try server.connect()
            var position = 0
            while position < accepted.count {
                let some = accepted[position..<min(position + 40, accepted.count)]
                try client.send(some.flatMap(\.bytes))
                for example in some { check(example) { try expect(example.request!, client) } }
                position += 40
            }
            try end(client)
        }
    }

    // MARK: Checks

    private func check(_ example: RequestCase, _ how: String = "", _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            Issue.record("\(example) \(how): \(error)")
        }
    }

    /// Sends the messages on a new connection, and reads what must come: each answer, and then the end.
    private func answers(
        _ server: ScenarioServer, _ messages: [RequestCase], splitAt place: Int? = nil, _ other: Client? = nil
    ) throws {
        let client = try server.connect()
        // What is incomplete would swallow what follows.
        let last = messages.firstIndex { $0.expected == .incomplete } ?? messages.count - 1
        let bytes = messages[...last].flatMap(\.bytes)
        if let place, let other {
            try client.send(Array(bytes[..<place]))
            // Once this is answered the first part has been read.
            _ = try other.get("/between")
            // The server may have refused already, and closed.
            _ = try client.sendWhilePossible(Array(bytes[place...]))
        } else {
            _ = try client.sendWhilePossible(bytes)
        }
        for message in messages {
            switch message.expected {
            case .request(let request):
                try expect(request, client)
                if !request.keepsAlive { return try expectEnd(client) }
            case .refused(let error):
                let reply = try client.readReply()
                guard reply.status == Int(error.rawValue), reply["Connection"] == "close", reply.body.isEmpty else {
                    throw Failure("answered \(reply.statusLine), not \(error)")
                }
                return try expectEnd(client)
            case .incomplete:
                client.finishSending()
                return try expectEnd(client)
            case .outOfRange(let fault): throw Failure(fault)
            }
        }
        try end(client)
    }

    /// The connection is in step: it answers one more request, and ends.
    private func end(_ client: Client) throws {
        try client.send("GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        guard try client.readReply().text.hasPrefix("GET /last 1.1\n") else { throw Failure("out of step") }
        try expectEnd(client)
    }

    private func expect(_ request: ReadRequest, _ client: Client) throws {
        var reply = try client.readReply(toHead: request.method == .head)
        while reply.status == 100, request.expectsContinue {
            reply = try client.readReply(toHead: request.method == .head)
        }
        let version = request.minorVersion == 0 ? "1.0" : "1.1"
        let line = "\(request.method.name) \(request.target) \(version)"
        let text = ([line] + request.fields + ["", request.body]).joined(separator: "\n")
        guard reply.status == 200, request.method == .head || reply.text == text else {
            throw Failure("answered \(reply.statusLine) \(reply.text.debugDescription), not \(text.debugDescription)")
        }
        guard reply["Connection"] == (request.keepsAlive ? "keep-alive" : "close") else {
            throw Failure("Connection: \(reply["Connection"] ?? "")")
        }
    }

    private func expectEnd(_ client: Client) throws {
        let text = try client.textToEnd()
        guard text.isEmpty || text == "HTTP/1.1 100 Continue\r\n\r\n" else {
            throw Failure("\(text.debugDescription) where the end was due")
        }
    }
}

extension RequestCase {
    /// What an accepted case is.
    fileprivate var request: ReadRequest? { if case .request(let request) = expected { request } else { nil } }
}
