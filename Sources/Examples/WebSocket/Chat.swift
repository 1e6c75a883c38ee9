import Apus
import ApusWeb

/// A chat with a page: rooms, private messages, and who is there.
///
///     Examples Chat start --on HOST:PORT
///
/// Page and WebSocket share the port. Open the page in two windows.
enum Chat {
    /// What the page sends.
    private struct Request: Decodable {
        /// A name of one's own; the first thing that is said.
        var name: String?
        /// The room that is entered, in place of the one before.
        var room: String?
        /// What is said to the room, or to one person.
        var say: String?
        var to: String?
    }

    /// What the page gets.
    private struct Event: Encodable {
        var kind: String
        var room: String?
        var from: String?
        var text: String?
        var people: [String]?
    }

    private struct Guest {
        var name: String
        var room: String
        let connection: Connection<WebSocket>
    }

    private static let endpoint = WebSocketEndpoint(.websocket(compression: .permessageDeflate, pingInterval: 30))
    private static var guests: [Connection<WebSocket>: Guest] = [:]

    static func set(_ arguments: [String]) throws {
        let server = Worker(.http, on: try Options(arguments).required("on"))
        server.name = "Chat"
        let router = Router()
        router.get("/") { _ in HTTPResponse(body: ChatPage.html) }
        router.get("/socket") { request in try request.upgradeToWebSocket(endpoint) }
        server.serve(router)
        endpoint.limits.maxPackageSize = 16 * 1024
        endpoint.onMessage = { connection, message in try obey(message.json(), connection) }
        endpoint.onClose = { connection in
            guard let guest = guests.removeValue(forKey: connection) else { return }
            try tellPeople(of: guest.room)
        }
    }

    private static func obey(_ request: Request, _ connection: Connection<WebSocket>) throws {
        guard var guest = guests[connection] else { return try welcome(request, connection) }
        if let room = request.room {
            let left = guest.room
            connection.unsubscribe(left)
            guest.room = room
            guests[connection] = guest
            connection.subscribe(room)
            try tellPeople(of: left)
            try tellPeople(of: room)
        }
        guard let text = request.say else { return }
        guard let name = request.to else {
            let event = Event(kind: "said", room: guest.room, from: guest.name, text: text)
            return endpoint.publish(guest.room, try .json(event))
        }
        guard let other = guests.values.first(where: { $0.name == name }) else {
            connection.send(try .json(Event(kind: "problem", text: "\(name) is not here")))
            return
        }
        let event = Event(kind: "whispered", from: guest.name, text: text)
        for receiver in Set([connection, other.connection]) { receiver.send(try .json(event)) }
    }

    private static func welcome(_ request: Request, _ connection: Connection<WebSocket>) throws {
        guard let name = request.name, !name.isEmpty, name.count <= 30 else {
            throw WebSocketError(.policyViolation, "say your name first")
        }
        guard !guests.values.contains(where: { $0.name == name }) else {
            throw WebSocketError(.policyViolation, "\(name) is here already")
        }
        guests[connection] = Guest(name: name, room: "lobby", connection: connection)
        connection.subscribe("lobby")
        try tellPeople(of: "lobby")
    }

    private static func tellPeople(of room: String) throws {
        let people = guests.values.filter { $0.room == room }.map(\.name).sorted()
        endpoint.publish(room, try .json(Event(kind: "people", room: room, people: people)))
    }
}
