import CApus
import Glibc

/// A client's TLS session over a connected descriptor that does not block. Unless it has authorities to ask it accepts
/// every certificate: what servers present is for other tests.
final class TLSSession {
    private let tls: OpaquePointer
    private let fd: Int32

    // One context for all clients; made once and never changed: hence unsafe.
    private nonisolated(unsafe) static let context: OpaquePointer = {
        signal(SIGPIPE, SIG_IGN)
        var message = [CChar](repeating: 0, count: 256)
        var options = capus_tls_options()
        let context = capus_tls_client_context_create(&options, &message, message.count)!
        // The first session makes what all others of its context share, and these belong to several threads.
        capus_tls_destroy(capus_tls_connect(context, -1, "localhost")!)
        return context
    }()

    /// Shakes hands.
    init(_ fd: Int32, until deadline: Deadline) throws {
        guard let tls = capus_tls_connect(Self.context, fd, "localhost") else { throw Failure("no TLS session") }
        self.tls = tls
        self.fd = fd
        var message = [CChar](repeating: 0, count: 256)
        while true {
            let wanted = capus_tls_handshake(tls, &message, message.count)
            if wanted == 0 { return }
            guard wanted > 0, wait(fd, wanted == Int32(CAPUS_READ) ? POLLIN : POLLOUT, until: deadline) else {
                throw Failure(
                    "the TLS handshake failed: \(message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })")
            }
        }
    }

    deinit { capus_tls_destroy(tls) }

    /// As `send`: the count, or −1 with `errno` set.
    func send(_ bytes: UnsafeRawPointer, _ count: Int) -> Int { result(capus_tls_send(tls, fd, bytes, count)) }

    /// As `recv`: the count, 0 for the end, or −1 with `errno` set.
    func receive(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
        result(capus_tls_receive(tls, fd, bytes, count))
    }

    private func result(_ count: Int) -> Int {
        guard count < 0 else { return count }
        errno = Int32(-count)
        return -1
    }

    /// What a client begins with.
    static func clientHello() throws -> [UInt8] {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Failure("socketpair")
        }
        defer { for end in ends { close(end) } }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        guard let tls = capus_tls_connect(context, ends[0], "localhost") else { throw Failure("no TLS session") }
        defer { capus_tls_destroy(tls) }
        var message = [CChar](repeating: 0, count: 256)
        _ = capus_tls_handshake(tls, &message, message.count)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(ends[1], &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }

    /// Says that nothing more comes.
    func finish() { capus_tls_finish(tls, fd) }
}
