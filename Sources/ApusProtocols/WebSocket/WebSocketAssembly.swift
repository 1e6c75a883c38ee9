import CApus

/// A message of which a part has arrived: fragments, the beginning of a frame, or what was inflated so far.
final class WebSocketAssembly {
    let opcode: WebSocketOpcode
    var isCompressed: Bool { inflation != nil }
    /// Bytes of payload of the current frame that have not arrived.
    private(set) var remaining = 0
    /// Bytes of payload of all frames so far, arrived or not.
    private(set) var announced = 0
    /// Whether the current frame is the last one.
    private(set) var isFinal = false
    private var frameLength = 0
    private var mask: UInt32?
    /// Of `capus_check_utf8`.
    private var textState: UInt8 = 0
    private let inflation: WebSocketInflation?
    /// From the first byte on.
    private var inflater: WebSocketInflater?

    private var memory: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var count = 0

    /// `inflation`: the message is compressed.
    init(_ opcode: WebSocketOpcode, _ inflation: WebSocketInflation?) {
        self.opcode = opcode
        self.inflation = inflation
    }

    deinit { memory?.deallocate() }

    /// What has arrived, unmasked and inflated.
    var message: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: memory, count: count) }

    /// The next frame of the message begins.
    func begin(_ head: WebSocketFrameHead) {
        remaining = head.length
        frameLength = head.length
        announced += head.length
        isFinal = head.isFinal
        mask = head.mask
    }

    /// The next bytes of the frame.
    func take(_ payload: UnsafeMutablePointer<UInt8>, _ piece: Int, limit: Int) -> WebSocketFailure? {
        guard piece > 0 else { return nil }
        let mayBeOther = mask.map { capus_unmask(payload, piece, $0, frameLength - remaining) != 0 } ?? true
        remaining -= piece
        if let inflation {
            let inflater = inflater ?? inflation.borrow()
            self.inflater = inflater
            return inflate(inflater, payload, piece, limit)
        }
        let needed = count + piece
        if needed > capacity {
            // Doubled, so that many small fragments are not copied each time; a last frame says where it ends.
            grow(to: max(needed, min(max(2 * capacity, 128), isFinal ? needed + remaining : .max)))
        }
        guard let memory else { return nil }
        (memory + count).update(from: payload, count: piece)
        count = needed
        return mayBeOther || textState != 0 ? checkText(memory + (count - piece), piece) : nil
    }

    /// The last frame has ended.
    func finish(limit: Int) -> WebSocketFailure? {
        // Some senders make an empty message of no bytes at all, where RFC 7692 §7.2.3.6 has one.
        if let inflater {
            if let failure = inflateEnd(inflater, limit) { return failure }
            inflation?.giveBack(inflater)
            self.inflater = nil
        }
        return textState == 0 ? nil : .invalidText
    }

    /// RFC 6455 §8.1, as soon as no continuation can be valid.
    private func checkText(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> WebSocketFailure? {
        guard opcode == .text else { return nil }
        textState = capus_check_utf8(bytes, count, textState)
        return textState == UInt8(CAPUS_UTF8_INVALID) ? .invalidText : nil
    }

    private func grow(to newCapacity: Int) {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
        if let memory {
            larger.update(from: memory, count: count)
            memory.deallocate()
        }
        memory = larger
        capacity = newCapacity
    }

    // MARK: Compressed messages

    /// Inflates in steps, none of which makes more than one byte beyond the limit, or than twice what is there.
    private func inflate(
        _ inflater: WebSocketInflater, _ input: UnsafePointer<UInt8>, _ inputCount: Int, _ limit: Int
    ) -> WebSocketFailure? {
        inflater.feed(input, inputCount)
        guard count <= limit else { return .tooLarge }
        let end = limit == .max ? limit : limit + 1
        repeat {
            if count == capacity {
                grow(to: min(max(2 * capacity, min(max(4 * inputCount, 256), 1 << 16)), end))
            }
            guard let memory else { return nil }
            let made = inflater.step(into: memory + count, min(capacity, end) - count)
            if let failure = checkText(memory + count, made) { return failure }
            count += made
            // In the order of the stream, of which zlib may have looked at more than what it made bytes of.
            guard count <= limit else { return .tooLarge }
            if inflater.isInvalid { return .invalidCompression }
        } while !inflater.needsInput
        return nil
    }

    /// RFC 7692 §7.2.2: what the sender has left out.
    private func inflateEnd(_ inflater: WebSocketInflater, _ limit: Int) -> WebSocketFailure? {
        if inflater.hasEnded { return nil }
        let failure = withUnsafeBytes(of: UInt32(0x0000_FFFF).bigEndian) { tail -> WebSocketFailure? in
            guard let start = tail.baseAddress else { return nil }
            return inflate(inflater, start.assumingMemoryBound(to: UInt8.self), tail.count, limit)
        }
        return failure ?? (inflater.isBetweenBlocks ? nil : .invalidCompression)
    }
}
