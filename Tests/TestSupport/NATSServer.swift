import Glibc

/// A nats-server on a port of the loopback, with JetStream, whose files are in a folder of its own. Gone with the last
/// reference.
public final class NATSServer: @unchecked Sendable {
    /// Where it listens: `127.0.0.1:PORT`.
    public let address: String
    // Changed by one test at a time: hence @unchecked.
    private let folder: TemporaryFolder
    private let arguments: [String]
    private var process: ServerProcess

    private static let program = "/usr/sbin/nats-server"

    /// Starts it and waits until it accepts connections. `options` are those of its command line.
    public init(_ options: [String] = []) throws {
        let folder = try TemporaryFolder()
        let arguments = { (port: String) in
            ["--addr", "127.0.0.1", "--port", port, "--jetstream", "--store_dir", folder.file("jetstream")] + options
        }
        let server = try startServer(Self.program, in: folder, arguments)
        self.folder = folder
        self.arguments = arguments(server.port)
        address = "127.0.0.1:\(server.port)"
        process = server.process
    }

    deinit {
        try? kill()
        // There are folders in it, which `TemporaryFolder` does not know.
        _ = try? ServerProcess("/bin/rm", ["-rf", folder.file("jetstream")], in: folder).waitForExit()
    }

    /// Ends it without giving it a chance to say so.
    public func kill() throws {
        guard process.isRunning else { return }
        process.signal(SIGKILL)
        _ = try process.waitForExit()
    }

    /// Starts it again at the same place, with what it has on its disk.
    public func restart() throws {
        try waitFor("nats-server: \(process.errorText)") { () -> Void? in
            if !process.isRunning { process = try ServerProcess(Self.program, arguments, in: folder) }
            let port = UInt16(address.split(separator: ":")[1])!
            return (try? Client(.ipv4(port: port))) != nil ? () : nil
        }
    }

    /// Stops and continues it, so that it is there and does not answer.
    public func signal(_ number: Int32) { process.signal(number) }
}
