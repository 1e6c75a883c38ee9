/// One way to run a scenario: what the server waits with, and how its clients reach it.
struct Setup: Sendable, Hashable, CustomStringConvertible {
    enum Transport: String, CaseIterable {
        case ipv4, ipv6, unix
    }

    let backend: String
    let transport: Transport

    var description: String { "\(backend), \(transport.rawValue)" }

    static let backends = ["epoll", "libevent"]

    /// Every backend over every transport.
    static let all = backends.flatMap { backend in
        Transport.allCases.map { Setup(backend: backend, transport: $0) }
    }

    /// Every backend over IPv4: for what is expensive, or knows nothing of addresses.
    static let eachBackend = all.filter { $0.transport == .ipv4 }

    /// Every backend over TCP: for what Unix sockets do not have.
    static let tcp = all.filter { $0.transport != .unix }
}
