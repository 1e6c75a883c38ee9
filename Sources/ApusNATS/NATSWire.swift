import Apus
import ApusProtocols

/// NATS as one client's connection speaks it. What the client says is sent as bytes, past it.
final class NATSWire: PacketProtocol {
    private let decoder: NATSDecoder
    /// What was wrong with the server's words. Used by the loop of the one client alone.
    nonisolated(unsafe) private(set) var failure: String?

    nonisolated init(maxMessageBytes: Int) { decoder = NATSDecoder(maxMessageBytes: maxMessageBytes) }

    nonisolated deinit {}

    nonisolated var name: String { "nats" }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        switch decoder.find(in: bytes, searched: searched) {
        case .needMore: return .needMore
        case .complete(let length): return .length(length)
        case .invalid(let reason):
            failure = reason
            return .invalid(reason)
        }
    }

    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> NATSOperation {
        do throws(NATSSyntaxError) {
            return try decoder.decode(packet)
        } catch {
            failure = error.description
            throw error
        }
    }

    nonisolated func encode(_ message: [UInt8], into packet: inout [UInt8]) { packet += message }
}
