/// An event with bytes of its own, or with their count where they are many.
private enum Seen: Equatable {
    case message(WebSocketOpcode, [UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, [UInt8])
    case failed(WebSocketFailure)

    var isLast: Bool {
        switch self {
        case .close, .failed: true
        case .message, .ping, .pong: false
        }
    }
}

/// What the first byte of an input chooses.
private struct Choice {
    let role: WebSocketRole
    let maxMessageBytes: Int
    let deflates: Bool
    let takesOver: Bool

    init(_ byte: UInt8) {
        role = byte & 1 == 0 ? .server : .client
        deflates = byte & 2 != 0
        takesOver = byte & 4 != 0
        maxMessageBytes = [1 << 16, 100, 1000, 0][Int(byte >> 3 & 3)]
    }

    func decoder() -> WebSocketDecoder {
        let inflation = takesOver ? WebSocketInflation(windowBits: 15) : WebSocketInflation(pool: .init())
        return WebSocketDecoder(
            role: role, maxMessageBytes: maxMessageBytes, inflation: deflates ? inflation : nil)
    }
}

/// Reads the input in pieces of `step` bytes, each of which stands in memory that ends with it.
private func read(_ input: UnsafeRawBufferPointer, _ choice: Choice, step: Int) -> [Seen] {
    var decoder = choice.decoder()
    var events: [Seen] = []
    var left: [UInt8] = []
    var start = 0
    while start < input.count {
        let end = min(start + step, input.count)
        let count = left.count + end - start
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
        defer { memory.deallocate() }
        for (i, byte) in (left + input[start..<end]).enumerated() { memory[i] = byte }
        var offset = 0
        while let event = next(&decoder, memory, count, &offset, choice) {
            events.append(event)
            if event.isLast { return events }
        }
        check(offset <= count && count - offset <= 130, "\(count - offset) bytes are left")
        left = (offset..<count).map { memory[$0] }
        start = end
    }
    return events
}

private func next(
    _ decoder: inout WebSocketDecoder, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ offset: inout Int,
    _ choice: Choice
) -> Seen? {
    let start = offset
    let event = decoder.next(bytes, count, at: &offset)
    check(offset >= start && offset <= count, "beyond the bytes")
    switch event {
    case .needMore: return nil
    case .message(let opcode, let payload):
        check(opcode == .text || opcode == .binary, "no message")
        check(payload.count <= choice.maxMessageBytes, "larger than the limit")
        if opcode == .text {
            check(String(validating: payload, as: UTF8.self) != nil, "no text")
        }
        return .message(opcode, Array(payload))
    case .ping(let payload):
        check(payload.count <= 125, "a long ping")
        return .ping(Array(payload))
    case .pong(let payload):
        check(payload.count <= 125, "a long pong")
        return .pong(Array(payload))
    case .close(let code, let reason):
        check(reason.count <= 123 && code?.mayBeSent != false, "no close frame")
        check(String(validating: reason, as: UTF8.self) != nil, "no text")
        return .close(code?.rawValue, Array(reason))
    case .failed(let failure):
        check(failure.closeCode.mayBeSent, "a code that may not be sent")
        return .failed(failure)
    }
}

/// WebSocket frames: the same events whole and in pieces, within their limits.
func fuzzWebSocket(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let choice = Choice(input[0])
    let bytes = UnsafeRawBufferPointer(rebasing: input[2...])
    let whole = read(bytes, choice, step: bytes.count)
    for step in [1, 1 + Int(input[1] & 63)] {
        let pieces = read(bytes, choice, step: step)
        check(whole == pieces, "\(whole) whole, \(pieces) in pieces of \(step)")
    }
}

/// Compressed messages: what is no frame head is taken for the payload of one message, then of another, and what is
/// compressed here comes back.
func fuzzInflate(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let choice = Choice(input[0] & 0xFC | 3)
    let payload = UnsafeRawBufferPointer(rebasing: input[2...])
    let cut = payload.count * Int(input[1]) / 256
    var frames: [UInt8] = []
    var opcode = WebSocketOpcode.binary
    for part in [payload[..<cut], payload[cut...]] {
        let head = WebSocketFrameHead(opcode, length: part.count, isCompressed: true)
        head.append(UnsafeRawBufferPointer(rebasing: part), to: &frames)
        opcode = .text
    }
    frames.withUnsafeBytes { frames in
        let whole = read(frames, choice, step: frames.count)
        let pieces = read(frames, choice, step: 1 + Int(input[1] & 15))
        check(whole == pieces, "\(whole) whole, \(pieces) in pieces")
    }
    roundTrip(payload, Choice(choice.takesOver ? 7 : 3))
}

private func roundTrip(_ payload: UnsafeRawBufferPointer, _ choice: Choice) {
    let deflater = WebSocketDeflater(windowBits: 9 + payload.count % 7, takesOver: choice.takesOver)
    var frames: [UInt8] = []
    for _ in 0..<2 {
        var message: [UInt8] = []
        deflater.append(payload, to: &message)
        let head = WebSocketFrameHead(.binary, length: message.count, isCompressed: true)
        message.withUnsafeBytes { head.append($0, to: &frames) }
    }
    let events = frames.withUnsafeBytes { read($0, choice, step: 100) }
    check(events == Array(repeating: .message(.binary, Array(payload)), count: 2), "\(events) comes back")
}
