import Apus
import ApusNATS

/// Processes that speak over NATS: `/?say=TEXT` publishes an event, which each of them logs; `/?double=NUMBER` asks
/// whichever of them is free.
///
///     Examples NATSDemo start --http HOST:PORT --nats nats://HOST
enum NATSDemo {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = try options.required("nats")
        let server = Worker(.http, on: try options.required("http"))
        var nats: NATSClient!
        server.onWorkerStart = { _ in
            nats = try NATSClient(address)
            nats.onConnect = { Worker.log("NATS is there") }  // And again whenever the connection was lost.
            nats.subscribe("demo.events") { message in Worker.log("heard: \(message.text)") }
            nats.subscribe("demo.double", group: "demo") { message in
                guard let answer = message.replyTo, let number = Int(message.text) else { return }
                try nats.publish(answer, "\(number * 2)")
            }
        }
        server.onMessageAsync = { connection, request in
            if let text = request.queryParameters["say"] {
                try await nats.publishConfirmed("demo.events", text)
                connection.send("published: \(text)\n")
            } else if let number = request.queryParameters["double"] {
                connection.send("\(try await nats.request("demo.double", number, timeout: 2).text)\n")
            } else {
                throw HTTPError(.badRequest)
            }
        }
    }
}
