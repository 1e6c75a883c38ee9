import CApus

/// What came out of a stream of packets.
private struct Read<Packet: Equatable>: Equatable {
    var packets: [Packet] = []
    var isRefused = false
}

/// What one look at bytes that have arrived has found at their front.
private enum Found<Packet> {
    case needMore
    /// Its length is known, and its end is not there.
    case partial
    /// The packet has so many bytes, all of which are there.
    case packet(Packet?, Int)
    case refused
}

/// Feeds a stream in pieces of `step` bytes, as a connection does; `find` gets what is held, and how much of that it
/// has said `needMore` to before.
private func read<Packet: Equatable>(
    _ stream: UnsafeRawBufferPointer, _ step: Int, _ find: (UnsafeRawBufferPointer, Int) -> Found<Packet>
) -> Read<Packet> {
    var read = Read<Packet>()
    var start = 0
    var searched = 0
    var end = 0
    while end < stream.count {
        end = min(end + step, stream.count)
        reading: while start < end {
            // Of its own, so that AddressSanitizer sees what goes beyond it.
            let held = Array(stream[start..<end])
            switch held.withUnsafeBytes({ find($0, searched) }) {
            case .needMore:
                searched = held.count
                break reading
            case .partial: break reading
            case .packet(let packet, let count):
                check(count > 0 && count <= held.count, "a packet of \(count) in \(held.count) bytes")
                if let packet { read.packets.append(packet) }
                start += count
                searched = 0
            case .refused:
                read.isRefused = true
                return read
            }
        }
    }
    return read
}

private func checkPieces<Packet: Equatable>(
    _ input: UnsafeRawBufferPointer, _ read: (UnsafeRawBufferPointer, Int) -> Read<Packet>
) {
    guard let first = input.first else { return }
    let stream = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    let whole = read(stream, .max / 2)
    let pieces = read(stream, Int(first) + 1)
    check(whole == pieces, "whole: \(whole)\nin pieces of \(Int(first) + 1): \(pieces)")
}

/// Redis' replies: the same whole and in pieces, and the same by the quick way.
func fuzzRedisReplies(_ input: UnsafeRawBufferPointer) {
    func slow(_ stream: UnsafeRawBufferPointer, _ step: Int) -> Read<String> {
        var framing = RESPFraming()
        return read(stream, step) { bytes, searched in
            switch framing.find(in: bytes, searched: searched) {
            case .complete(let count) where count <= bytes.count:
                let packet = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                guard let value = try? RESPDecoder.decode(packet) else { return .refused }
                return .packet("\(value)", count)
            case .complete, .needMore: return .needMore
            case .invalid: return .refused
            }
        }
    }
    checkPieces(input, slow)
    guard input.count > 1 else { return }
    let stream = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    var replies = RESPReplies(maxBytes: 1 << 20)
    if case .complete(let count) = replies.find(in: stream, searched: 0), count <= stream.count {
        let expected = slow(UnsafeRawBufferPointer(rebasing: stream[..<count]), .max / 2)
        let taken = replies.take().map { "\($0)" }
        check(taken.isEmpty || taken == expected.packets, "quickly \(taken), slowly \(expected)")
    }
}

/// STOMP frames: the same whole and in pieces; what was read is read again from what is written of it.
func fuzzSTOMP(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let version: STOMPVersion? = [nil, .v1_0, .v1_1, .v1_2][Int(first) % 4]
    checkPieces(input) { stream, step -> Read<STOMPFrame> in
        var framing = STOMPFraming(limits: STOMPLimits(headers: 16, headBytes: 512, frameBytes: 1024))
        return read(stream, step) { bytes, searched in
            switch framing.find(in: bytes, searched: searched) {
            case .heartBeats(let count): return .packet(nil, count)
            case .complete(let count) where count <= bytes.count:
                let packet = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                guard let frame = try? STOMPDecoder.decode(packet, version: version) else { return .refused }
                checkAgain(frame, version)
                return .packet(frame, count)
            case .complete, .needMore: return .needMore
            case .invalid: return .refused
            }
        }
    }
}

private func checkAgain(_ frame: STOMPFrame, _ version: STOMPVersion?) {
    var bytes: [UInt8] = []
    // Not all that may be received may be sent.
    guard (try? STOMPEncoder.append(frame, version: version, to: &bytes)) != nil else { return }
    let again = try? bytes.withUnsafeBytes { try STOMPDecoder.decode($0, version: version) }
    let isSame = again?.command == frame.command && again?.body == frame.body
    check(isSame, "\(frame), written: \(String(describing: again))")
}

