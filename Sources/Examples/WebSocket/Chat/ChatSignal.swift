import FoundationEssentials

/// What processes post to each other.
nonisolated enum ChatSignal: Codable {
    /// The sender lives; so often has its list of guests changed.
    case beat(version: Int)
    /// The list of one process is wanted.
    case ask(process: String)
    /// The sender's list.
    case roster(ChatRoster)
    /// One guest of the sender is somewhere else, or gone, which makes this version of its list.
    case moved(key: String, member: ChatMember?, version: Int)
    case said(ChatLine, room: String)
    case whispered(ChatLine, toKey: String)
    /// The sender has missed what was said in a room.
    case recall(room: String)
    /// The sender is new: what was said in the rooms where most goes on, as far as one process knows.
    case recallAll(process: String)
    /// The last lines of a room, for a process that has asked; for all when the sender was cut off, and what was said
    /// there meanwhile may have been lost on its way.
    case recalled([ChatLine], room: String, process: String?)
}

/// A signal with its sender.
nonisolated struct ChatPost: Codable {
    var from: String
    var signal: ChatSignal

    var json: [UInt8] {
        get throws { Array(try JSONEncoder().encode(self)) }
    }

    init(from: String, _ signal: ChatSignal) {
        self.from = from
        self.signal = signal
    }

    init(json: [UInt8]) throws { self = try JSONDecoder().decode(ChatPost.self, from: Data(json)) }
}
