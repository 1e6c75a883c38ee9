import Apus

/// The server and the client of both JSON protocols. They deal with values and do not know how these travel.
enum JSONEcho {
    static func serve<P: PacketProtocol>(_ wireProtocol: P, _ arguments: [String]) throws
    where P.Inbound == JSONValue, P.Outbound == JSONValue {
        let options = Options(arguments)
        let server = Worker(wireProtocol, on: try options.required("on"))
        server.name = "\(P.self)"
        server.count = try options.number("count") ?? 1
        // Decoding any value takes up to 6 ms a kilobyte, and nobody else is served meanwhile: see `JSONValue`.
        server.limits.maxPackageSize = 64 * 1024
        server.onMessage = { connection, value in connection.send(["code": 0, "msg": "ok", "data": value]) }
    }

    static func ask<P: PacketProtocol>(_ wireProtocol: P, _ arguments: [String]) throws
    where P.Inbound == JSONValue, P.Outbound == JSONValue {
        let options = Options(arguments)
        let values = try options.words.map { word in
            do {
                return try JSONValue(json: word.utf8)
            } catch {
                throw OptionError(description: "not JSON: \(word)")
            }
        }
        guard !values.isEmpty else { throw OptionError(description: "JSON values to send are needed") }
        try Conversation.hold(wireProtocol, to: try options.required("to"), values) { answer in
            print(String(decoding: try answer.json(), as: UTF8.self))
        }
    }
}
