import Apus

/// What a client says to a SOCKS 5 proxy, one message after the other: each is a protocol of its own, to which the
/// connection is upgraded. All answers are bytes.
nonisolated protocol SOCKS5Message: PacketProtocol where Outbound == [UInt8] {}

nonisolated extension SOCKS5Message {
    func encode(_ answer: [UInt8], into packet: inout [UInt8]) { packet += answer }
}

/// The methods of authentication that the client knows (RFC 1928 §3): version, number of methods, methods.
nonisolated struct SOCKS5Greeting: SOCKS5Message {
    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        guard bytes[0] == 5 else { return .invalid("not SOCKS 5") }
        return bytes.count < 2 ? .needMore : .length(2 + Int(bytes[1]))
    }

    func decode(_ packet: UnsafeRawBufferPointer) -> Set<UInt8> { Set(packet.dropFirst(2)) }
}

/// User name and password (RFC 1929 §2): version 1, and both behind their lengths.
nonisolated struct SOCKS5Login: SOCKS5Message {
    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        guard bytes[0] == 1 else { return .invalid("no login of SOCKS 5") }
        guard bytes.count >= 2, bytes.count > 2 + Int(bytes[1]) else { return .needMore }
        return .length(3 + Int(bytes[1]) + Int(bytes[2 + Int(bytes[1])]))
    }

    func decode(_ packet: UnsafeRawBufferPointer) -> (user: String, password: String) {
        let end = 2 + Int(packet[1])
        return (String(decoding: packet[2..<end], as: UTF8.self), String(decoding: packet[(end + 1)...], as: UTF8.self))
    }
}

/// What the proxy is to do (RFC 1928 §4): version, command, 0, kind of address, address, port.
nonisolated struct SOCKS5Request: SOCKS5Message {
    private static let addressTypeNotSupported: [UInt8] = [5, 8, 0, 1, 0, 0, 0, 0, 0, 0]

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        guard bytes[0] == 5 else { return .invalid("not SOCKS 5") }
        guard bytes.count >= 5 else { return .needMore }
        switch bytes[3] {
        case 1: return .length(4 + 4 + 2)
        case 3: return .length(4 + 1 + Int(bytes[4]) + 2)
        case 4: return .length(4 + 16 + 2)
        default: return .invalid("a kind of address that SOCKS 5 does not know", reply: Self.addressTypeNotSupported)
        }
    }

    /// The command, and `host:port`.
    func decode(_ packet: UnsafeRawBufferPointer) -> (command: UInt8, address: String) {
        let (host, port) = (packet[4..<(packet.count - 2)], packet.suffix(2).reduce(0) { $0 << 8 | Int($1) })
        switch packet[3] {
        case 1: return (packet[1], host.map { "\($0)" }.joined(separator: ".") + ":\(port)")
        case 3: return (packet[1], String(decoding: host.dropFirst(), as: UTF8.self) + ":\(port)")
        default:
            let words = stride(from: 4, to: 20, by: 2).map { UInt16(packet[$0]) << 8 | UInt16(packet[$0 + 1]) }
            return (packet[1], "[" + words.map { String($0, radix: 16) }.joined(separator: ":") + "]:\(port)")
        }
    }
}
