import Apus
import ApusProtocols

/// A reply of Redis, or a part of one.
public typealias RedisValue = ApusProtocols.RedisValue

/// The protocol of Redis as one client's connection speaks it. Commands are sent as bytes, past it.
final class RESP: PacketProtocol {
    // One connection's, and used by its loop alone.
    private nonisolated(unsafe) var framing = RESPFraming()

    nonisolated init() {}

    nonisolated var name: String { "redis" }
    nonisolated func forConnection() -> RESP? { RESP() }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        switch framing.find(in: bytes, searched: searched) {
        case .needMore: .needMore
        case .complete(let length): .length(length)
        case .invalid(let reason): .invalid(reason)
        }
    }

    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> RedisValue { try RESPDecoder.decode(packet) }

    nonisolated func encode(_ message: [[UInt8]], into packet: inout [UInt8]) {
        RESPCommand.append(message, to: &packet)
    }
}
