import ApusProtocols

/// An event of the decoder with bytes of its own.
enum WebSocketEvent: Equatable {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, [UInt8])
    case failed(WebSocketFailure)

    static func text(_ text: String) -> Self { .text(Array(text.utf8)) }

    /// Nothing follows.
    var isLast: Bool {
        switch self {
        case .close, .failed: true
        case .text, .binary, .ping, .pong: false
        }
    }
}

/// Gives pieces to a decoder as a connection does: what is not read is there again before the next piece.
struct WebSocketReader {
    var decoder: WebSocketDecoder
    private(set) var events: [WebSocketEvent] = []
    /// What was not read.
    private(set) var left: [UInt8] = []

    init(
        _ role: WebSocketRole = .server, maxMessageBytes: Int = 1 << 20, inflation: WebSocketInflation? = nil
    ) {
        decoder = WebSocketDecoder(role: role, maxMessageBytes: maxMessageBytes, inflation: inflation)
    }

    mutating func feed(_ piece: some Sequence<UInt8>) {
        if events.last?.isLast == true { return }
        var bytes = left + piece
        var offset = 0
        let count = bytes.count
        // One byte more: the memory of no bytes at all has no address.
        bytes.append(0)
        bytes.withUnsafeMutableBufferPointer { memory in
            guard let start = memory.baseAddress else { return }
            while let event = next(start, count, &offset) {
                events.append(event)
                if event.isLast { break }
            }
        }
        left = Array(bytes[offset..<count])
    }

    private mutating func next(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ offset: inout Int
    ) -> WebSocketEvent? {
        switch decoder.next(bytes, count, at: &offset) {
        case .needMore: nil
        case .message(.text, let payload): .text(Array(payload))
        case .message(_, let payload): .binary(Array(payload))
        case .ping(let payload): .ping(Array(payload))
        case .pong(let payload): .pong(Array(payload))
        case .close(let code, let reason): .close(code?.rawValue, Array(reason))
        case .failed(let failure): .failed(failure)
        }
    }
}

/// The bytes of a frame, made without the code under test: whatever is asked for, right or wrong.
func webSocketFrame(
    _ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true, reserved: UInt8 = 0,
    mask: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
) -> [UInt8] {
    var bytes = [opcode | reserved << 4 | (isFinal ? 0x80 : 0)]
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    switch payload.count {
    case ..<126: bytes.append(maskBit | UInt8(payload.count))
    case ..<65536: bytes += [maskBit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    default: bytes += [maskBit | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
    }
    guard let mask else { return bytes + payload }
    return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
}

/// Bytes as they stand in a specification: "81 05 48".
func hex(_ text: String) -> [UInt8] { text.split(separator: " ").compactMap { UInt8($0, radix: 16) } }
