import Glibc
import TestSupport

/// What keeps values and carries events.
protocol ValueServer: AnyObject {
    var data: String { get }
    var channel: String { get }
    func kill() throws
    func restart() throws
    /// It is there, and does not answer; or does again.
    func signal(_ number: Int32)
    /// It knows how many clients have got an event.
    var countsReceivers: Bool { get }
    /// Values and items are still there when it was killed.
    var keepsItems: Bool { get }
}

/// The server that a trial is to be made with: Apus' own, also with a "journal", "redis" or "nats".
func valueServer(_ words: [String]) throws -> any ValueServer {
    switch words.first {
    case "redis": try RedisValues()
    case "nats": try NATSValues()
    case "journal": try ClusterServer(hasJournal: true)
    default: try ClusterServer()
    }
}

/// redis-server, on a Unix socket, with what it keeps on its disk.
private final class RedisValues: ValueServer {
    private let server: RedisServer
    let countsReceivers = true
    let keepsItems = true
    var data: String { "redis+\(server.endpoint)" }
    var channel: String { data }

    init() throws { server = try RedisServer(["--appendonly", "yes", "--appendfsync", "no"]) }

    nonisolated deinit {}

    func kill() throws { try server.kill() }
    func restart() throws { try server.restart() }
    func signal(_ number: Int32) { server.signal(number) }
}

/// nats-server, on a port.
private final class NATSValues: ValueServer {
    private let server: NATSServer
    var data: String { "nats://\(server.address)" }
    var channel: String { data }
    let countsReceivers = false
    let keepsItems = true

    init() throws { server = try NATSServer() }

    nonisolated deinit {}

    func kill() throws { try server.kill() }
    func restart() throws { try server.restart() }
    func signal(_ number: Int32) { server.signal(number) }
}

/// `Examples ClusterServers`, on Unix sockets.
final class ClusterServer: ValueServer {
    private let folder: TemporaryFolder
    private let backend: String
    private let options: [String]
    private var process: ServerProcess
    let countsReceivers = true
    let keepsItems: Bool

    /// The journal, where there is one.
    let journal: String
    var channel: String { "unix:\(folder.file("channel"))" }
    var data: String { "unix:\(folder.file("data"))" }

    init(
        _ options: [String] = [], hasJournal: Bool = false, journal: String? = nil, backend: String = "epoll"
    ) throws {
        folder = try TemporaryFolder()
        self.backend = backend
        self.journal = journal ?? folder.file("journal")
        self.options = options + (hasJournal ? ["--journal", self.journal] : [])
        keepsItems = hasJournal
        process = try Self.start(folder, self.options, backend)
    }

    nonisolated deinit {}

    private static func start(
        _ folder: TemporaryFolder, _ options: [String], _ backend: String
    ) throws -> ServerProcess {
        let process = try ServerProcess(
            "Examples",
            [
                "ClusterServers", "start", "--single-process", "--channel", "unix:\(folder.file("channel"))", "--data",
                "unix:\(folder.file("data"))", "--backend", backend, "--pid-file", folder.file("pid"), "--log-file",
                folder.file("log"),
            ] + options, in: folder)
        _ = try process.endpoints()
        return process
    }

    /// Ends it without giving it a chance to say so.
    func kill() throws {
        process.signal(SIGKILL)
        _ = try process.waitForExit()
    }

    func restart() throws { process = try Self.start(folder, options, backend) }

    func signal(_ number: Int32) { process.signal(number) }

    var log: String { folder.text("log") }

    /// Starts a second one with the same journal; returns what it says before it ends.
    func startAnother(journal: String? = nil) throws -> String {
        let other = try TemporaryFolder()
        let process = try ServerProcess(
            "Examples",
            [
                "ClusterServers", "start", "--single-process", "--channel", "unix:\(other.file("channel"))", "--data",
                "unix:\(other.file("data"))", "--pid-file", other.file("pid"), "--journal", journal ?? self.journal,
            ], in: other)
        let status = try process.waitForExit()
        return "\(status) \(process.errorText)"
    }
}
