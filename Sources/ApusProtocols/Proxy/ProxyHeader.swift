import CApus

/// The header of the PROXY protocol that a load balancer puts in front of a connection's bytes, versions 1 and 2 of
/// HAProxy's proxy-protocol.txt: it says whose connection this really is.
///
/// Anybody can write one: accept it from trusted peers alone (`AddressRange`).
public enum ProxyHeader: Sendable {
    /// The header has not ended.
    case needMore
    /// A header of `length` bytes for a connection from `source` to `destination`. The family of an address is 4, 6, or
    /// 1 for a Unix socket, whose path is not kept; IPv4 mapped into IPv6 is IPv4.
    case header(length: Int, source: capus_address, destination: capus_address)
    /// A header of `length` bytes that leaves the connection's own addresses as they are: a health check of the load
    /// balancer (LOCAL), or a transport that it does not name or that is not TCP.
    case local(length: Int)
    /// No header, and what is wrong with it. Close the connection.
    case invalid(String)

    /// A header of version 2 is refused when what follows its first 16 bytes is longer than this.
    public static let maxPayloadBytes = 4096
    /// A header of version 1 is refused when it is longer, its CRLF included (§2.1).
    public static let maxLineBytes = 107

    /// Looks for a header at the start of `bytes`, which may hold what follows it. The answer is final once it is not
    /// `.needMore`; more bytes do not change it.
    public static func parse(_ bytes: UnsafeRawBufferPointer) -> ProxyHeader {
        guard let first = bytes.first else { return .needMore }
        return first == 0x0D ? ProxyHeaderBlock.parse(bytes) : ProxyHeaderLine.parse(bytes)
    }
}

extension capus_address {
    /// `bytes` are the 4 or 16 of an address; IPv4 mapped into IPv6 becomes IPv4.
    init(ip bytes: UnsafeRawBufferPointer, port: UInt16) {
        self.init()
        self.port = port
        family = bytes.count == 4 ? 4 : 6
        withUnsafeMutableBytes(of: &ip) { $0.copyMemory(from: bytes) }
        normalize()
    }

    /// IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2) becomes IPv4.
    mutating func normalize() {
        guard family == 6 else { return }
        withUnsafeMutableBytes(of: &ip) { bytes in
            guard bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF else { return }
            for index in 0..<4 { bytes[index] = bytes[12 + index] }
            for index in 4..<16 { bytes[index] = 0 }
            family = 4
        }
    }
}
