import ApusProtocols
import CApus

/// A numeric address.
package nonisolated struct HostAddress: Sendable, Hashable {
    let native: capus_address

    /// Nil for what is no IPv4 or IPv6 address.
    package init?(_ text: String) {
        guard let address = capus_address(numeric: text) else { return nil }
        native = address
    }

    package static func == (a: HostAddress, b: HostAddress) -> Bool { a.native.ipText == b.native.ipText }
    package func hash(into hasher: inout Hasher) { hasher.combine(native.ipText) }
}
