import Apus
import ApusWeb

/// A shopping list in memory, as JSON: everybody may read it, a user with a password changes it.
///
///     Examples RESTService start --on HOST:PORT [--user NAME] --password TEXT
///     curl -u ann:TEXT --json '{"name": "milk", "count": 2}' http://HOST:PORT/items
enum RESTService {
    nonisolated struct Item: Codable {
        var id: Int?
        var name: String
        var count: Int
    }

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let users = [options.value("user") ?? "ann": try options.required("password")]
        var items: [Int: Item] = [:]
        var lastID = 0

        let router = Router()
        router.use(.requestID(), .cors(), .compression())
        router.get("/items") { _ in
            try HTTPResponse(json: items.values.sorted { $0.id! < $1.id! })
        }
        router.get("/items/:id") { request in
            guard let item = items[try request.parameters.require("id")] else { throw HTTPError(.notFound) }
            return try HTTPResponse(json: item)
        }

        let changes = router.group(
            "/items", .rateLimit(requests: 100), .basicAuth(realm: "items", users: users), .bodyLimit(64 * 1024))
        changes.post("/") { request in
            var item = try request.json(as: Item.self)
            lastID += 1
            item.id = lastID
            items[lastID] = item
            return try HTTPResponse(.created, headers: ["Location": "/items/\(lastID)"], json: item)
        }
        changes.put("/:id") { request in
            let id: Int = try request.parameters.require("id")
            guard items[id] != nil else { throw HTTPError(.notFound) }
            var item = try request.json(as: Item.self)
            item.id = id
            items[id] = item
            return HTTPResponse(.noContent)
        }
        changes.delete("/:id") { request in
            guard items.removeValue(forKey: try request.parameters.require("id")) != nil else {
                throw HTTPError(.notFound)
            }
            return HTTPResponse(.noContent)
        }

        let server = Worker(.http, on: try options.required("on"))
        server.name = "RESTService"
        server.serve(router)
    }
}
