import TestSupport

/// One way to run a scenario: what the server waits with, and how its clients reach it.
struct Setup: Sendable, Hashable, CustomStringConvertible {
    enum Transport: String, CaseIterable {
        case ipv4, ipv6, unix
    }

    let backend: String
    let transport: Transport
    /// Over TLS.
    var isSecured = false

    var description: String { "\(backend), \(transport.rawValue)\(isSecured ? ", TLS" : "")" }

    static let backends = ["epoll", "libevent"]

    /// Every backend over every transport, without TLS: for what looks at the socket's own bytes.
    static let plain = backends.flatMap { backend in
        transports.map { Setup(backend: backend, transport: $0) }
    }

    /// Under valgrind, which takes fifty times as long, one has to stand for all.
    private static let transports: [Transport] = ServerProcess.observer.isEmpty ? Transport.allCases : [.ipv4]

    /// Every backend over every transport, plain and TLS.
    static let all = plain + plain.map { Setup(backend: $0.backend, transport: $0.transport, isSecured: true) }

    /// Every backend over IPv4: for what is expensive, or knows nothing of addresses.
    static let eachBackend = all.filter { $0.transport == .ipv4 }

    /// Every backend over UDP.
    static let udp = plain.filter { $0.transport != .unix }

    /// Every backend over TCP: for what Unix sockets do not have.
    static let tcp = all.filter { $0.transport != .unix }
}
