import CApus

extension capus_address {
    /// A numeric IPv4 or IPv6 address; nil for what is none. C would read no further than a NUL.
    package init?(numeric text: String, port: UInt16 = 0) {
        self.init()
        guard !text.utf8.contains(0), capus_address_parse(text, port, &self) else { return nil }
    }
}
