import Glibc

/// How a connection ended, seen from the client.
public enum Ending: Sendable {
    /// The server sent all it had to, and its FIN.
    case finished
    /// The connection was reset.
    case reset
}

/// A blocking client of one stream connection. Every wait has a deadline; missing it throws.
public final class Client {
    /// Seconds that a wait may take unless it says otherwise; more where a tool that slows servers down looks on.
    public static let patience = ServerProcess.observer.isEmpty ? 60.0 : 600

    private var fd: Int32
    private var session: TLSSession?
    private var buffer: [UInt8] = []
    private var isFinished = false

    /// Connects. A small `receiveBuffer` makes the server feel back-pressure soon; `preamble` goes before TLS.
    public init(
        _ endpoint: Endpoint, receiveBuffer: Int32? = nil, isSecured: Bool = false, preamble: [UInt8] = []
    ) throws {
        let family = endpoint.family
        fd = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw Failure("socket: \(systemError())") }
        if var size = receiveBuffer {
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout.size(ofValue: size)))
        }
        if family != AF_UNIX {
            var on: Int32 = 1
            setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout.size(ofValue: on)))
        }
        guard Self.connect(fd, endpoint) == 0 else {
            throw Failure("connect to \(endpoint): \(systemError())")  // deinit closes.
        }
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK)
        try send(preamble)
        if isSecured { session = try TLSSession(fd, until: Deadline(Self.patience)) }
    }

    /// The server's end of a connection that was accepted.
    init(accepted fd: Int32) {
        self.fd = fd
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK)
    }

    deinit { close() }

    static func connect(_ fd: Int32, _ endpoint: Endpoint) -> Int32 {
        endpoint.withSystemAddress { Glibc.connect(fd, $0, $1) }
    }

    // MARK: Sending

    /// Sends all of it. Throws when the server does not take it in time, or has closed.
    public func send(_ bytes: [UInt8], within seconds: Double = patience) throws {
        let count = try sendWhilePossible(bytes, within: seconds)
        guard count == bytes.count else {
            throw Failure("the connection broke after \(count) of \(bytes.count) bytes sent")
        }
    }

    /// Sends text.
    public func send(_ text: String, within seconds: Double = patience) throws {
        try send(Array(text.utf8), within: seconds)
    }

    /// Sends as much as the server takes before it closes; returns how much that is.
    public func sendWhilePossible(_ bytes: [UInt8], within seconds: Double = patience) throws -> Int {
        let deadline = Deadline(seconds)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { put($0.baseAddress! + sent, $0.count - sent) }
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                guard wait(fd, POLLOUT, until: deadline) else {
                    throw Failure("the server took \(sent) of \(bytes.count) bytes in \(seconds) s")
                }
            } else if errno != EINTR {
                return sent
            }
        }
        return sent
    }

    /// Sends what the kernel takes at once, without waiting; nil when the connection is broken.
    public func trySend(_ bytes: [UInt8]) -> Int? {
        let count = bytes.withUnsafeBytes { put($0.baseAddress!, $0.count) }
        return count >= 0 ? count : errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    /// The kernel takes nothing more for a while.
    public var isBlocked: Bool { !wait(fd, POLLOUT, until: Deadline(0.3)) }

    /// Says that nothing more comes; answers can still be read. Over TLS many leave without the goodbye of that.
    public func finishSending(saysGoodbye: Bool = true) {
        if saysGoodbye { session?.finish() }
        shutdown(fd, Int32(SHUT_WR))
    }

    /// Sends text, and behind it in the same segment that nothing more comes in the TLS session.
    public func sendLast(_ text: String) throws {
        var isCorked: Int32 = 1
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_CORK, &isCorked, socklen_t(MemoryLayout.size(ofValue: isCorked)))
        try send(text)
        session?.finish()
        isCorked = 0
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_CORK, &isCorked, socklen_t(MemoryLayout.size(ofValue: isCorked)))
    }

    /// The first message of a TLS client.
    public static func tlsHello() throws -> [UInt8] { try TLSSession.clientHello() }

    private func put(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        session?.send(bytes, count) ?? Glibc.send(fd, bytes, count, Int32(MSG_NOSIGNAL))
    }

    private func take(_ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
        session?.receive(bytes, count) ?? recv(fd, bytes, count, 0)
    }

    /// Closes; what was not read is lost.
    public func close() {
        guard fd >= 0 else { return }
        session = nil
        Glibc.close(fd)
        fd = -1
    }

    /// Closes with a reset.
    public func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout.size(ofValue: option)))
        close()
    }

    /// Leaves without telling the other side, as a machine does whose power fails: a socket under repair sends nothing.
    /// Takes the right to administer the network.
    public func vanish() throws {
        let repair: Int32 = 19  // TCP_REPAIR
        var on: Int32 = 1
        guard setsockopt(fd, Int32(IPPROTO_TCP), repair, &on, socklen_t(MemoryLayout.size(ofValue: on))) == 0 else {
            throw Failure("TCP_REPAIR: \(systemError())")
        }
        close()
    }

    // MARK: Receiving

    /// Reads once into the buffer. Returns the ending when there is nothing more.
    private func fill(_ deadline: Deadline, _ wanted: @autoclosure () -> String) throws -> Ending? {
        if isFinished { return .finished }
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = take(&block, block.count)
            if count > 0 {
                buffer += block[..<count]
                return nil
            }
            if count == 0 {
                isFinished = true
                return .finished
            }
            if errno == EAGAIN {
                guard wait(fd, POLLIN, until: deadline) else { throw Failure("no \(wanted()) in time; got \(excerpt)") }
            } else if errno != EINTR {
                return .reset
            }
        }
    }

    private var excerpt: String {
        "\(buffer.count) bytes: \(String(decoding: buffer.prefix(300), as: UTF8.self).debugDescription)"
    }

    /// Bytes up to and including `end`.
    public func read(through end: String, within seconds: Double = patience) throws -> [UInt8] {
        let end = Array(end.utf8)
        let deadline = Deadline(seconds)
        var from = 0
        while true {
            if let found = buffer.firstRange(of: end, from: from) {
                defer { buffer.removeFirst(found + end.count) }
                return Array(buffer[..<(found + end.count)])
            }
            from = max(0, buffer.count - end.count + 1)
            if let ending = try fill(deadline, "\(end)") {
                throw Failure("\(ending) before the end of a part; got \(excerpt)")
            }
        }
    }

    /// A line without its line feed.
    public func readLine(within seconds: Double = patience) throws -> String {
        String(decoding: try read(through: "\n", within: seconds).dropLast(), as: UTF8.self)
    }

    /// Exactly `count` bytes.
    public func read(_ count: Int, within seconds: Double = patience) throws -> [UInt8] {
        let deadline = Deadline(seconds)
        while buffer.count < count {
            if let ending = try fill(deadline, "\(count) bytes") {
                throw Failure("\(ending) before \(count) bytes came; got \(excerpt)")
            }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    /// Reads and drops exactly `count` bytes, in small steps when `step` says so.
    public func skip(_ count: Int, step: Int = 65536, within seconds: Double = patience) throws {
        let deadline = Deadline(seconds)
        var left = count - min(count, buffer.count)
        buffer.removeFirst(min(count, buffer.count))
        var block = [UInt8](repeating: 0, count: step)
        while left > 0 {
            let read = take(&block, min(left, step))
            if read > 0 {
                left -= read
            } else if read == 0 {
                throw Failure("the server closed \(left) bytes early")
            } else if errno == EAGAIN {
                guard wait(fd, POLLIN, until: deadline) else {
                    throw Failure("\(left) bytes missing after \(seconds) s")
                }
            } else if errno != EINTR {
                throw Failure("\(systemError()) with \(left) bytes missing")
            }
        }
    }

    /// What is there, at least a byte and at most `count`.
    public func readAvailable(atMost count: Int, within seconds: Double = patience) throws -> [UInt8] {
        if buffer.isEmpty, let ending = try fill(Deadline(seconds), "byte") {
            throw Failure("\(ending) where bytes were due")
        }
        let piece = Array(buffer.prefix(count))
        buffer.removeFirst(piece.count)
        return piece
    }

    /// Everything until the connection ends, and how it ends.
    public func readToEnd(within seconds: Double = patience) throws -> (bytes: [UInt8], ending: Ending) {
        let deadline = Deadline(seconds)
        while true {
            guard let ending = try fill(deadline, "end") else { continue }
            defer { buffer.removeAll() }
            return (buffer, ending)
        }
    }

    /// Everything until the connection ends, as text.
    public func textToEnd(within seconds: Double = patience) throws -> String {
        String(decoding: try readToEnd(within: seconds).bytes, as: UTF8.self)
    }

    /// Whether something to read, or the end, comes within `seconds`.
    public func isReadable(within seconds: Double = 0) -> Bool {
        guard session != nil else { return !buffer.isEmpty || wait(fd, POLLIN, until: Deadline(seconds)) }
        // Records that carry no bytes of the server's make the descriptor readable as well.
        if !buffer.isEmpty || isFinished { return true }
        do {
            _ = try fill(Deadline(seconds), "byte")
            return true
        } catch {
            return false
        }
    }
}

extension [UInt8] {
    /// Where `part` stands first, at or behind `from`.
    func firstRange(of part: [UInt8], from: Int = 0) -> Int? {
        guard let first = part.first else { return from }
        return withUnsafeBytes { bytes in
            var start = from
            while start + part.count <= bytes.count {
                guard let hit = memchr(bytes.baseAddress! + start, Int32(first), bytes.count - part.count - start + 1)
                else {
                    return nil
                }
                let index = UnsafeRawPointer(hit) - bytes.baseAddress!
                if memcmp(hit, part, part.count) == 0 { return index }
                start = index + 1
            }
            return nil
        }
    }
}
