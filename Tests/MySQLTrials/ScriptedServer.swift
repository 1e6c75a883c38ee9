import TestSupport

/// What a server said in a session: after each message of the client's, some bytes.
nonisolated struct Recording: Sendable {
    var replies: [[UInt8]] = []
    var byteCount: Int { replies.reduce(0) { $0 + $1.count } }

    /// The place of a byte, counted over all replies.
    subscript(place: Int) -> UInt8 {
        get {
            let (reply, offset) = find(place)
            return replies[reply][offset]
        }
        set {
            let (reply, offset) = find(place)
            replies[reply][offset] = newValue
        }
    }

    private func find(_ place: Int) -> (Int, Int) {
        var rest = place
        for (index, reply) in replies.enumerated() {
            if rest < reply.count { return (index, rest) }
            rest -= reply.count
        }
        fatalError("no byte \(place)")
    }

    /// Up to a byte.
    func prefix(_ count: Int) -> Recording {
        var rest = count
        return Recording(
            replies: replies.map { reply in
                defer { rest = max(0, rest - reply.count) }
                return Array(reply.prefix(rest))
            })
    }
}

/// Stands between a client and a real server, and notes what that says. For one connection.
final class Recorder {
    let port: UInt16
    private let helper: Helper<Recording>

    init(to serverPort: UInt16) throws {
        let acceptor = try Acceptor("ipv4", in: TemporaryFolder())
        port = portOf(acceptor)
        helper = Helper {
            let client = try acceptor.accept()
            let server = try Client(.ipv4(port: serverPort))
            var recording = Recording()
            recording.replies.append([])
            while true {
                if server.isReadable(within: 0.005) {
                    guard let bytes = try? server.readAvailable(atMost: 65536) else { return recording }
                    recording.replies[recording.replies.count - 1] += bytes
                    try client.send(bytes)
                } else if client.isReadable(within: 0.005) {
                    guard let bytes = try? client.readAvailable(atMost: 65536) else { return recording }
                    recording.replies.append([])
                    try server.send(bytes)
                }
            }
        }
    }

    /// What was said until one of them closed the connection.
    func recording() throws -> Recording { try helper.join() }
}

/// Says to one client what was recorded, whatever that says.
final class ScriptedServer {
    enum Ending: Sendable { case close, reset, stall, garbage }

    let port: UInt16
    private let helper: Helper<Void>

    init(_ script: Recording, then ending: Ending) throws {
        let acceptor = try Acceptor("ipv4", in: TemporaryFolder())
        port = portOf(acceptor)
        helper = Helper {
            guard let client = try? acceptor.accept(within: 60) else { return }
            var rest = script.byteCount
            for (index, reply) in script.replies.enumerated() where rest > 0 {
                if index > 0, (try? client.readAvailable(atMost: 65536, within: 60))?.isEmpty != false { return }
                guard (try? client.send(reply)) != nil else { return }
                rest -= reply.count
            }
            switch ending {
            case .close: client.close()
            case .reset: client.reset()
            case .stall: _ = try? client.readToEnd(within: 60)
            case .garbage:
                var generator = SeededGenerator(seed: UInt64(script.byteCount))
                let noise = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &generator) }
                _ = try? client.send(noise)
                client.close()
            }
        }
    }

    func join() throws { try helper.join() }
}

private func portOf(_ acceptor: Acceptor) -> UInt16 {
    if case .ipv4(let port) = acceptor.endpoint { port } else { 0 }
}

/// What a server says first. Its challenge is `challenge`.
nonisolated func greeting(_ plugin: String = "mysql_native_password", speaksTLS: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = [10]
    bytes += Array("5.5.5-10.11.0-MariaDB\0".utf8)
    bytes += [1, 0, 0, 0] + challenge[..<8] + [0]
    bytes += [0xFF, speaksTLS ? 0xFF : 0xF7, 45, 2, 0, 0xFF, 0x80, 21]
    bytes += [UInt8](repeating: 0, count: 10) + challenge[8...]
    bytes += Array("\0\(plugin)\0".utf8)
    return bytes
}

nonisolated let challenge = Array("abcdefghijklmnopqrst".utf8)

/// A message of less than 64 KiB with its header.
nonisolated func packet(_ payload: [UInt8], _ number: UInt8) -> [UInt8] {
    [UInt8(payload.count & 255), UInt8(payload.count >> 8), 0, number] + payload
}

/// All is well.
nonisolated let okay: [UInt8] = [0, 0, 0, 2, 0, 0, 0]
