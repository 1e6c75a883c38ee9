import ApusProtocols
import CApus

/// Finds the ends of the messages that a connection receives, where no HTTP is spoken, in place and however they are
/// split. Of a message nothing is kept.
nonisolated struct MessageReader {
    enum Outcome {
        /// A message ends here.
        case complete
        /// All that could be read has been read.
        case incomplete
        /// A ping has come, whose payload ends here (RFC 6455 §5.5.2).
        case ping(count: Int)
        /// The peer has said that it closes.
        case closed
        case malformed(MalformedReason)
    }

    /// A longer message is taken for a wrong one.
    private static let mostBytes = 1 << 30

    /// Bytes of the message, or of its frame, that are still to come.
    private var remaining = 0
    /// A part of a message has been read.
    private var isInside = false
    /// The frame that is being read is the last one of its message.
    private var isLast = false

    /// No byte of the next message has been read.
    var isBetweenMessages: Bool { !isInside }

    /// Reads from `p` to the end of one message, or to `end`, and leaves `p` behind what was read. A message of `tcp`
    /// has `count` bytes.
    @inline(__always)
    mutating func read(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ spoken: LoadProtocol, count: Int
    ) -> Outcome {
        switch spoken {
        case .text: return readLine(&p, end)
        case .udp:
            // What one call receives is a datagram.
            p = end
            return .complete
        case .webSocket: return readWebSocket(&p, end)
        case .frame:
            if !isInside {
                guard end - p >= 4 else { return .incomplete }
                let length = Int(UInt32(bigEndian: UnsafeRawPointer(p).loadUnaligned(as: UInt32.self)))
                guard length >= 4, length <= Self.mostBytes else { return .malformed(.frame) }
                begin(length)
            }
        case .tcp, .http: if !isInside { begin(count) }
        }
        return readRest(&p, end)
    }

    private mutating func begin(_ count: Int) {
        remaining = count
        isInside = true
        isLast = true
    }

    private mutating func readLine(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        guard let found = memchr(p, 0x0A, end - p) else {
            p = end
            isInside = true
            return .incomplete
        }
        p = UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) + 1
        isInside = false
        return .complete
    }

    private mutating func readRest(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        let count = min(remaining, end - p)
        p += count
        remaining -= count
        guard remaining == 0, isLast else { return .incomplete }
        isInside = false
        return .complete
    }

    private mutating func readWebSocket(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        while true {
            if remaining > 0 || (isInside && isLast) {
                if case .complete = readRest(&p, end) { return .complete }
                if remaining > 0 { return .incomplete }
            }
            switch WebSocketFrameHead.parse(p, end - p, as: .client, allowsCompression: false) {
            case .needMore: return .incomplete
            case .failed: return .malformed(.webSocketFrame)
            case .head(let head):
                if head.opcode.isControl {
                    // Whole or not at all: what is not whole comes again with what follows.
                    guard end - p >= head.byteCount + head.length else { return .incomplete }
                    p += head.byteCount + head.length
                    switch head.opcode {
                    case .ping: return .ping(count: head.length)
                    case .close: return .closed
                    default: continue
                    }
                }
                guard (head.opcode == .continuation) == isInside, head.length <= Self.mostBytes else {
                    return .malformed(.webSocketFrame)
                }
                p += head.byteCount
                remaining = head.length
                isInside = true
                isLast = head.isFinal
            }
        }
    }
}
