import Apus
import ApusProtocols

/// NATS as one client's connection speaks it. What the client says is sent as bytes, past it.
final class NATSWire: PacketProtocol {
    private let decoder: NATSDecoder

    nonisolated init(maxMessageBytes: Int) { decoder = NATSDecoder(maxMessageBytes: maxMessageBytes) }

    nonisolated deinit {}

    nonisolated var name: String { "nats" }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        switch decoder.find(in: bytes, searched: searched) {
        case .needMore: .needMore
        case .complete(let length): .length(length)
        case .invalid(let reason): .invalid(reason)
        }
    }

    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> NATSOperation { try decoder.decode(packet) }

    nonisolated func encode(_ message: [UInt8], into packet: inout [UInt8]) { packet += message }
}
