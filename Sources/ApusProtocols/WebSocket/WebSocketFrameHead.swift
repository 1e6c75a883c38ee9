/// What stands before the payload of a frame (RFC 6455 §5.2).
package struct WebSocketFrameHead: Equatable {
    /// Whether the frame is the last one of its message.
    package var isFinal: Bool
    /// RSV1, on the first frame of a message that is compressed (RFC 7692 §6).
    package var isCompressed: Bool
    package var opcode: WebSocketOpcode
    /// How many bytes of payload follow.
    package var length: Int
    /// The masking key as it stands on the wire, read as a number in the byte order of the machine.
    package var mask: UInt32?

    /// No head is longer.
    package static var maxByteCount: Int { 14 }
    /// No control frame has more payload (RFC 6455 §5.5).
    package static var maxControlLength: Int { 125 }

    package init(
        _ opcode: WebSocketOpcode, length: Int, mask: UInt32? = nil, isFinal: Bool = true, isCompressed: Bool = false
    ) {
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.opcode = opcode
        self.length = length
        self.mask = mask
    }

    /// How many bytes the head has, with the length in its shortest form.
    package var byteCount: Int {
        2 + (length < 126 ? 0 : length < 1 << 16 ? 2 : 8) + (mask == nil ? 0 : 4)
    }
}

extension WebSocketFrameHead {
    package enum Parsing: Equatable {
        case head(WebSocketFrameHead)
        /// More bytes are needed.
        case needMore
        case failed(WebSocketFailure)
    }

    /// Reads the head that starts at `p`, of which `count` bytes are there, and refuses what no state of a connection
    /// allows. What is wrong with one byte is said before what is wrong with the next, however many are there.
    package static func parse(
        _ p: UnsafePointer<UInt8>, _ count: Int, as role: WebSocketRole, allowsCompression: Bool
    ) -> Parsing {
        guard count > 0 else { return .needMore }
        guard let opcode = WebSocketOpcode(rawValue: p[0] & 0x0F) else { return .failed(.reservedOpcode) }
        let isFinal = p[0] & 0x80 != 0
        let isCompressed = p[0] & 0x40 != 0
        // RFC 7692 §6.1: RSV1 stands on the first fragment of a data message alone.
        let mayBeCompressed = allowsCompression && (opcode == .text || opcode == .binary)
        guard p[0] & 0x30 == 0, !isCompressed || mayBeCompressed else { return .failed(.reservedBits) }
        guard isFinal || !opcode.isControl else { return .failed(.fragmentedControl) }
        guard count > 1 else { return .needMore }
        guard p[1] & 0x80 == role.maskBit else { return .failed(role == .server ? .notMasked : .masked) }
        var length = Int(p[1] & 0x7F)
        guard length <= maxControlLength || !opcode.isControl else { return .failed(.longControl) }
        var position = 2
        if length > 125 {
            let isLong = length == 127
            position = isLong ? 10 : 4
            guard count >= position else { return .needMore }
            let bytes = UnsafeRawPointer(p + 2)
            if isLong {
                let value = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
                guard value >> 63 == 0 else { return .failed(.hugeLength) }
                length = Int(value)
            } else {
                length = Int(UInt16(bigEndian: bytes.loadUnaligned(as: UInt16.self)))
            }
            guard length >= (isLong ? 1 << 16 : 126) else { return .failed(.paddedLength) }
        }
        var mask: UInt32?
        if role == .server {
            guard count >= position + 4 else { return .needMore }
            mask = UnsafeRawPointer(p + position).loadUnaligned(as: UInt32.self)
        }
        return .head(Self(opcode, length: length, mask: mask, isFinal: isFinal, isCompressed: isCompressed))
    }

    /// Writes the head to `p`, where `byteCount` bytes have room, and returns how many it has.
    @discardableResult
    package func render(into p: UnsafeMutablePointer<UInt8>) -> Int {
        p[0] = opcode.rawValue | (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0)
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        let bytes = UnsafeMutableRawPointer(p)
        var position = 2
        switch length {
        case ..<126: p[1] = maskBit | UInt8(truncatingIfNeeded: length)
        case ..<(1 << 16):
            p[1] = maskBit | 126
            bytes.storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
            position = 4
        default:
            p[1] = maskBit | 127
            bytes.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            position = 10
        }
        guard let mask else { return position }
        bytes.storeBytes(of: mask, toByteOffset: position, as: UInt32.self)
        return position + 4
    }
}
