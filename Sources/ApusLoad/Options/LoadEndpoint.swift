import CApus

/// What the connections connect to.
package nonisolated enum LoadEndpoint: Sendable {
    case ip(capus_address)
    case unix(path: String)
    /// A host whose address is to be found before the run.
    case name(String, port: UInt16)

    /// A host by name or as an IPv4 or IPv6 address. `localhost` is where a server under test mostly listens.
    package init(host: String, port: UInt16) {
        var address = capus_address()
        let isKnown = capus_address_parse(host.lowercased() == "localhost" ? "127.0.0.1" : host, port, &address)
        self = isKnown ? .ip(address) : .name(host, port: port)
    }

    /// The same with the address in the place of a name: the first that the system gives. Waits for it.
    package func resolved() throws(LoadError) -> LoadEndpoint {
        guard case .name(let host, let port) = self else { return self }
        var address = capus_address()
        if let failure = capus_resolve(host, &address) {
            throw .cannotConnect(target: "\(host):\(port)", cause: String(cString: failure))
        }
        address.port = port
        return .ip(address)
    }
}

/// Starts connections to an endpoint, without making anything for each.
nonisolated struct Connector: ~Copyable {
    private var address = capus_address()
    private let unixPath: UnsafeMutablePointer<CChar>?
    private let isDatagram: Bool
    /// The local addresses in turns; none for the system's choice.
    private let sources: [capus_address]
    private var sourceIndex: Int
    private var options = capus_socket_options()

    init(_ plan: LoadPlan) {
        isDatagram = plan.spoken == .udp
        sources = plan.sources
        sourceIndex = plan.sourceOffset
        options.no_delay = true
        switch plan.endpoint {
        case .ip(let address):
            self.address = address
            unixPath = nil
        case .unix(let path):
            let text = path.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
            text.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: $0.count) }
            unixPath = copy
        case .name: preconditionFailure("names are resolved before the run")
        }
    }

    deinit { unixPath?.deallocate() }

    /// A descriptor whose connection may still be under way, or a negated errno.
    mutating func connect() -> Int32 {
        // Whether it is under way does not matter: the first send tells.
        var isPending = false
        if let unixPath { return capus_connect_unix(unixPath, &isPending) }
        if isDatagram { return capus_udp_connect(&address) }
        guard !sources.isEmpty else { return capus_connect_with(&address, nil, &options, &isPending) }
        var source = sources[sourceIndex % sources.count]
        sourceIndex += 1
        return capus_connect_with(&address, &source, &options, &isPending)
    }
}
