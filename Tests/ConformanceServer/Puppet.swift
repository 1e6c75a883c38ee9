import Apus
import Glibc

/// A server that does with its connections what the test says, over a control connection or in advance.
///
/// Every callback is reported. `on EVENT: ACTION; ACTION` makes it act within that callback, `once EVENT: …` the next
/// time only; everything else is done at once to the connection accepted last. The answer is the outcome.
final class Puppet<P: PacketProtocol> {
    private let wireProtocol: P
    private let options: Options
    /// A message that takes this many bytes on the wire.
    private let payload: (Int) -> P.Outbound
    private var server: Worker<P>?
    private var connection: Connection<P>?
    private var reactions: [String: [String]] = [:]
    private var onceReactions: [String: [String]] = [:]

    init(_ wireProtocol: P, _ options: Options, payload: @escaping (Int) -> P.Outbound) {
        self.wireProtocol = wireProtocol
        self.options = options
        self.payload = payload
    }

    func open() {
        if options["scarce-memory"] != nil { ScarceMemory.install() }
        if options["to"] == nil { openServer() }
        let control = Worker(.text, on: "127.0.0.1:0")
        control.onMessage = { connection, line in connection.send(try self.obey(line)) }
        control.onWorkerStart = { _ in try self.makeOutgoing() }
        control.onWorkerStop = { _ in report("stop") }
    }

    private func openServer() {
        let server = Worker(wireProtocol, on: options.address)
        self.server = server
        setLimits(server, options)
        if options["terminate-on-error"] != nil { server.errorPolicy = .terminateWorker }
        server.onConnect = connected
        server.onMessage = received
        server.onBufferFull = filled
        server.onBufferDrain = drained
        server.onError = failed
        server.onClose = closed
    }

    /// The puppet is the client of whatever listens at `--to`; "connect" begins.
    private func makeOutgoing() throws {
        guard let address = options["to"] else { return }
        let connection = try Connection(wireProtocol, to: address, options: connectOptions(options))
        self.connection = connection
        connection.onConnect = connected
        connection.onMessage = received
        connection.onBufferFull = filled
        connection.onBufferDrain = drained
        connection.onError = failed
        connection.onClose = closed
    }

    private func connected(_ connection: Connection<P>) throws {
        self.connection = connection
        report("connect \(connection.id)")
        try react("connect", connection)
    }

    private func received(_ connection: Connection<P>, _ message: P.Inbound) throws {
        report("message \(Self.describe(message))")
        try react("message", connection)
        try react("message \(Self.describe(message))", connection)
    }

    private func filled(_ connection: Connection<P>) throws {
        report("full \(connection.pendingSendBytes)")
        try react("full", connection)
    }

    private func drained(_ connection: Connection<P>) throws {
        report("drain \(connection.pendingSendBytes)")
        try react("drain", connection)
    }

    private func failed(_ connection: Connection<P>, _ code: ConnectionErrorCode, _ message: String) throws {
        report("error \(code.rawValue) \(message)")
        try react("error", connection)
    }

    private func closed(_ connection: Connection<P>) throws {
        report("close \(connection.id)")
        try react("close", connection)
    }

    private static func describe(_ message: P.Inbound) -> String {
        if let text = message as? String { return text }
        guard let bytes = message as? [UInt8] else { return "?" }
        return bytes.count <= 64 ? String(decoding: bytes, as: UTF8.self) : "of \(bytes.count) bytes"
    }

    private func react(_ event: String, _ connection: Connection<P>) throws {
        let actions = onceReactions.removeValue(forKey: event) ?? reactions[event] ?? []
        for action in actions { report("\(action): \(try perform(action, on: connection))") }
    }

    private func obey(_ line: String) throws -> String {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, words[0] == "on" || words[0] == "once" else {
            guard let connection else { return words[0] == "state" ? "no connection" : "?" }
            return try perform(line, on: connection)
        }
        let parts = words[1].split(separator: ":", maxSplits: 1).map(String.init)
        let actions = parts[1].split(separator: ";").map { String($0.drop { $0 == " " }) }
        if words[0] == "on" { reactions[parts[0]] = actions } else { onceReactions[parts[0]] = actions }
        return "ok"
    }

