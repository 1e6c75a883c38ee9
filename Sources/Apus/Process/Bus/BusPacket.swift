/// What goes through the socket between two processes at once: a message, or a piece of one.
///
///     flags (1 byte), member (8 bytes), in the first: size of the message (8), id (4), lengths of name and topic
///     (2, 2), name, topic; then bytes of the message
///
/// Numbers are as the machine has them: both ends are on it.
nonisolated struct BusPacket {
    /// Whom a message is for.
    enum Kind: UInt8 {
        /// The handlers of an event, which is the topic.
        case event
        /// The clients of a worker, whose key is the topic: bytes as they are sent.
        case bytes
        /// The same for a WebSocket worker: a message of text, or of bytes.
        case webSocketText
        case webSocketBytes
    }

    /// What only the first packet of a message says.
    struct Head {
        let kind: Kind
        let size: Int
        let sender: BusSender
        let topic: String
    }

    /// Bytes of a packet at most. Several have room in a socket of usual size, and one in a very small one.
    static let capacity = 32 * 1024
    /// Bytes that an event's name may have.
    static let mostTopicBytes = 1024
    private static let mostNameBytes = 256
    private static let isFirst: UInt8 = 1
    private static let isLast: UInt8 = 2
    private static let kindShift: UInt8 = 4

    let member: Int
    /// Nil in the middle of a message.
    let head: Head?
    let isLast: Bool
    let payload: UnsafeRawBufferPointer

    /// Cuts a message into packets.
    static func packets(
        _ kind: Kind, from sender: BusSender, member: Int, _ topic: String, _ message: UnsafeRawBufferPointer
    ) -> [[UInt8]] {
        var packets: [[UInt8]] = []
        var rest = message[...]
        repeat {
            var packet: [UInt8] = []
            packet.reserveCapacity(min(capacity, rest.count + 1400))
            packet.append(kind.rawValue << kindShift)
            append(UInt64(member), to: &packet)
            if packets.isEmpty {
                packet[0] |= isFirst
                let name = sender.worker.utf8.prefix(mostNameBytes)
                append(UInt64(message.count), to: &packet)
                append(UInt32(truncatingIfNeeded: sender.id), to: &packet)
                append(UInt16(name.count), to: &packet)
                append(UInt16(topic.utf8.count), to: &packet)
                packet += name
                packet += topic.utf8
            }
            let piece = rest.prefix(capacity - packet.count)
            packet += piece
            rest = rest.dropFirst(piece.count)
            if rest.isEmpty { packet[0] |= isLast }
            packets.append(packet)
        } while !rest.isEmpty
        return packets
    }

    private static func append(_ value: some FixedWidthInteger, to packet: inout [UInt8]) {
        withUnsafeBytes(of: value) { packet += $0 }
    }

    /// Reads one, whose bytes it refers to; nil when it is none.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 9, let kind = Kind(rawValue: bytes[0] >> Self.kindShift) else { return nil }
        member = Int(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
        isLast = bytes[0] & Self.isLast != 0
        guard bytes[0] & Self.isFirst != 0 else {
            head = nil
            payload = UnsafeRawBufferPointer(rebasing: bytes[9...])
            return
        }
        guard bytes.count >= 25 else { return nil }
        let size = bytes.loadUnaligned(fromByteOffset: 9, as: UInt64.self)
        let id = bytes.loadUnaligned(fromByteOffset: 17, as: UInt32.self)
        let nameEnd = 25 + Int(bytes.loadUnaligned(fromByteOffset: 21, as: UInt16.self))
        let topicEnd = nameEnd + Int(bytes.loadUnaligned(fromByteOffset: 23, as: UInt16.self))
        guard topicEnd <= bytes.count else { return nil }
        let sender = BusSender(worker: String(decoding: bytes[25..<nameEnd], as: UTF8.self), id: Int(id))
        head = Head(
            kind: kind, size: Int(clamping: size), sender: sender,
            topic: String(decoding: bytes[nameEnd..<topicEnd], as: UTF8.self))
        payload = UnsafeRawBufferPointer(rebasing: bytes[topicEnd...])
    }
}
