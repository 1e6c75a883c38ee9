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
        // Answered in the same turn, since the last worker has reported.
        guard clients.contains(where: { $0 === client }) else { return nil }
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
        let file = ControlFile.make(text)
        var byte: UInt8 = 1
        if file >= 0 {
            _ = capus_send_descriptor(client.fd, &byte, 1, file)
            capus_close(file)
        }
        close(client)
    }

    private func close(_ client: Client) {
        client.query?.end()
        capus_close(client.fd)
        clients.removeAll { $0 === client }
    }

    /// Lets all clients go: nobody can connect any more.
    func close() {
        for client in clients { close(client) }
        capus_close(fd)
    }

    /// A worker has reported into `file`, also when nobody waits any more.
    func reported(_ child: WorkerChild, _ number: String, _ file: Int32) {
        defer { if file >= 0 { capus_close(file) } }
        guard let question = child.answered(number) else { return }
        if file >= 0 { question.add(child.pid, ControlFile.text(of: file)) }
        finishComplete()
    }

    /// Processes have ended, and their connections with them.
    func finishComplete() { finishQueries { $0.query?.isComplete == true } }

    func runDeadlines(_ now: Int64) {
        if let until = pausedUntil, until <= now { pausedUntil = nil }
        finishQueries { $0.deadline <= now }
        for client in clients where client.query == nil && client.deadline <= now { close(client) }
    }

    /// Answers what waits with what is there: this program gives way to another.
    func answerAll() { finishQueries { _ in true } }

    private func finishQueries(where isOver: (Client) -> Bool) {
        for client in clients where isOver(client) {
            if let query = client.query { answer(client, query.text) }
        }
    }
}
