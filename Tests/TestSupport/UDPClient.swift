import Glibc

/// A client of a UDP server: a socket of its own, connected to the server's. Every wait has a deadline; missing it
/// throws.
public final class UDPClient {
    private static let segmentOption: Int32 = 103
    private let fd: Int32

    /// A client with room for a burst of answers.
    public init(_ endpoint: Endpoint) throws {
        let family = if case .ipv6 = endpoint { AF_INET6 } else { AF_INET }
        fd = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw Failure("socket: \(systemError())") }
        var size: Int32 = 4 << 20
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout.size(ofValue: size)))
        guard Client.connect(fd, endpoint) == 0 else { throw Failure("connect to \(endpoint): \(systemError())") }
    }

    deinit { close(fd) }

    /// A socket on a port of 127.0.0.1 that the kernel chose; it is the caller's.
    public static func boundSocket() throws -> (fd: Int32, port: UInt16) {
        let fd = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafeBytes(of: &address) {
            bind(fd, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count)) == 0
        }
        guard isBound else { throw Failure("bind: \(systemError())") }
        return (fd, port(of: fd))
    }

    /// Its own port.
    public var port: UInt16 { Self.port(of: fd) }

    private static func port(of fd: Int32) -> UInt16 {
        var address = sockaddr_in6()  // Ports of IPv4 and IPv6 stand in one place.
        var size = socklen_t(MemoryLayout.size(ofValue: address))
        _ = withUnsafeMutableBytes(of: &address) {
            getsockname(fd, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
        }
        return UInt16(bigEndian: address.sin6_port)
    }

    /// Sends one datagram.
    public func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(fd, bytes, bytes.count, 0) == bytes.count else { throw Failure("send: \(systemError())") }
    }

    /// Sends text.
    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends datagrams of `segment` bytes, the last may be shorter, in one call: the kernel may keep them together.
    public func send(_ bytes: [UInt8], segment: Int32) throws {
        var segment = segment
        let size = socklen_t(MemoryLayout.size(ofValue: segment))
        guard setsockopt(fd, Int32(IPPROTO_UDP), Self.segmentOption, &segment, size) == 0 else {
            throw Failure("UDP_SEGMENT: \(systemError())")
        }
        try send(bytes)
        segment = 0
        setsockopt(fd, Int32(IPPROTO_UDP), Self.segmentOption, &segment, size)
    }

    /// The next datagram.
    public func receive(within seconds: Double = Client.patience) throws -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 65536)
        guard isReadable(within: seconds) else { throw Failure("no datagram in \(seconds) s") }
        let count = recv(fd, &block, block.count, 0)
        guard count >= 0 else { throw Failure("recv: \(systemError())") }
        return Array(block[..<count])
    }

    /// The next datagram as text.
    public func receiveText() throws -> String { String(decoding: try receive(), as: UTF8.self) }

    /// Whether a datagram comes within `seconds`.
    public func isReadable(within seconds: Double = 0) -> Bool { wait(fd, POLLIN, until: Deadline(seconds)) }
}
