import Apus
import ApusRedis

/// Values in Redis, over HTTP: `PUT /name` keeps the body, `GET /name` answers with it, `POST /name` counts up,
/// `DELETE /name` forgets it.
///
///     Examples RedisDemo start --http HOST:PORT [--redis redis://HOST:PORT]
enum RedisDemo {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = options.value("redis") ?? "redis://127.0.0.1:6379"
        let server = Worker(.http, on: try options.required("http"))
        server.count = try options.number("count") ?? 2
        var redis: RedisClient!
        server.onWorkerStart = { _ in redis = try RedisClient(address) }
        server.onMessageAsync = { connection, request in
            let name = "demo:" + request.path.dropFirst()
            switch request.method {
            case .get:
                guard let value = try await redis.get(name) else { throw HTTPError(.notFound) }
                connection.send(value)
            case .put:
                try await redis.set(name, request.body.array)
                connection.send(HTTPResponse(.noContent))
            case .post: connection.send("\(try await redis.incr(name))\n")
            case .delete:
                try await redis.delete(name)
                connection.send(HTTPResponse(.noContent))
            default: throw HTTPError(.methodNotAllowed)
            }
        }
    }
}
