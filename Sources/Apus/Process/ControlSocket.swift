import CApus

/// The master's side of the socket that commands reach it through: one message with the command in, one with the answer
/// as a file out. Only the owner may connect. Nothing here waits for anybody.
final class ControlSocket {
    /// A command that has connected.
    final class Client {
        let fd: Int32
        var deadline: Int64
        /// What the workers' reports are collected for; nil while the command has not arrived.
        var query: ConnectionsQuery?

        init(fd: Int32, deadline: Int64) {
            self.fd = fd
            self.deadline = deadline
        }
    }

    let fd: Int32
    private(set) var clients: [Client] = []
    /// Without descriptors no client can be accepted: until when not to try.
    private var pausedUntil: Int64?

    /// Nanoseconds that a client may take to speak, and a worker to answer.
    private static let patience: Int64 = 900_000_000
    private static let pause: Int64 = 100_000_000

    /// Nil when the socket cannot be made; the reason is logged and commands that need it will not work.
    init?(path: String) {
        fd = capus_listen_unix(path, 16, 0o600)
        guard fd >= 0 else {
            Log.write(
                "no control socket: \(SystemError("listen on \(path)", -fd)); status and connections will not answer",
                .error)
            return nil
        }
    }

    /// One that listens already.
    init(fd: Int32) { self.fd = fd }

    /// −1 while nobody can be accepted.
    var listeningDescriptor: Int32 { pausedUntil == nil ? fd : -1 }

    var nextDeadline: Int64? { (clients.map(\.deadline) + [pausedUntil].compactMap { $0 }).min() }

    func accept() {
        var peer = capus_address()
        let client = capus_accept(fd, &peer)
        let now = capus_monotonic_ns()
        if client >= 0 {
            clients.append(Client(fd: client, deadline: now + Self.patience))
        } else if -client != Int32(CAPUS_WOULD_BLOCK) {
            pausedUntil = now + Self.pause
        }
    }

    /// Reads a client's command; nil when it has gone.
    func command(of client: Client) -> String? {
        guard client.query == nil else {
            close(client)
            return nil
        }
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            let count = capus_receive(client.fd, buffer.baseAddress!, buffer.count)
            guard count > 0 else {
                close(client)
                return nil
            }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// Answers a client and lets it go.
    func answer(_ client: Client, _ text: String) {
        let file = Array(text.utf8).withUnsafeBytes { capus_memory_file($0.baseAddress!, $0.count) }
        var byte: UInt8 = 1
        if file >= 0 {
            _ = capus_send_descriptor(client.fd, &byte, 1, file)
            capus_close(file)
        }
        close(client)
    }

    private func close(_ client: Client) {
        capus_close(client.fd)
        clients.removeAll { $0 === client }
    }

    /// A worker has reported into `file`, or ended (−1).
    func reported(_ pid: Int32, _ file: Int32) {
        defer { if file >= 0 { capus_close(file) } }
        // Whoever asked first is answered first: each report belongs to one question.
        let waiting = clients.first { $0.query?.awaits(pid) == true }
        if file >= 0 { waiting?.query?.add(pid, ControlFile.text(of: file)) } else { forget(pid) }
        finishQueries { $0.query?.isComplete == true }
    }

    private func forget(_ pid: Int32) {
        for client in clients { client.query?.forget(pid) }
    }

    func runDeadlines(_ now: Int64) {
        if let until = pausedUntil, until <= now { pausedUntil = nil }
        finishQueries { $0.deadline <= now }
        for client in clients where client.query == nil && client.deadline <= now { close(client) }
    }

    /// Answers what waits with what is there: this program gives way to another.
    func answerAll(_ master: Master) { finishQueries { _ in true } }

    private func finishQueries(where isOver: (Client) -> Bool) {
        for client in clients where isOver(client) {
            if let query = client.query { answer(client, query.text) }
        }
    }
}

/// A question to all workers for their connections.
final class ConnectionsQuery {
    private var awaited: [(child: WorkerChild, slot: WorkerSlot)]
    private let isJSON: Bool
    private var rows = ""

