import CApus

/// What the connections connect to.
package nonisolated enum LoadEndpoint: Sendable {
    case ip(capus_address)
    case unix(path: String)

    /// Nil when the host is no IPv4 or IPv6 address.
    package init?(numericHost host: String, port: UInt16) {
        var address = capus_address()
        guard capus_address_parse(host, port, &address) else { return nil }
        self = .ip(address)
    }
}

/// Starts connections to an endpoint, without making anything for each.
nonisolated struct Connector: ~Copyable {
    private var address = capus_address()
    private let unixPath: UnsafeMutablePointer<CChar>?

    init(_ endpoint: LoadEndpoint) {
        switch endpoint {
        case .ip(let address):
            self.address = address
            unixPath = nil
        case .unix(let path):
            let text = path.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
            text.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: $0.count) }
            unixPath = copy
        }
    }

    deinit { unixPath?.deallocate() }

    /// A descriptor whose connection may still be under way, or a negated errno.
    mutating func connect() -> Int32 {
        // Whether it is under way does not matter: the first send tells.
        var isPending = false
        if let unixPath { return capus_connect_unix(unixPath, &isPending) }
        return capus_connect(&address, &isPending)
    }
}
