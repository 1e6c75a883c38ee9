/// What came out of a connection.
private struct Received<Message: Equatable>: Equatable {
    var messages: [Message] = []
    var isRefused = false
}

/// Feeds a stream in pieces of `step` bytes, as a connection does: what is not whole is held, and looked at again with
/// what it was searched for before.
private func receive<P: PacketProtocol>(
    _ codec: P, _ stream: UnsafeRawBufferPointer, step: Int, limit: Int
) -> Received<P.Inbound> where P.Inbound: Equatable {
    var received = Received<P.Inbound>()
    var (start, end, searched) = (0, 0, 0)
    while end < stream.count {
        end = min(end + step, stream.count)
        var needsMore = false
        while start < end, !needsMore {
            // Of its own, so that AddressSanitizer sees what goes beyond it.
            let held = Array(stream[start..<end])
            switch held.withUnsafeBytes({ codec.frame($0, searched: searched) }) {
            case .needMore where held.count < limit:
                searched = held.count
                needsMore = true
            case .length(let length) where length > 0 && length <= limit:
                needsMore = length > held.count
                if needsMore { break }
                guard let message = try? held[..<length].withUnsafeBytes({ try codec.decode($0) }) else {
                    fatalError("a whole packet cannot be read")
                }
                received.messages.append(message)
                start += length
                searched = 0
            case .needMore, .length, .control, .invalid:
                received.isRefused = true
                return received
            }
        }
        check(end - start <= max(limit, step), "\(end - start) bytes are held")
    }
    return received
}

private func checkPackets<P: PacketProtocol>(_ input: UnsafeRawBufferPointer, _ codec: P)
where P.Inbound: Equatable, P.Outbound == P.Inbound {
    guard input.count > 2 else { return }
    let limit = [1 << 20, 16, 100, 1000][Int(input[0] & 3)]
    let stream = UnsafeRawBufferPointer(rebasing: input[2...])
    let whole = receive(codec, stream, step: .max / 2, limit: limit)
    for step in [1, 1 + Int(input[1])] {
        let pieces = receive(codec, stream, step: step, limit: limit)
        check(whole == pieces, "\(whole) whole, \(pieces) in pieces of \(step)")
    }
    for message in whole.messages { checkAgain(message, codec) }
}

/// A message that is sent is what is received, however it was written.
private func checkAgain<P: PacketProtocol>(_ message: P.Inbound, _ codec: P)
where P.Inbound: Equatable, P.Outbound == P.Inbound {
    var packet: [UInt8] = []
    guard (try? codec.encode(message, into: &packet)) != nil else { fatalError("\(message) cannot be written") }
    let again = packet.withUnsafeBytes { receive(codec, $0, step: .max / 2, limit: .max) }
    check(again == Received(messages: [message]), "\(message) becomes \(again)")
    for size in [packet.count, packet.count + 1, packet.count - 1, 0] {
        var room = [UInt8](repeating: 0xAA, count: size)
        let count = room.withUnsafeMutableBytes { codec.encode(message, to: $0) }
        check(count == nil || count == packet.count, "\(count ?? 0) bytes in place, \(packet.count) otherwise")
        check(count != nil || size < packet.count || !P.writesInPlace, "no room in \(size) bytes for \(packet.count)")
        if let count { check(Array(room[..<count]) == packet, "another packet in place") }
    }
}

extension PacketProtocol {
    fileprivate static var writesInPlace: Bool { self == Text.self || self == Frame.self }
}

/// Lines of text: the same whole and in pieces, within their limit.
func fuzzTextPackets(_ input: UnsafeRawBufferPointer) { checkPackets(input, Text()) }

/// Frames, likewise.
func fuzzFramePackets(_ input: UnsafeRawBufferPointer) {
    checkPackets(input, Frame())
    checkAgain(Array(input), Frame())
}