    init(_ children: [(WorkerChild, WorkerSlot)], isJSON: Bool) {
        awaited = children.map { (child: $0.0, slot: $0.1) }
        self.isJSON = isJSON
        for (child, _) in children {
            ChannelMessage.send(isJSON ? .connectionsJSON : .connections, on: child.channel)
        }
    }

    var isComplete: Bool { awaited.isEmpty }
    func awaits(_ pid: Int32) -> Bool { awaited.contains { $0.child.pid == pid } }

    func add(_ pid: Int32, _ text: String) {
        rows += text
        awaited.removeAll { $0.child.pid == pid }
    }

    /// The process has ended, and its connections with it.
    func forget(_ pid: Int32) { awaited.removeAll { $0.child.pid == pid } }

    /// What has been reported, with a line for each process that has not.
    var text: String {
        let all = rows + awaited.map { ConnectionsReport.missing($0.child, $0.slot, isJSON: isJSON) }.joined()
        guard isJSON else { return ConnectionsReport.heading + all }
        return "{\"connections\": [\n\(all.hasSuffix(",\n") ? String(all.dropLast(2)) : all)\n]}"
    }
}

extension Master {
    /// A client of the control socket has sent its command.
    func serve(_ client: ControlSocket.Client) {
        guard let control, let command = control.command(of: client) else { return }
        let words = command.split(separator: " ")
        let children = slots.flatMap { slot in slot.children.map { ($0, slot) } }
        switch (words.first, words.dropFirst().first) {
        case ("status", "json"): control.answer(client, ServiceSnapshot(self).json)
        case ("status", "live"):
            let snapshot = ServiceSnapshot(self, rates: rates.look(at: children.map(\.0)))
            let full = StatusReport(snapshot).text
            let isNarrow = words.count > 2 ? Int(words[2]).map { $0 > 0 && $0 < 110 } ?? false : false
            control.answer(client, isNarrow ? NarrowStatus(snapshot, width: Int(words[2])!).text : full)
        case ("status", _): control.answer(client, StatusReport(ServiceSnapshot(self)).text)
        case ("connections", let form):
            let ready = children.filter { $0.0.isReady }
            client.query = ConnectionsQuery(ready, isJSON: form == "json")
            if ready.isEmpty { control.answer(client, client.query!.text) }
        default: control.answer(client, "unknown command \(command)")
        }
    }
}

/// A file without a name that carries text from one process to another.
enum ControlFile {
    static func text(of file: Int32) -> String {
        let size = capus_file_size(file)
        guard size > 0 else { return "" }
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { buffer in
            var done = 0
            while done < size {
                let count = capus_read_at(file, buffer.baseAddress! + done, size - done, done)
                guard count > 0 else { break }
                done += count
            }
            return String(decoding: buffer[..<done], as: UTF8.self)
        }
    }
}

/// The command's side.
enum ControlClient {
    /// Milliseconds: more than a master takes to collect what its workers say.
    private static let patience: Int32 = 3000

    enum Failure: Error {
        case noMaster
        case notAllowed
        case noAnswer
    }

    /// Asks the master.
    static func ask(_ command: String) throws(Failure) -> String {
        let fd = try connect()
        defer { capus_close(fd) }
        _ = Array(command.utf8).withUnsafeBytes { capus_send(fd, $0.baseAddress!, $0.count) }
        var isReadable = false
        guard capus_wait_readable([fd], &isReadable, 1, patience) > 0 else { throw .noAnswer }
        var byte: UInt8 = 0
        var file: Int32 = -1
        guard capus_receive_descriptor(fd, &byte, 1, &file) == 1, file >= 0 else { throw .noAnswer }
        defer { capus_close(file) }
        return ControlFile.text(of: file)
    }

    private static func connect() throws(Failure) -> Int32 {
        var pending = false
        let fd = capus_connect_unix(Service.settings.controlPath, &pending)
        guard fd >= 0 else { throw fd == -Int32(CAPUS_NOT_PERMITTED) ? .notAllowed : .noMaster }
        return fd
    }

    /// The process that listens on the control socket; nil when there is none.
    static var master: Int32? {
        guard let fd = try? connect() else { return nil }
        defer { capus_close(fd) }
        let pid = capus_peer_process(fd)
        return pid > 0 ? pid : nil
    }
}
