import CApus

/// Makes messages of the bytes of a WebSocket connection (RFC 6455 §5, §6.2) as they arrive. Bytes of an incomplete
/// message are moved out of the receive buffer, so that memory grows with what has arrived, not with what was
/// announced. While no message is incomplete the decoder owns no memory.
package struct WebSocketDecoder {
    /// What was found. Bytes are valid until the next call.
    package enum Event {
        /// All that was there is read, but for a frame head or a control frame that is not whole; it is at most 130
        /// bytes and has to be there again, with those that follow it.
        case needMore
        /// A whole text or binary message.
        case message(WebSocketOpcode, UnsafeMutableRawBufferPointer)
        case ping(UnsafeRawBufferPointer)
        case pong(UnsafeRawBufferPointer)
        /// The last frame: the caller reads no further (RFC 6455 §5.5.1). The code may be missing.
        case close(WebSocketCloseCode?, reason: UnsafeRawBufferPointer)
        /// The connection is to be closed with the code of the failure. Every further call says the same.
        case failed(WebSocketFailure)
    }

    private enum State {
        /// No message is under way.
        case idle
        /// Within the payload of a frame.
        case payload
        /// Between two fragments of a message.
        case betweenFrames
        /// The assembly holds the message that the last call has returned.
        case delivered
        case failed(WebSocketFailure)
    }

    /// How large a message may be, once inflated; also how large one may become that has begun.
    package var maxMessageBytes: Int
    private let inflation: WebSocketInflation?
    /// The message that has begun, or was returned last, when it could not be returned in place.
    private var assembly: WebSocketAssembly?
    private var state = State.idle
    private let role: WebSocketRole
    private let maskBit: UInt8

    /// `inflation`: that compression was agreed on, and how the peer does it.
    package init(role: WebSocketRole, maxMessageBytes: Int, inflation: WebSocketInflation? = nil) {
        self.role = role
        maskBit = role.maskBit
        self.maxMessageBytes = maxMessageBytes
        self.inflation = inflation
    }

    /// Whether a message has begun that has not ended, in the frames that were read.
    package var isWithinMessage: Bool {
        switch state {
        case .payload, .betweenFrames: true
        case .idle, .delivered, .failed: false
        }
    }

    /// The message that was returned last is not needed any more: gives its memory back.
    package mutating func forgetDelivered() {
        guard case .delivered = state else { return }
        assembly = nil
        state = .idle
    }

    /// Reads on at `offset`, which moves behind what was read: the caller asks again until more bytes are needed.
    /// `count` bytes are there; they are written to, as payloads are unmasked in place.
    package mutating func next(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, at offset: inout Int) -> Event {
        // Nearly every frame is a whole message of less than 126 bytes.
        guard case .idle = state, count &- offset >= 2 else { return nextOther(bytes, count, &offset) }
        let opcode = bytes[offset] &- 0x80
        let length = Int(bytes[offset &+ 1] ^ maskBit)
        // Four bytes of masking key, or none.
        let start = offset &+ 2 &+ Int(maskBit >> 5)
        let end = start &+ length
        guard opcode &- 1 <= 1, length < 126, end <= count, length <= maxMessageBytes else {
            return nextOther(bytes, count, &offset)
        }
        let mask = maskBit == 0 ? nil : UnsafeRawPointer(bytes + start - 4).loadUnaligned(as: UInt32.self)
        offset = end
        return message(opcode == 1 ? .text : .binary, bytes + start, length, mask)
    }

    /// A message that is there as a whole.
    @inline(__always)
    private mutating func message(
        _ opcode: WebSocketOpcode, _ payload: UnsafeMutablePointer<UInt8>, _ length: Int, _ mask: UInt32?
    ) -> Event {
        let mayBeOther = mask.map { capus_unmask(payload, length, $0, 0) != 0 } ?? true
        if mayBeOther, opcode == .text { return text(payload, length) }
        return .message(opcode, UnsafeMutableRawBufferPointer(start: payload, count: length))
    }

    /// A text that may have other characters than those of ASCII.
    @inline(never)
    private mutating func text(_ payload: UnsafeMutablePointer<UInt8>, _ length: Int) -> Event {
        guard capus_check_utf8(payload, length, 0) == 0 else { return fail(.invalidText) }
        return .message(.text, UnsafeMutableRawBufferPointer(start: payload, count: length))
    }

    @inline(never)
    private mutating func nextOther(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ offset: inout Int
    ) -> Event {
        switch state {
        case .failed(let failure): return .failed(failure)
        case .payload: if let event = takePayload(bytes, count, &offset) { return event }
        case .delivered:
            assembly = nil
            state = .idle
        case .idle, .betweenFrames: break
        }
        while true {
            let parsing = WebSocketFrameHead.parse(
                bytes + offset, count - offset, as: role, allowsCompression: inflation != nil)
            switch parsing {
            case .needMore: return .needMore
            case .failed(let failure): return fail(failure)
            case .head(let head) where head.opcode.isControl: return control(head, bytes, count, &offset)
            case .head(let head): if let event = begin(head, bytes, count, &offset) { return event }
            }
        }
    }

    /// Nothing of the message is needed any more.
    @inline(never)
    private mutating func fail(_ failure: WebSocketFailure) -> Event {
        assembly = nil
        state = .failed(failure)
        return .failed(failure)
    }

    // MARK: Control frames

    /// RFC 6455 §5.5: it may stand between the fragments of a message, which it leaves alone.
    private mutating func control(
        _ head: WebSocketFrameHead, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ offset: inout Int
    ) -> Event {
        let start = offset + head.byteCount
        guard head.length <= count - start else { return .needMore }
        offset = start + head.length
        if let mask = head.mask { capus_unmask(bytes + start, head.length, mask, 0) }
        let payload = UnsafeRawBufferPointer(start: bytes + start, count: head.length)
        switch head.opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        default: return close(payload)
        }
    }

    private mutating func close(_ payload: UnsafeRawBufferPointer) -> Event {
        guard let start = payload.baseAddress, payload.count > 0 else { return .close(nil, reason: payload) }
        guard payload.count > 1 else { return fail(.shortClose) }
        let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.mayBeSent else { return fail(.invalidCloseCode) }
        let reason = UnsafeRawBufferPointer(start: start + 2, count: payload.count - 2)
        let state = capus_check_utf8((start + 2).assumingMemoryBound(to: UInt8.self), reason.count, 0)
        return state == 0 ? .close(code, reason: reason) : fail(.invalidReason)
    }

    // MARK: Data frames

    /// A data frame begins. Nil when the next frame may be read.
    private mutating func begin(
        _ head: WebSocketFrameHead, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ offset: inout Int
    ) -> Event? {
        // RFC 6455 §5.4: the fragments of two messages do not mix.
        if head.opcode == .continuation {
            guard assembly != nil else { return fail(.nothingToContinue) }
        } else {
            guard assembly == nil else { return fail(.messageNotEnded) }
        }
        let isCompressed = assembly?.isCompressed ?? head.isCompressed
        // RFC 6455 §10.4: decided before the payload arrives. What cannot be compressed grows a little by it.
        let slack = isCompressed ? maxMessageBytes >> 3 + 64 : 0
        guard head.length - slack <= maxMessageBytes - (assembly?.announced ?? 0) else { return fail(.tooLarge) }
        offset += head.byteCount
        if assembly == nil, head.isFinal, !isCompressed, head.length <= count - offset {
            let payload = bytes + offset
            offset += head.length
            return message(head.opcode, payload, head.length, head.mask)
        }
        let current = assembly ?? WebSocketAssembly(head.opcode, isCompressed ? inflation : nil)
        current.begin(head)
        assembly = current
        state = .payload
        return takePayload(bytes, count, &offset)
    }

    private mutating func takePayload(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ offset: inout Int
    ) -> Event? {
        guard let assembly else { return nil }
        let piece = min(assembly.remaining, count - offset)
        let payload = bytes + offset
        offset += piece
        if let failure = assembly.take(payload, piece, limit: maxMessageBytes) { return fail(failure) }
        if assembly.remaining > 0 { return .needMore }
        guard assembly.isFinal else {
            state = .betweenFrames
            return nil
        }
        if let failure = assembly.finish(limit: maxMessageBytes) { return fail(failure) }
        state = .delivered
        return .message(assembly.opcode, assembly.message)
    }
}
