import Apus

/// Lines that begin with their number in this direction of this connection: state that no other connection may have.
final class Counted: PacketProtocol {
    private nonisolated(unsafe) var received = 0
    private nonisolated(unsafe) var sent = 0

    nonisolated init() {}

    nonisolated func forConnection() -> Counted? { Counted() }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        bytes.firstIndex(of: 0x0A).map { .length($0 + 1) } ?? .needMore
    }

    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> String {
        let parts = String(decoding: packet.dropLast(), as: UTF8.self).split(separator: " ", maxSplits: 1)
        guard parts.count == 2, Int(parts[0]) == received else {
            throw ScenarioError(description: "expected number \(received)")
        }
        received += 1
        return String(parts[1])
    }

    nonisolated func encode(_ message: String, into packet: inout [UInt8]) {
        packet += Array("\(sent) \(message)\n".utf8)
        sent += 1
    }
}
