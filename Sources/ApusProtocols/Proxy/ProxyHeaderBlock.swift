import CApus

/// Version 2 of the PROXY protocol, binary (proxy-protocol.txt §2.2): a signature of 12 bytes, command, transport, the
/// length of what follows; then addresses, and additional fields that are skipped.
enum ProxyHeaderBlock {
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let headCount = 16

    /// What is wrong is told as soon as the byte is there that is wrong.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> ProxyHeader {
        for (byte, expected) in zip(bytes, signature) where byte != expected {
            return .invalid("it starts with neither PROXY nor the signature of version 2")
        }
        guard bytes.count > 12 else { return .needMore }
        guard bytes[12] >> 4 == 2 else { return .invalid("version \(bytes[12] >> 4), not 2") }
        let command = bytes[12] & 0xF
        guard command <= 1 else { return .invalid("command \(command), not LOCAL or PROXY") }
        guard bytes.count > 13 else { return .needMore }
        let transport = bytes[13]
        let isLocal = command == 0
        guard isLocal || addressCounts[transport] != nil else {
            return .invalid("address family and transport \(transport)")
        }
        guard bytes.count >= headCount else { return .needMore }
        let payloadCount = Int(bytes[14]) << 8 | Int(bytes[15])
        guard payloadCount <= ProxyHeader.maxPayloadBytes else {
            return .invalid("\(payloadCount) bytes follow, more than \(ProxyHeader.maxPayloadBytes)")
        }
        let needed = isLocal ? 0 : addressCounts[transport] ?? 0
        guard payloadCount >= needed else {
            return .invalid("\(payloadCount) bytes follow, fewer than the \(needed) of the addresses")
        }
        let length = headCount + payloadCount
        guard bytes.count >= length else { return .needMore }
        return isLocal ? .local(length: length) : header(bytes, transport, length)
    }

    /// Bytes of both addresses and ports, by address family and transport; others are to be refused.
    private static let addressCounts: [UInt8: Int] = [
        0x00: 0, 0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216,
    ]

    /// Unspecified and datagrams leave the connection as it is.
    private static func header(_ bytes: UnsafeRawBufferPointer, _ transport: UInt8, _ length: Int) -> ProxyHeader {
        let source: capus_address
        let destination: capus_address
        switch transport {
        case 0x11, 0x21:
            let count = transport == 0x11 ? 4 : 16
            source = address(bytes, headCount, count, portAt: headCount + 2 * count)
            destination = address(bytes, headCount + count, count, portAt: headCount + 2 * count + 2)
        case 0x31:
            var unix = capus_address()
            unix.family = 1
            (source, destination) = (unix, unix)
        default: return .local(length: length)
        }
        return .header(length: length, source: source, destination: destination)
    }

    private static func address(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int, portAt: Int
    ) -> capus_address {
        capus_address(
            ip: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]),
            port: UInt16(bytes[portAt]) << 8 | UInt16(bytes[portAt + 1]))
    }
}
