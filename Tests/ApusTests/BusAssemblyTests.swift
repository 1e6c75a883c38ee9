import Testing

@testable import Apus

@Suite struct `Messages of the bus` {
    private let message = (0..<80_000).map { UInt8(truncatingIfNeeded: $0) }

    private func packets(_ member: Int) -> [[UInt8]] {
        let sender = BusSender(worker: "chat", id: 1)
        return message.withUnsafeBytes { BusPacket.packets(.event, from: sender, member: member, "price", $0) }
    }

    @Test func `come out of packets that are mixed`() {
        var assembly = BusAssembly()
        var arrived: [[UInt8]] = []
        for (one, other) in zip(packets(1), packets(2)) {
            for packet in [one, other] {
                if let arrival = packet.withUnsafeBytes({ assembly.take($0) }) { arrived.append(arrival.bytes) }
            }
        }
        #expect(arrived == [message, message] && assembly.heldBytes == 0)
    }

    @Test func `are dropped with what goes beyond their size`() {
        var assembly = BusAssembly()
        let packets = packets(1)
        for packet in [packets[0], packets[1], packets[1], packets[1]] {
            #expect(packet.withUnsafeBytes { assembly.take($0) } == nil)
        }
        #expect(assembly.heldBytes == 0)
        #expect(packets.last!.withUnsafeBytes { assembly.take($0) } == nil)
    }
}
