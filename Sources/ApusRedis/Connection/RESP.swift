import Apus
import ApusProtocols

/// A reply of Redis, or a part of one.
public typealias RedisValue = ApusProtocols.RedisValue

/// The protocol of Redis as one client's connection speaks it: a message is all the replies that arrived together.
/// Commands are sent as bytes, past it.
final class RESP: PacketProtocol {
    // One connection's, and used by its loop alone.
    private nonisolated(unsafe) var replies: RESPReplies
    private let maxReplyBytes: Int

    nonisolated init(maxReplyBytes: Int) {
        self.maxReplyBytes = maxReplyBytes
        replies = RESPReplies(maxBytes: maxReplyBytes)
    }

    nonisolated var name: String { "redis" }
    nonisolated func forConnection() -> RESP? { RESP(maxReplyBytes: maxReplyBytes) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        switch replies.find(in: bytes, searched: searched) {
        case .needMore: .needMore
        case .complete(let length): .length(length)
        case .invalid(let reason): .invalid(reason)
        }
    }

    /// Called right after the bytes were framed.
    nonisolated func decode(_ packet: UnsafeRawBufferPointer) throws -> [RedisValue] { replies.take() }

    nonisolated func encode(_ message: [UInt8], into packet: inout [UInt8]) { packet += message }
}
