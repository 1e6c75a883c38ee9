/// Puts messages together from the packets of all other processes, each of which sends one after the other.
nonisolated struct BusAssembly {
    /// A message that is complete.
    struct Arrival {
        let head: BusPacket.Head
        let bytes: [UInt8]
    }

    /// Room is not made for more than what has come: a process that was taken over may announce anything.
    private static let mostReserved = 16 * 1024 * 1024

    /// Messages of which a part is there, by who sends them.
    private var partial: [Int: (head: BusPacket.Head, bytes: [UInt8])] = [:]

    /// Bytes of messages that are not complete.
    var heldBytes: Int { partial.values.reduce(0) { $0 + $1.bytes.count } }

    /// The message that is complete with a packet. One that does not come to what it has announced is dropped.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> Arrival? {
        guard let packet = BusPacket(bytes) else { return nil }
        if let head = packet.head {
            if packet.isLast {
                partial[packet.member] = nil
                return packet.payload.count == head.size ? Arrival(head: head, bytes: Array(packet.payload)) : nil
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(min(head.size, Self.mostReserved))
            partial[packet.member] = (head, bytes)
        }
        guard let head = partial[packet.member]?.head else { return nil }
        partial[packet.member]!.bytes += packet.payload
        let count = partial[packet.member]!.bytes.count
        guard packet.isLast || count > head.size else { return nil }
        guard let whole = partial.removeValue(forKey: packet.member), count == head.size else { return nil }
        return Arrival(head: head, bytes: whole.bytes)
    }

    /// A sender has ended: what it did not complete never will be.
    mutating func forget(_ member: Int) { partial[member] = nil }
}
