import Apus
import ApusSTOMP

/// Messages through a broker such as RabbitMQ: `/?say=TEXT` sends one and answers when the broker has it; who receives
/// it logs it, and only then the broker forgets it.
///
///     Examples STOMPDemo start --http HOST:PORT --broker stomp://USER:PASSWORD@HOST [--destination /queue/demo]
enum STOMPDemo {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = try options.required("broker")
        let destination = options.value("destination") ?? "/queue/demo"
        let server = Worker(.http, on: try options.required("http"))
        var broker: STOMPClient!
        server.onWorkerStart = { _ in
            broker = try STOMPClient(address)
            broker.onConnect = { _ in Worker.log("the broker is there") }
            broker.connect()  // And again whenever the connection is lost.
            broker.subscribeWithAck(to: destination) { message, resolver in
                Worker.log("received: \(message.text)")
                resolver.ack()
            }
        }
        server.onMessageAsync = { connection, request in
            guard let text = request.queryParameters["say"] else { throw HTTPError(.badRequest) }
            guard broker.state == .established else { throw HTTPError(.serviceUnavailable) }
            try await broker.sendConfirmed(text, to: destination)
            connection.send("sent: \(text)\n")
        }
    }
}
