/// The last lines of the rooms, as far as this process has heard of them: all that was said since it began, and what it
/// was told of the time before.
struct ChatHistory {
    static let mostLines = 100
    /// Bytes of all lines together, more or less.
    private static let mostBytes = 32 * 1024 * 1024

    fileprivate struct Room {
        /// In their order.
        var lines: [ChatLine] = []
        var lastUse = 0
    }

    private var rooms: [String: Room] = [:]
    private var uses = 0
    private var bytes = 0

    func lines(of room: String) -> [ChatLine] { rooms[room]?.lines ?? [] }

    /// Takes a line in; false when it was known.
    mutating func add(_ line: ChatLine, to room: String) -> Bool {
        uses += 1
        rooms[room, default: Room()].lastUse = uses
        guard let change = rooms[room]!.add(line) else { return false }
        bytes += change
        while bytes > Self.mostBytes, rooms.count > 1 { forgetOne() }
        return true
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
        bytes -= oldest.value.lines.reduce(0) { $0 + $1.size }
        rooms[oldest.key] = nil
    }
}

extension ChatHistory.Room {
    /// Returns by how many bytes it has grown; nil when the line was there.
    fileprivate mutating func add(_ line: ChatLine) -> Int? {
        guard !lines.contains(where: { $0.id == line.id }) else { return nil }
        // Nearly always at the end.
        let place = lines.lastIndex { ChatLine.isOrdered($0, line) }.map { $0 + 1 } ?? 0
        lines.insert(line, at: place)
        guard lines.count > ChatHistory.mostLines else { return line.size }
        return line.size - lines.removeFirst().size
    }
}

extension ChatLine {
    /// Bytes that it takes, more or less.
    fileprivate var size: Int { 200 + text.utf8.count }
}