/// What NATS servers say: the same whole and in pieces. A message is read again from what is published of it.
func fuzzNATS(_ input: UnsafeRawBufferPointer) {
    let decoder = NATSDecoder(maxMessageBytes: 1024)
    checkPieces(input) { stream, step -> Read<NATSOperation> in
        read(stream, step) { bytes, searched in
            switch decoder.find(in: bytes, searched: searched) {
            case .complete(let count) where count <= bytes.count:
                let packet = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                guard let operation = try? decoder.decode(packet) else { return .refused }
                if case .message(let delivery) = operation { checkAgain(delivery) }
                return .packet(operation, count)
            case .complete: return .partial
            case .needMore: return .needMore
            case .invalid: return .refused
            }
        }
    }
}

private func checkAgain(_ delivery: NATSDelivery) {
    // A status is what servers say, and headers may be received that may not be sent.
    guard delivery.headers.status == nil else { return }
    var published: [UInt8] = []
    let isSent =
        (try? NATSEncoder.appendPublish(
            delivery.subject, replyTo: delivery.replyTo, headers: delivery.headers, delivery.payload, maxBytes: 4096,
            to: &published)) != nil
    guard isSent, let blank = published.firstIndex(of: UInt8(ascii: " ")) else { return }
    // "HPUB a 1" becomes "HMSG a 7 1".
    let isPlain = published[0] == UInt8(ascii: "P")
    let rest = published[(blank + 1)...]
    guard let end = rest.firstIndex(of: UInt8(ascii: " ")) else { return }
    let received = Array((isPlain ? "MSG " : "HMSG ").utf8) + rest[..<end] + Array(" 7".utf8) + rest[end...]
    let again = received.withUnsafeBytes { try? NATSDecoder(maxMessageBytes: 4096).decode($0) }
    guard case .message(let second)? = again else { return check(false, "\(delivery) is written as none") }
    let isSame = second.payload == delivery.payload && second.headers == delivery.headers
    check(isSame && second.replyTo == delivery.replyTo, "\(delivery), written: \(second)")
}

/// Heads and bodies as a client sees them.
private struct ResponseObserver: HTTPResponseObserver {
    var seen: [[UInt8]] = []
    private var isBody = false

    mutating func head(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        seen.append(Array(UnsafeBufferPointer(start: bytes, count: count)))
        isBody = false
    }

    mutating func body(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        let piece = Array(UnsafeBufferPointer(start: bytes, count: count))
        if isBody { seen[seen.count - 1] += piece } else { seen.append(piece) }
        isBody = true
    }
}

/// HTTP responses, to GET and to HEAD by turns: the same whole and in pieces, whatever was remembered of the last head.
func fuzzResponses(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let stream = Array(input.dropFirst(2))
    let hasNoBody = input[1]
    let padding = Int(CAPUS_SCAN_PADDING)
    func read(
        _ step: Int, remembers: Bool = true
    ) -> (seen: [[UInt8]], statuses: [UInt16], error: HTTPResponseError?) {
        var reader = HTTPResponseReader(maxUnitBytes: 256)
        var cache = HTTPResponseHeadCache()
        var observer = ResponseObserver()
        var statuses: [UInt16] = []
        var start = 0
        var end = 0
        while end < stream.count {
            end = min(end + step, stream.count)
            // What a scanner reads ahead must make no difference.
            let beyond = [UInt8](repeating: 0x61, count: 20) + [0] + [UInt8](repeating: 0x61, count: padding)
            let held = Array(stream[start..<end]) + beyond
            let count = end - start
            let error = held.withUnsafeBufferPointer { held -> HTTPResponseError? in
                var p = held.baseAddress!
                let limit = p + count
                while p < limit {
                    if !remembers { cache = HTTPResponseHeadCache() }
                    let hasBody = hasNoBody >> (statuses.count % 8) & 1 == 0
                    switch reader.read(&p, limit, hasBody: hasBody, cache: &cache, observer: &observer) {
                    case .complete: statuses.append(reader.status)
                    case .incomplete:
                        check(p <= limit, "beyond the input")
                        start += p - held.baseAddress!
                        return nil
                    case .malformed(let error): return error
                    }
                }
                check(p == limit, "beyond the input")
                start = end
                return nil
            }
            if let error { return (observer.seen, statuses, error) }
        }
        return (observer.seen, statuses, nil)
    }
    let whole = read(.max / 2)
    let pieces = read(Int(input[0]) + 1, remembers: false)
    check(whole.statuses == pieces.statuses, "\(whole.statuses) whole, \(pieces.statuses) in pieces")
    check((whole.error == nil) == (pieces.error == nil), "\(whole) whole, \(pieces) in pieces")
    if whole.error == nil {
        check(whole.seen.filter { !$0.isEmpty } == pieces.seen.filter { !$0.isEmpty }, "other contents in pieces")
    }
}
