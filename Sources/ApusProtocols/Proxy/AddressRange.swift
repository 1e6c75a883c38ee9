import CApus

/// A range of IP addresses such as `10.0.0.0/8`, `fd00::/8`, or a single one such as `127.0.0.1`: which peers to trust.
///
/// IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2) is IPv4 here, so `10.0.0.0/8` holds `::ffff:10.0.0.1`, and `::/0` holds no
/// IPv4 address.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    /// The lowest address, as a 128-bit number; IPv4 is mapped into IPv6.
    private let first: UInt128
    /// Bits that all addresses have in common, 0 to 128.
    private let prefixLength: Int

    /// Reads a numeric address, or one with the number of bits that all addresses of the range have in common. Throws
    /// what is wrong with it, also when bits are set beyond these, since one of the two is a mistake then.
    public init(_ text: String) throws(AddressRangeError) {
        let parts = text.split(atASCII: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = capus_address(numeric: String(parts[0])) else {
            throw AddressRangeError(text: text, reason: "\"\(parts[0])\" is no IPv4 or IPv6 address")
        }
        let bits = address.family == 4 ? 32 : 128
        var prefix = bits
        if parts.count == 2 {
            guard let length = Self.number(parts[1]), length <= bits else {
                throw AddressRangeError(text: text, reason: "behind the slash stands a number of 0 to \(bits)")
            }
            prefix = length
        }
        prefixLength = prefix + (128 - bits)
        first = address.number
        guard first & ~Self.mask(prefixLength) == 0 else {
            let proper = Self(first: first & Self.mask(prefixLength), prefixLength: prefixLength)
            throw AddressRangeError(
                text: text, reason: "bits are set beyond the first \(prefix); \(proper) is the range it lies in")
        }
    }

    private init(first: UInt128, prefixLength: Int) {
        self.first = first
        self.prefixLength = prefixLength
    }

    /// Whether the address lies in the range, whatever its port. A Unix socket's lies in none.
    public func contains(_ address: capus_address) -> Bool {
        guard address.family == 4 || address.family == 6 else { return false }
        let number = address.number
        return number.isMappedIPv4 == isIPv4 && (number ^ first) & Self.mask(prefixLength) == 0
    }

    /// The shortest form: a single address without a prefix length.
    public var description: String {
        let bits = isIPv4 ? 32 : 128
        let prefix = prefixLength - (128 - bits)
        return prefix == bits ? first.addressText : "\(first.addressText)/\(prefix)"
    }

    private var isIPv4: Bool { first.isMappedIPv4 }

    private static func mask(_ prefixLength: Int) -> UInt128 { ~(UInt128.max >> UInt128(prefixLength)) }

    private static func number(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ $0 &- 0x30 <= 9 }) else { return nil }
        guard text.utf8.count == 1 || text.utf8.first != 0x30 else { return nil }
        return Int(text)
    }
}

/// A range of addresses that cannot be understood.
public struct AddressRangeError: Error, CustomStringConvertible, Sendable, Hashable {
    /// What was given.
    public let text: String
    /// What is wrong with it.
    public let reason: String
    /// One line for the user.
    public var description: String { "address range \"\(text)\": \(reason)" }
}

extension capus_address {
    /// The IP address that a number is, without a port.
    package init(number: UInt128) {
        self = withUnsafeBytes(of: number.bigEndian) { capus_address(ip: $0, port: 0) }
    }

    /// An IP address as a 128-bit number, IPv4 mapped into IPv6.
    package var number: UInt128 {
        withUnsafeBytes(of: ip) { bytes in
            family == 4
                ? 0xFFFF << 32 | UInt128(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
                : UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self))
        }
    }
}

extension UInt128 {
    fileprivate var isMappedIPv4: Bool { self >> 32 == 0xFFFF }

    /// The address that this number is.
    fileprivate var addressText: String {
        var address = capus_address(number: self)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            capus_address_format(&address, text.baseAddress!, 64)
            return String(cString: text.baseAddress!)
        }
    }
}