    private func perform(_ action: String, on connection: Connection<P>) throws -> String {
        let words = action.split(separator: " ").map(String.init)
        let number = words.count > 1 ? Int(words[1]) ?? 0 : 0
        switch words[0] {
        case "send": return "\(connection.send(payload(number))) \(connection.pendingSendBytes)"
        case "send-without-memory":
            return "\(ScarceMemory.without { connection.send(payload(number)) }) \(connection.state)"
        case "raw": return "\(connection.sendRaw(Array(words[1].utf8))) \(connection.pendingSendBytes)"
        case "close": if words.count > 1 { connection.close(payload(number)) } else { connection.close() }
        case "end": if words.count > 1 { connection.end(payload(number)) } else { connection.end() }
        case "destroy": connection.destroy()
        case "connect": connection.connect()
        case "reconnect": connection.reconnect(after: words.count > 1 ? Double(words[1]) ?? 0 : 0)
        case "cancel-reconnect": connection.cancelReconnect()
        case "tick": connection.timer(every: 0.005) { _ in report("tick") }
        case "later": connection.timer(after: 0.005) { _ in report("later") }
        case "write":
            let text = words.count > 1 ? words[1] : ""
            connection.run {
                do {
                    try await connection.write(text as! P.Outbound)
                    report("written")
                } catch {
                    report("not written: \(error)")
                }
            }
        case "hold": connection.run { try await Timer.sleep(60) }
        case "tls": return describeTLS(connection)
        case "pause": connection.pauseReading()
        case "resume":
            report("resuming")
            connection.resumeReading()
            report("resumed")
        case "resume-other": server?.connections[number]?.resumeReading()
        case "close-other": server?.connections[number]?.close()
        case "own-buffer-callbacks":
            connection.onBufferFull = { report("own full \($0.pendingSendBytes)") }
            connection.onBufferDrain = { report("own drain \($0.pendingSendBytes)") }
        case "limit": connection.maxSendBufferSize = number
        case "package": connection.maxPackageSize = number
        case "max-connections": server?.maxConnections = words.count > 1 ? number : nil
        case "max-per-ip": server?.maxConnectionsPerIP = number
        case "fill": return "\(fillKernel(connection.fileDescriptor))"
        case "squeeze": squeeze(connection.fileDescriptor)
        case "stop-listening": server?.stopListening()
        case "await-writer": Glibc.close(Glibc.open(words[1], O_RDONLY | O_CLOEXEC))
        case "await-hangup": awaitHangup(connection.fileDescriptor)
        case "state": return "\(connection.state) open=\(connection.isOpen)"
        case "counters":
            return
                "read=\(connection.bytesRead) written=\(connection.bytesWritten) pending=\(connection.pendingSendBytes)"
        case "addresses": return describeAddresses(connection)
        case "throw": throw ScenarioError(description: "the scenario threw")
        default: return "unknown action \(action)"
        }
        return "done"
    }

    private func describeAddresses(_ connection: Connection<P>) -> String {
        "remote=\(connection.remoteAddress) local=\(connection.localAddress) "
            + "v4=\(connection.isIPv4) v6=\(connection.isIPv6)"
    }

    private func describeTLS(_ connection: Connection<P>) -> String {
        guard let facts = connection.tls else { return "none" }
        return "version=\(facts.version) name=\(facts.serverName ?? "-") alpn=\(facts.applicationProtocol ?? "-") "
            + "peer=\(facts.peerSubject ?? "-") resumed=\(facts.isResumed) kernel=\(facts.usesKernel)"
    }

    /// A small socket buffer, so that little is enough to fill it.
    private func squeeze(_ fd: Int32) {
        var size: Int32 = 4096
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout.size(ofValue: size)))
    }

    /// Blocks, so that nobody else can notice first, until the peer is gone.
    private func awaitHangup(_ fd: Int32) {
        var query = pollfd(fd: fd, events: 0, revents: 0)
        poll(&query, 1, 10_000)
    }

    /// Writes past Apus until the kernel takes no more; returns how many bytes that were.
    private func fillKernel(_ fd: Int32) -> Int {
        let block = [UInt8](repeating: 0x2E, count: 4096)
        var total = 0
        // What is on its way to the peer may make room once more, after a while.
        var quietRounds = 0
        while quietRounds < 6 {
            let before = total
            var size = block.count
            while size > 0 {
                let sent = send(fd, block, size, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                if sent > 0 { total += sent } else { size /= 2 }
            }
            quietRounds = total == before ? quietRounds + 1 : 0
            poll(nil, 0, 50)
        }
        return total
    }
}
