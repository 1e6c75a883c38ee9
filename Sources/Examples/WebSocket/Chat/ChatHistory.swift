/// The last lines of the rooms, as far as this process has heard of them: all that was said since it began, and what it
/// was told of the time before.
struct ChatHistory {
    static let mostLines = 100
    private static let mostRooms = 1000

    fileprivate struct Room {
        /// In their order.
        var lines: [ChatLine] = []
        var lastUse = 0
    }

    private var rooms: [String: Room] = [:]
    private var uses = 0

    func lines(of room: String) -> [ChatLine] { rooms[room]?.lines ?? [] }

    /// Takes a line in; false when it was known.
    mutating func add(_ line: ChatLine, to room: String) -> Bool {
        uses += 1
        if rooms[room] == nil, rooms.count >= Self.mostRooms { forgetOne() }
        rooms[room, default: Room()].lastUse = uses
        return rooms[room]!.add(line)
    }

    /// Takes in what another process knows; returns what is new of it.
    mutating func merge(_ lines: [ChatLine], into room: String) -> [ChatLine] {
        let new = lines.filter { add($0, to: room) }
        let kept = Set(self.lines(of: room).map(\.id))
        return new.filter { kept.contains($0.id) }
    }

    /// The rooms where something was said last, with so many bytes of text at most.
    func latest(upTo mostBytes: Int) -> [(room: String, lines: [ChatLine])] {
        var left = mostBytes
        return rooms.sorted { $0.value.lastUse > $1.value.lastUse }.prefix { _, room in
            left -= room.lines.reduce(0) { $0 + $1.text.utf8.count }
            return left >= 0
        }.map { ($0.key, $0.value.lines) }
    }

    /// The room where nothing was said for longest.
    private mutating func forgetOne() {
        guard let oldest = rooms.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
        rooms[oldest.key] = nil
    }
}

extension ChatHistory.Room {
    fileprivate mutating func add(_ line: ChatLine) -> Bool {
        guard !lines.contains(where: { $0.id == line.id }) else { return false }
        // Nearly always at the end.
        let place = lines.lastIndex { ChatLine.isOrdered($0, line) }.map { $0 + 1 } ?? 0
        lines.insert(line, at: place)
        if lines.count > ChatHistory.mostLines { lines.removeFirst() }
        return true
    }
}
