import Apus
import ApusProtocols

/// A frame of STOMP.
public typealias STOMPFrame = ApusProtocols.STOMPFrame
/// The headers of a frame.
public typealias STOMPHeaders = ApusProtocols.STOMPHeaders
/// A version of the protocol.
public typealias STOMPVersion = ApusProtocols.STOMPVersion

/// What a client and the protocol of its connection tell each other.
nonisolated final class STOMPLink: Sendable {
    // Used by the loop of the one client alone.
    nonisolated(unsafe) var version: STOMPVersion?
    // As above.
    nonisolated(unsafe) var failure: String?
}

/// STOMP as one client's connection speaks it. Frames are sent as bytes, past it.
final class STOMPWire: PacketProtocol {
    private let link: STOMPLink
    private let limits: STOMPLimits
    // One connection's, and used by its loop alone.
    private nonisolated(unsafe) var framing: STOMPFraming

    nonisolated init(_ link: STOMPLink, limits: STOMPLimits) {
        self.link = link
        self.limits = limits
        framing = STOMPFraming(limits: limits)
    }

    nonisolated var name: String { "stomp" }

    nonisolated func forConnection() -> STOMPWire? { STOMPWire(link, limits: limits) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        switch framing.find(in: bytes, searched: searched) {
        case .needMore: return .needMore
        case .heartBeats(let count): return .control(length: count)
        case .complete(let length): return .length(length)
        case .invalid(let reason):
            link.failure = reason
            return .invalid(reason)
        }
    }

    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> STOMPFrame {
        do throws(STOMPSyntaxError) {
            return try STOMPDecoder.decode(packet, version: link.version)
        } catch {
            link.failure = error.description
            throw error
        }
    }

    nonisolated func encode(_ message: STOMPFrame, into packet: inout [UInt8]) throws {
        try STOMPEncoder.append(message, version: link.version, to: &packet)
    }
}
