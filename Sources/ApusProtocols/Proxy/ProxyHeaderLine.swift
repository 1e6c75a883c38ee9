import CApus

/// Version 1 of the PROXY protocol, a line of text (proxy-protocol.txt §2.1):
/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`.
enum ProxyHeaderLine {
    private static let start: StaticString = "PROXY "

    static func parse(_ bytes: UnsafeRawBufferPointer) -> ProxyHeader {
        for index in 0..<min(bytes.count, start.utf8CodeUnitCount) where bytes[index] != start.utf8Start[index] {
            return .invalid("it starts with neither PROXY nor the signature of version 2")
        }
        // The CR stands at the latest one byte before the bound.
        let bound = min(bytes.count, ProxyHeader.maxLineBytes)
        guard let end = (0..<bound).first(where: { !isText(bytes[$0]) }) else {
            return bytes.count < ProxyHeader.maxLineBytes ? .needMore : .invalid(tooLong)
        }
        guard bytes[end] == 0x0D else { return .invalid("byte \(bytes[end]) in the line") }
        guard end + 1 < ProxyHeader.maxLineBytes else { return .invalid(tooLong) }
        guard end + 1 < bytes.count else { return .needMore }
        guard bytes[end + 1] == 0x0A else { return .invalid("a CR without LF in the line") }
        return parseFields(UnsafeRawBufferPointer(rebasing: bytes[start.utf8CodeUnitCount..<end]), length: end + 2)
    }

    private static let tooLong = "the line is longer than \(ProxyHeader.maxLineBytes) bytes"

    /// What stands between `PROXY ` and the end of the line.
    private static func parseFields(_ line: UnsafeRawBufferPointer, length: Int) -> ProxyHeader {
        let fields = line.split(separator: 0x20, omittingEmptySubsequences: false)
        let family: UInt8
        switch fields[0] {
        // What follows is for the reader to ignore.
        case let field where field.elementsEqual("UNKNOWN".utf8): return .local(length: length)
        case let field where field.elementsEqual("TCP4".utf8): family = 4
        case let field where field.elementsEqual("TCP6".utf8): family = 6
        default: return .invalid("the protocol is none of TCP4, TCP6 and UNKNOWN")
        }
        guard fields.count == 5 else { return .invalid("the line has \(fields.count + 1) fields, not 6") }
        guard let sourcePort = port(fields[3]), let destinationPort = port(fields[4]) else {
            return .invalid("a port is no number of 0 to 65535")
        }
        guard let source = address(fields[1], sourcePort, family),
            let destination = address(fields[2], destinationPort, family)
        else { return .invalid("an address is no IPv\(family) address") }
        return .header(length: length, source: source, destination: destination)
    }

    private static func address(
        _ field: Slice<UnsafeRawBufferPointer>, _ port: UInt16, _ family: UInt8
    )
        -> capus_address?
    {
        let text = String(decoding: field, as: UTF8.self)
        guard var address = capus_address(numeric: text, port: port), address.family == family else { return nil }
        address.normalize()
        return address
    }

    /// Without leading zeros, as the specification has it.
    private static func port(_ field: Slice<UnsafeRawBufferPointer>) -> UInt16? {
        guard (1...5).contains(field.count), field.allSatisfy({ $0 &- 0x30 <= 9 }) else { return nil }
        guard field.count == 1 || field.first != 0x30 else { return nil }
        return UInt16(exactly: field.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }

    /// Printable US-ASCII.
    private static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F }
}
