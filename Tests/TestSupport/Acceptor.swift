import CApus
import Glibc

/// A listening socket of a test, for programs that connect.
public final class Acceptor: Sendable {
    private let fd: Int32
    /// Where it listens.
    public let endpoint: Endpoint

    /// Listens on a free port of the loopback, or on a Unix socket in `folder`.
    public init(_ transport: String, in folder: TemporaryFolder, backlog: Int32 = 16) throws {
        let wanted: Endpoint =
            switch transport {
            case "ipv6": .ipv6(port: 0)
            case "unix": .unix(path: folder.file("acceptor"))
            default: .ipv4(port: 0)
            }
        fd = socket(wanted.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let socket = fd
        guard wanted.withSystemAddress({ bind(socket, $0, $1) }) == 0, listen(socket, backlog) == 0 else {
            throw Failure("listen: \(systemError())")
        }
        if case .unix = wanted {
            endpoint = wanted
            return
        }
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout.size(ofValue: address))
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
        }
        // The port stands at the same place for both families.
        let port = UInt16(bigEndian: address.sin6_port)
        endpoint = transport == "ipv6" ? .ipv6(port: port) : .ipv4(port: port)
    }

    deinit { close(fd) }

    /// The next connection.
    public func accept(within seconds: Double = Client.patience) throws -> Client {
        guard wait(fd, POLLIN, until: Deadline(seconds)) else { throw Failure("nobody connects") }
        var peer = capus_address()
        let accepted = capus_accept(fd, &peer)
        guard accepted >= 0 else { throw Failure("accept: \(String(cString: strerror(-accepted)))") }
        return Client(accepted: accepted)
    }

    /// Whether somebody has connected who was not accepted yet.
    public func isAsked(within seconds: Double = 0) -> Bool { wait(fd, POLLIN, until: Deadline(seconds)) }
}
