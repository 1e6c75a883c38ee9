import Apus
import Glibc

/// A UDP server that sends every message back, and does with its peers, and with a connection of its own to another
/// UDP server, what the test says over a control connection.
final class UDPScenario<P: PacketProtocol> where P.Inbound == P.Outbound {
    private let wireProtocol: P
    private let options: Options
    private let server: UDPWorker<P>
    /// A message of this text.
    private let message: (String) -> P.Outbound
    private var peers: [UDPConnection<P>] = []
    private var known: Set<UDPConnection<P>> = []
    private var outgoing: AsyncUDPConnection<P>?

    init(_ wireProtocol: P, _ options: Options, message: @escaping (String) -> P.Outbound) {
        self.wireProtocol = wireProtocol
        self.options = options
        self.message = message
        server = UDPWorker(wireProtocol, on: options["address"] ?? options.address)
    }

    func open() {
        if let bytes = options.number("max-package") { server.limits.maxPackageSize = bytes }
        setService(server, options)
        server.name = "udp"
        server.count = options.number("count") ?? 1
        server.onWorkerStart = { report("start \($0.id) \(getpid())") }
        server.onWorkerReload = { report("reload \($0.id)") }
        server.onWorkerStop = { report("stop \($0.id)") }
        server.onMessage = { connection, message in try self.answer(connection, message) }
        if options["handler"] != nil {
            server.errorHandler = { connection, error in connection.send(self.message("handled \(error)")) }
        }
        // In one process only: the control connection would be another one's.
        guard options["control"] != nil else { return }
        let control = Worker(.text, on: "127.0.0.1:0")
        control.onMessage = { connection, line in connection.send(try self.obey(line)) }
    }

    private func answer(_ connection: UDPConnection<P>, _ inbound: P.Inbound) throws {
        let words = Self.words(inbound)
        let numbers = words.dropFirst().compactMap { Int($0) }
        if known.insert(connection).inserted { peers.append(connection) }
        switch words.first {
        case "throw": throw ScenarioError(description: "a datagram")
        case "pid": connection.send(message("\(getpid())"))
        case "report": report("\(connection.send(inbound))")
        // Answers of these sizes, each of another letter, among those of other peers.
        case "sizes":
            for (index, size) in numbers.enumerated() { connection.sendRaw(Self.letters(size, index)) }
        case "big": report("big \(connection.sendRaw(Self.letters(numbers[0], 0)))")
        case "everybody": for peer in peers { peer.send(inbound) }
        case "close": connection.close(message("bye"))
        case "stop": Worker.stopAll()
        case "crash": fatalError("a datagram")
        default: connection.send(inbound)
        }
    }

    private static func letters(_ count: Int, _ index: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(97 + index % 26), count: count)
    }

    private static func words(_ message: P.Inbound) -> [String] {
        let text = (message as? String) ?? (message as? [UInt8]).map { String(decoding: $0.prefix(500), as: UTF8.self) }
        return (text ?? "").split(separator: " ").map(String.init)
    }

    private func obey(_ line: String) throws -> String {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        let text = words.count > 1 ? words[1] : ""
        switch words[0] {
        case "peers": return "\(peers.count)"
        case "push": return peers.map { "\($0.send(message(text)))" }.joined(separator: " ")
        case "push-size": return "\(peers[0].sendRaw(Self.letters(Int(text) ?? 0, 0)))"
        case "addresses": return peers.map(Self.describe).joined(separator: " ")
        case "pause": server.pauseAccept()
        case "resume": server.resumeAccept()
        case "unlisten": server.stopListening()
        case "no-checksums": return "\(turnChecksumsOff())"
        case "connect": try connect(to: text)
        case "prepare": outgoing = try makeConnection(to: text)
        case "out": return "\(outgoing?.send(message(text)) as SendResult?)"
        case "out-close": outgoing?.close(text.isEmpty ? nil : message(text))
        case "out-addresses":
            return "\(outgoing?.remoteAddress ?? "") \(outgoing?.localAddress ?? "") \(outgoing?.state as Any)"
        default: return "unknown command \(line)"
        }
        return "done"
    }

    private static func describe(_ peer: UDPConnection<P>) -> String {
        "remote=\(peer.remoteAddress)=\(peer.remoteIP)+\(peer.remotePort) "
            + "local=\(peer.localAddress)=\(peer.localIP)+\(peer.localPort) v4=\(peer.isIPv4) v6=\(peer.isIPv6)"
    }

    private func makeConnection(to address: String) throws -> AsyncUDPConnection<P> {
        let connection = try AsyncUDPConnection(wireProtocol, to: address)
        connection.onConnect = { _ in report("out connect") }
        connection.onMessage = { connection, message in
            let words = Self.words(message)
            report("out message \(words.joined(separator: " "))")
            if words.first == "drop" { throw ScenarioError(description: "an answer") }
            if words.first == "last" { connection.close() }
        }
        connection.onClose = { _ in report("out close") }
        return connection
    }

    /// The kernel joins no datagrams of a socket that sends without checksums. Returns how many sockets that are.
    private func turnChecksumsOff() -> Int {
        (Int32(3)..<100).count { fd in
            var type: Int32 = 0
            var size = socklen_t(MemoryLayout.size(ofValue: type))
            guard getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0, type == Int32(SOCK_DGRAM.rawValue) else {
                return false
            }
            var isOff: Int32 = 1
            return setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &isOff, size) == 0
        }
    }

    private func connect(to address: String) throws {
        let connection = try makeConnection(to: address)
        outgoing = connection
        try connection.connect()
    }
}

/// The scenario with the protocol that the command line names.
func serveUDP(_ options: Options) {
    switch options["protocol"] {
    case "text": UDPScenario(.text, options, message: { $0 }).open()
    case "frame": UDPScenario(.frame, options, message: { Array($0.utf8) }).open()
    default: UDPScenario(.raw, options, message: { Array($0.utf8) }).open()
    }
}
