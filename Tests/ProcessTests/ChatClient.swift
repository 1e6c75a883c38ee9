import Foundation
import TestSupport

/// A guest of the example's chat, as its page would be.
final class ChatClient {
    /// What a page gets; see `ChatEvent` of the example.
    struct Event: Decodable {
        struct Line: Decodable {
            var id: String
            var from: String
            var to: String?
            var text: String
        }

        var kind: String
        var room: String?
        var name: String?
        var process: Int?
        var line: Line?
        var lines: [Line]?
        var people: [String]?
        var text: String?
        var id: String?
    }

    let name: String
    let key: String
    let socket: Client
    /// Which process serves it.
    private(set) var process = 0
    private(set) var entered: Event
    private var number = 0

    /// Comes into a room. Throws what it is told when it may not: "1008 Ann is here already".
    init(_ name: String, _ endpoint: Endpoint, room: String = "lobby", key: String? = nil) throws {
        self.name = name
        self.key = key ?? "\(UInt64.random(in: 0 ... .max))"
        socket = try Client(endpoint)
        try socket.openWebSocket("/socket")
        try Self.send(["kind": "enter", "name": name, "key": self.key, "room": room], socket)
        let welcome = try Self.event(socket)
        guard welcome.kind == "welcome", let process = welcome.process else { throw Failure("no welcome: \(welcome)") }
        self.process = process
        entered = try Self.event(socket)
        guard entered.kind == "entered" else { throw Failure("not in: \(entered)") }
    }

    private static func send(_ request: [String: String], _ socket: Client) throws {
        try socket.send(WebSocketFrame(.text, Array(try JSONEncoder().encode(request))))
    }

    private static func event(_ socket: Client) throws -> Event {
        let frame = try socket.readFrame()
        if frame.kind == .close { throw Failure("\(frame)") }
        return try JSONDecoder().decode(Event.self, from: Data(frame.payload))
    }

    func send(_ request: [String: String]) throws { try Self.send(request, socket) }

    /// The next event of a kind; others are dropped.
    func event(_ kind: String) throws -> Event {
        while true {
            let event = try Self.event(socket)
            if event.kind == kind { return event }
        }
    }

    // MARK: What a guest does

    @discardableResult
    func say(_ text: String, id: String? = nil) throws -> String {
        number += 1
        let id = id ?? "\(number)"
        try send(["kind": "say", "text": text, "id": id])
        return id
    }

    func whisper(_ text: String, to other: String) throws {
        number += 1
        try send(["kind": "whisper", "text": text, "to": other, "id": "\(number)"])
    }

    func move(to room: String) throws -> Event {
        try send(["kind": "move", "room": room])
        entered = try event("entered")
        return entered
    }

    // MARK: What a guest hears

    /// The next thing that is said: "Ann: hello".
    func hear() throws -> String {
        let line = try event("said").line
        return "\(line?.from ?? ""): \(line?.text ?? "")"
    }

    /// The next thing that is whispered: "Ann to Bob: hello".
    func hearWhisper() throws -> String {
        let line = try event("whispered").line
        return "\(line?.from ?? "") to \(line?.to ?? ""): \(line?.text ?? "")"
    }

    /// Why something is not done.
    func problem() throws -> String { try event("problem").text ?? "" }

    /// Waits until these are in the room, and nobody else.
    func waitForPeople(_ names: [String]) throws {
        while try event("people").people != names.sorted() {}
    }

    /// How the server ends the connection: "close 1008 why".
    func ending() throws -> String {
        while true {
            let frame = try socket.readFrame()
            if frame.kind == .close { return "\(frame)" }
        }
    }

    /// Goes without a word, as a network that breaks.
    func vanish() { socket.reset() }
}
