import ApusProtocols

/// What stands in a `ChannelJournal`, one record behind the other:
///
///     length, which counts itself (4 bytes), check sum of the message (4 bytes), message
///
///     {"id":7,"queue":"mail","data":…}    an item has come
///     {"done":7}                          it is nobody's any more
///
/// Numbers have their most significant byte first.
nonisolated enum JournalRecord {
    case item(queue: String, ChannelItem)
    case done(Int)

    /// What the records of a journal come to.
    struct Content {
        /// Items that wait, in order.
        var items: [(queue: String, item: ChannelItem)] = []
        /// So many bytes were read; the record behind them is none.
        var count = 0
    }

    private static let headCount = 8
    /// So many items no server will ever have had.
    private static let ids = 1...(1 << 53)

    /// As it is written.
    var bytes: [UInt8] {
        var writer = ClusterMessageWriter()
        switch self {
        case .item(let queue, let item):
            writer.add("id", item.id)
            writer.add("queue", queue)
            writer.add("data", json: item.data)
        case .done(let id): writer.add("done", id)
        }
        let message = writer.message
        let sum = message.withUnsafeBytes { CRC32.sum(of: $0) }
        return Self.bytes(UInt32(Self.headCount + message.count)) + Self.bytes(sum) + message
    }

    /// Bytes that the record of an item has, at most.
    static func size(_ queue: String, _ item: ChannelItem) -> Int {
        // Small items have more around them than in them, and each byte of a name may be escaped.
        item.data.count + queue.utf8.count * 6 + 56
    }

    /// Reads up to the first record that is not as it was written.
    static func read(_ bytes: [UInt8]) -> Content {
        var content = Content()
        var items: [Int: (queue: String, item: ChannelItem)] = [:]
        while let message = message(in: bytes, at: content.count), let record = JournalRecord(message) {
            switch record {
            case .item(let queue, let item): items[item.id] = (queue, item)
            case .done(let id): items[id] = nil
            }
            content.count += headCount + message.count
        }
        content.items = items.values.sorted { $0.item.id < $1.item.id }
        return content
    }

    /// Whether records stand behind one that cannot be read: it is no end that was torn off then.
    static func isFollowed(_ bytes: [UInt8], from start: Int) -> Bool {
        // A message begins with a brace.
        bytes[start...].indices.dropFirst(headCount + 1).contains {
            bytes[$0] == UInt8(ascii: "{")
                && message(in: bytes, at: $0 - headCount).flatMap { JournalRecord($0) } != nil
        }
    }

    private init?(_ message: ArraySlice<UInt8>) {
        guard let message = try? ClusterMessage(Array(message)) else { return nil }
        if let id = message.number("done"), Self.ids.contains(id) {
            self = .done(id)
        } else if let id = message.number("id"), Self.ids.contains(id), let queue = message.string("queue"),
            let data = message.json("data")
        {
            self = .item(queue: queue, ChannelItem(id: id, data: data))
        } else {
            return nil
        }
    }

    /// The message of the record that begins at `start`; nil when it is not there as a whole, or not as it was written.
    private static func message(in bytes: [UInt8], at start: Int) -> ArraySlice<UInt8>? {
        guard bytes.count - start > headCount else { return nil }
        let length = number(bytes[start..<start + 4])
        guard length > headCount, length <= bytes.count - start else { return nil }
        let message = bytes[start + headCount..<start + length]
        let sum = message.withUnsafeBytes { CRC32.sum(of: $0) }
        return number(bytes[start + 4..<start + headCount]) == Int(sum) ? message : nil
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    private static func bytes(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}
