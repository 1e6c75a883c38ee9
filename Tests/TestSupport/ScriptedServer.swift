import CApus
import Glibc
import Synchronization

/// A server that does to each connection what a script says, right or wrong. Its sockets block, and each connection
/// has a thread.
public final class ScriptedServer: Sendable {
    /// One accepted connection.
    public struct Peer: Sendable {
        public let fd: Int32
        /// How many connections were accepted before this one.
        public let index: Int

        /// Reads up to the empty line that ends a request's head; false when the client has gone.
        @discardableResult
        public func readRequest() -> Bool { readHead() != nil }

        /// The head of a request, up to its empty line; nil when the client has gone.
        public func readHead() -> String? {
            var head: [UInt8] = []
            while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
                guard let byte = read(1) else { return nil }
                head += byte
            }
            return String(decoding: head, as: UTF8.self)
        }

        /// Reads so many bytes; nil when the client has gone before.
        public func read(_ count: Int) -> [UInt8]? {
            // To receive nothing is to wait for something.
            guard count > 0 else { return [] }
            var bytes = [UInt8](repeating: 0, count: count)
            return recv(fd, &bytes, count, Int32(MSG_WAITALL)) == count ? bytes : nil
        }

        /// False when the client has gone.
        @discardableResult
        public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        /// False when the client has gone.
        @discardableResult
        public func send(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }

        /// Waits until the client closes; false when it has not by then.
        @discardableResult
        public func waitForClose(milliseconds: Int32 = -1) -> Bool {
            var bytes = [UInt8](repeating: 0, count: 4096)
            var query = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
            while poll(&query, 1, milliseconds) > 0 {
                if recv(fd, &bytes, bytes.count, 0) <= 0 { return true }
            }
            return false
        }

        /// Waits until the client has sent all that it will, and reads none of it.
        public func waitForEnd() {
            var query = pollfd(fd: fd, events: 0x2000 /* POLLRDHUP */, revents: 0)
            poll(&query, 1, -1)
        }

        /// Closing will reset the connection.
        public func resetOnClose() {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
    }

    public static let hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"

    public let port: UInt16
    private let listener: Int32
    private let accepted = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)

    public var url: String { "http://127.0.0.1:\(port)/" }
    /// Connections accepted so far.
    public var connections: Int { accepted.load(ordering: .acquiring) }

    /// Serves each connection by calling `script`, and closes it when that returns.
    public init(_ script: @escaping @Sendable (Peer) -> Void) {
        let (listener, port) = Self.listen()
        self.listener = listener
        self.port = port
        detachThread { [self] in
            while true {
                // A program that another test starts at this moment must not keep the connection open.
                var address = capus_address()
                let fd = capus_accept(listener, &address)
                guard fd >= 0 else { break }
                // The scripts wait for what they read.
                _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK)
                let peer = Peer(fd: fd, index: accepted.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue)
                detachThread {
                    script(peer)
                    close(fd)
                }
            }
            close(listener)
        }
    }

    /// Accepts no further connection.
    public func stop() {
        guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// A port on which nobody listens.
    public static func closedPort() -> UInt16 {
        let (listener, port) = listen()
        close(listener)
        return port
    }

    private static func listen() -> (Int32, UInt16) {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, length) == 0 && Glibc.listen(fd, 128) == 0 && getsockname(fd, $0, &length) == 0
            }
        }
        precondition(isListening, "cannot listen on 127.0.0.1")
        return (fd, UInt16(bigEndian: address.sin_port))
    }
}

extension ScriptedServer.Peer {
    /// What the client sends, up to and including `end`.
    public func readAll(until end: String) -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.ends(with: end.utf8), recv(fd, &byte, 1, 0) == 1 { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Array where Element == UInt8 {
    fileprivate func ends(with end: some Collection<UInt8>) -> Bool { suffix(end.count).elementsEqual(end) }
}

/// A text that one thread sets and another reads.
public final class Received: Sendable {
    /// Holds nothing yet.
    public init() {}

    private let value = Mutex("")

    public var text: String { value.withLock { $0 } }
    public func set(_ text: String) { value.withLock { $0 = text } }
    public func append(_ text: String) { value.withLock { $0 += text } }
}
