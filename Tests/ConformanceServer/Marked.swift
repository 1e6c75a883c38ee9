import Apus
import Synchronization

/// Packets that end at a bar. A message is its length, and how many bytes were searched for its end. A packet with an
/// escape is none, and a message with a bar cannot be sent. `?` alone is a heartbeat, answered with `!`; `#` is no way
/// to begin, and is told so.
struct Marked: PacketProtocol {

    private nonisolated static let searchedBytes = Mutex(0)

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        if bytes.first == UInt8(ascii: "?") { return .control(length: 1, reply: [UInt8(ascii: "!")]) }
        if bytes.first == UInt8(ascii: "#") { return .invalid("a hash", reply: Array("no|".utf8)) }
        let end = bytes[searched...].firstIndex(of: UInt8(ascii: "|"))
        Self.searchedBytes.withLock { $0 += (end ?? bytes.count) - searched }
        return end.map { .length($0 + 1) } ?? .needMore
    }

    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> String {
        if packet.contains(0x1B) { throw ScenarioError(description: String(decoding: packet, as: UTF8.self)) }
        let searched = Self.searchedBytes.withLock { (count: inout Int) in
            defer { count = 0 }
            return count
        }
        return "\(packet.count - 1) \(searched)"
    }

    nonisolated func encode(_ message: String, into packet: inout [UInt8]) throws {
        if message.utf8.contains(0x7C) { throw ScenarioError(description: "a bar in a message") }
        packet += Array(message.utf8) + [0x7C]
    }
}
