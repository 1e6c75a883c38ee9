import Apus
import ApusRedis

/// Work that is done later: `/?to=NAME&delay=SECONDS` puts a greeting into a queue, and two processes take them out.
///
///     Examples RedisQueueDemo start --http HOST:PORT [--redis redis://HOST:PORT]
enum RedisQueueDemo {
    nonisolated struct Greeting: Codable {
        var to: String
    }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = options.value("redis") ?? "redis://127.0.0.1:6379"
        // A greeting stays in Redis until it was dealt with.
        let queues = RedisQueueOptions(isReliable: true)
        let front = Worker(.http, on: try options.required("http"))
        front.name = "Front"
        var queue: RedisQueue!
        front.onWorkerStart = { _ in queue = try RedisQueue(address, options: queues) }
        front.onMessageAsync = { connection, request in
            guard let to = request.queryParameters["to"] else { throw HTTPError(.badRequest) }
            let delay = Double(request.queryParameters["delay"] ?? "") ?? 0
            try await queue.send("greetings", Greeting(to: to), delay: delay)
            connection.send("to be greeted: \(to)\n")
        }
        let greeters = Worker()
        greeters.name = "Greeter"
        greeters.count = 2
        greeters.onWorkerStart = { greeter in
            queue = try RedisQueue(address, options: queues)
            queue.subscribe("greetings", as: Greeting.self) { greeting in
                Worker.log("process \(greeter.id): hello, \(greeting.to)")
            }
        }
    }
}
