/// What a page sends. The first message enters.
nonisolated struct ChatRequest: Decodable {
    enum Kind: String, Decodable {
        /// `name`, `key` and `room`. Who has been here with the same key takes the name over.
        case enter
        /// `room`: in place of the one before.
        case move
        /// `text` to the room. `id` is made up by the page: what it repeats, since it was cut off, is said once.
        case say
        /// `text` and `id` for one guest: `to`.
        case whisper
    }

    static let mostTextBytes = 4096

    var kind: Kind
    var name: String?
    var key: String?
    var room: String?
    var to: String?
    var text: String?
    var id: String?

    /// What is said: not nothing, not too much, and no control characters but tabs and line ends.
    func checkedText() throws(ChatProblem) -> String {
        guard let text, text.contains(where: { !$0.isWhitespace }) else { throw ChatProblem("nothing was said") }
        guard text.utf8.count <= Self.mostTextBytes else {
            throw ChatProblem("at most \(Self.mostTextBytes) bytes can be said at once")
        }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter(Self.isAllowed)))
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
    }
}

/// Something that was said.
nonisolated struct ChatLine: Codable, Sendable, Hashable {
    /// The guest's name and what the page has made up: the same line has the same id in all processes.
    var id: String
    /// Milliseconds since 1970.
    var at: Int64
    var from: String
    /// Whom it was whispered to.
    var to: String?
    var text: String

    /// The order in which lines are shown, whichever way they came.
    static func isOrdered(_ a: ChatLine, _ b: ChatLine) -> Bool { (a.at, a.id) < (b.at, b.id) }
}

/// What a page gets. It shows all of it as text: nothing in here is HTML.
nonisolated struct ChatEvent: Encodable {
    enum Kind: String, Encodable {
        /// `name` is in, served by `process`.
        case welcome
        /// It is in `room`; `lines` are the last ones.
        case entered
        /// `lines` of the room that were said before, and that this process has just heard of.
        case lines
        /// `line` was said in the room.
        case said
        /// `line` was whispered by or to the guest.
        case whispered
        /// `people` are in the room; `count` when there are more.
        case people
        /// What the guest wanted is not done, and why; `id` is that of the line.
        case problem
    }

    var kind: Kind
    var room: String?
    var name: String?
    var process: Int?
    var line: ChatLine?
    var lines: [ChatLine]?
    var people: [String]?
    var count: Int?
    var text: String?
    var id: String?

    init(_ kind: Kind, room: String? = nil, line: ChatLine? = nil, lines: [ChatLine]? = nil, text: String? = nil) {
        self.kind = kind
        self.room = room
        self.line = line
        self.lines = lines
        self.text = text
    }
}
