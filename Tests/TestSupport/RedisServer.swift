import Glibc

/// A redis-server on a Unix socket in a folder of its own, which keeps nothing on disk. Gone with the last reference.
public final class RedisServer {
    /// Where it listens.
    public let endpoint: Endpoint
    private let folder: TemporaryFolder
    private let options: [String]
    private var process: ServerProcess

    /// Starts it and waits until it answers. `options` are those of its command line.
    public init(_ options: [String] = []) throws {
        folder = try TemporaryFolder()
        endpoint = .unix(path: folder.file("redis"))
        self.options =
            ["--port", "0", "--unixsocket", folder.file("redis"), "--save", "", "--appendonly", "no"]
            + ["--dir", folder.path, "--daemonize", "no"] + options
        process = try Self.start(self.options, in: folder)
        try waitUntilReady()
    }

    private static func start(_ options: [String], in folder: TemporaryFolder) throws -> ServerProcess {
        try ServerProcess("/usr/bin/redis-server", options, in: folder)
    }

    /// Ends it without giving it a chance to say so.
    public func kill() throws {
        process.signal(SIGKILL)
        _ = try process.waitForExit()
    }

    /// Stops and continues it, so that it is there and does not answer.
    public func signal(_ number: Int32) { process.signal(number) }

    /// Starts it again at the same place, with nothing in it.
    public func restart() throws {
        process = try Self.start(options, in: folder)
        try waitUntilReady()
    }

    private func waitUntilReady() throws {
        let endpoint = endpoint
        try waitFor("redis-server: \(process.errorText)") { () -> Void? in
            guard let client = try? Client(endpoint), (try? client.send("PING\r\n")) != nil,
                let line = try? client.readLine()
            else { return nil }
            return line.hasPrefix("+PONG") || line.hasPrefix("-NOAUTH") ? () : nil
        }
    }

    /// Asks it something from a connection of the test's own; returns the first line of the reply.
    public func ask(_ command: String) throws -> String {
        let client = try Client(endpoint)
        try client.send(command + "\r\n")
        return String(try client.readLine().dropLast())
    }
}
