import CApus

/// Memory that ends where a parser may read no further, so that AddressSanitizer sees it if it does.
private final class Message {
    let bytes: UnsafeMutablePointer<UInt8>
    private let padding = Int(CAPUS_SCAN_PADDING)

    /// `arrived` of the bytes are there; a zero follows them, and then what must make no difference.
    init(_ input: UnsafeRawBufferPointer, arrived: Int) {
        bytes = .allocate(capacity: arrived + padding)
        for i in 0..<arrived { bytes[i] = input[i] }
        bytes[arrived] = 0
        for i in 1..<padding { bytes[arrived + i] = UInt8(ascii: "A") }
    }

    deinit { bytes.deallocate() }
}

private struct Seen: Equatable {
    enum Outcome: Equatable {
        case complete, incomplete
        case invalid(HTTPRequestError)
    }

    var outcome = Outcome.complete
    /// Everything that the head says, as numbers.
    var numbers: [Int] = []
}

private func read(_ input: UnsafeRawBufferPointer, arrived: Int, _ limits: HTTPRequestLimits) -> Seen {
    let message = Message(input, arrived: arrived)
    let fields = UnsafeMutablePointer<HTTPFieldRange>.allocate(capacity: limits.maxFields)
    defer { fields.deallocate() }
    var parser = HTTPRequestParser(limits: limits, fields: fields)
    switch parser.parse(message.bytes, count: arrived) {
    case .incomplete: return Seen(outcome: .incomplete)
    case .invalid(let error): return Seen(outcome: .invalid(error))
    case .complete: break
    }
    let head = parser.head
    check(head.byteCount <= arrived && head.fieldCount <= limits.maxFields, "beyond the bounds")
    check(head.byteCount <= limits.maxHeadBytes + 4 && head.contentLength >= 0, "beyond the limits")
    check(head.contentLength <= limits.maxMessageBytes - head.byteCount, "a length beyond the limit")
    check(Int(head.targetStart) + Int(head.targetCount) < head.byteCount, "a target beyond the head")
    check(head.pathOffset <= head.targetCount, "a path beyond the target")
    var seen = Seen()
    seen.numbers = [
        Int(head.method.rawValue), Int(head.minorVersion), Int(head.targetStart), Int(head.targetCount),
        Int(head.pathOffset), head.byteCount, head.contentLength, head.isChunked ? 1 : 0, head.keepsAlive ? 1 : 0,
        head.expectsContinue ? 1 : 0,
    ]
    for field in UnsafeBufferPointer(start: fields, count: head.fieldCount) {
        check(Int(field.nameStart) + Int(field.nameCount) < head.byteCount, "a name beyond the head")
        check(Int(field.valueStart) + Int(field.valueCount) < head.byteCount, "a value beyond the head")
        check(field.nameCount > 0, "a field without a name")
        seen.numbers += [field.nameStart, field.nameCount, field.valueStart, field.valueCount].map(Int.init)
    }
    return seen
}

/// Heads: what was read of the whole is read of its beginning, or more bytes are asked for.
func fuzzRequest(_ input: UnsafeRawBufferPointer) {
    guard input.count > 1 else { return }
    var limits = HTTPRequestLimits()
    // The first byte chooses bounds that inputs reach, and a place to cut.
    if input[0] & 1 == 1 {
        limits.maxHeadBytes = 64 + Int(input[0])
        limits.maxFields = 4
        limits.maxMessageBytes = 512
    }
    let bytes = UnsafeRawBufferPointer(rebasing: input[1...])
    let whole = read(bytes, arrived: bytes.count, limits)
    let part = read(bytes, arrived: bytes.count * Int(input[0]) / 256, limits)
    if part.outcome == .complete {
        check(part == whole, "a beginning is another request")
    } else {
        check(part.outcome == .incomplete || part.outcome == whole.outcome, "\(part.outcome), then \(whole.outcome)")
    }
}

/// Chunked bodies: the same whole and in pieces, within the message, and nothing before it is touched.
func fuzzChunkedBody(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let step = Int(input[0]) + 1
    let limit = input[1] & 1 == 1 ? 100 : 1 << 20
    let bytes = UnsafeRawBufferPointer(rebasing: input[2...])
    let prefix = 7
    func decode(_ step: Int) -> (HTTPChunkedDecoder.Outcome, HTTPChunkedDecoder, [UInt8]) {
        let message = UnsafeMutablePointer<UInt8>.allocate(capacity: prefix + bytes.count)
        defer { message.deallocate() }
        for i in 0..<prefix { message[i] = UInt8(ascii: "h") }
        for i in 0..<bytes.count { message[prefix + i] = bytes[i] }
        var decoder = HTTPChunkedDecoder(bodyStart: prefix, maxMessageBytes: limit)
        var outcome = HTTPChunkedDecoder.Outcome.incomplete
        var count = prefix
        while count < prefix + bytes.count, outcome == .incomplete {
            count = min(count + step, prefix + bytes.count)
            outcome = decoder.decode(message, count: count)
        }
        check((0..<prefix).allSatisfy { message[$0] == UInt8(ascii: "h") }, "the head was written to")
        check(decoder.readOffset <= count && decoder.bodyCount >= 0, "beyond the input")
        check(prefix + decoder.bodyCount <= decoder.readOffset, "more than came")
        if outcome == .complete {
            check(decoder.trailerStart <= decoder.trailerEnd && decoder.trailerEnd <= decoder.readOffset, "trailers")
        }
        let body = UnsafeBufferPointer(start: message + prefix, count: decoder.bodyCount)
        return (outcome, decoder, Array(body))
    }
    let whole = decode(Int.max / 2)
    let pieces = decode(step)
    check(whole.0 == pieces.0, "\(whole.0) whole, \(pieces.0) in pieces of \(step)")
    if whole.0 == .complete {
        check(whole.2 == pieces.2 && whole.1.readOffset == pieces.1.readOffset, "another body in pieces")
    }
}
