import ApusProtocols
import CApus

/// Reads the local addresses that connections come from.
nonisolated enum SourceAddresses {
    private static let most = 65_536

    /// An address, `127.0.1.1-127.0.1.20`, `127.0.1.0/28`, or several of these with commas.
    static func parse(_ text: String) throws(LoadOptionsError) -> [capus_address] {
        var addresses: [capus_address] = []
        for part in text.split(atASCII: ",", omittingEmptySubsequences: false) {
            guard let (first, last) = ends(String(part)), last - first < UInt128(most - addresses.count) else {
                throw LoadOptionsError(
                    "--source", "\"\(text)\" is not of the form 127.0.1.1, 127.0.1.1-127.0.1.20 or 127.0.1.0/28")
            }
            for number in first...last { addresses.append(capus_address(number: number)) }
        }
        return addresses
    }

    private static func ends(_ text: String) -> (UInt128, UInt128)? {
        let ends = text.split(atASCII: "-", omittingEmptySubsequences: false).map(String.init)
        if ends.count == 2, let first = address(ends[0]), let last = address(ends[1]), first.family == last.family,
            first.number <= last.number
        {
            return (first.number, last.number)
        }
        let parts = text.split(atASCII: "/", omittingEmptySubsequences: false).map(String.init)
        guard let first = address(parts[0]) else { return nil }
        if parts.count == 1 { return (first.number, first.number) }
        let bits = first.family == 4 ? 32 : 128
        guard (try? AddressRange(text)) != nil, let prefix = Int(parts[1]), bits - prefix <= 16 else { return nil }
        return (first.number, first.number + (1 << UInt128(bits - prefix)) - 1)
    }

    private static func address(_ text: String) -> capus_address? {
        var address = capus_address()
        return !text.utf8.contains(0) && capus_address_parse(text, 0, &address) ? address : nil
    }
}
