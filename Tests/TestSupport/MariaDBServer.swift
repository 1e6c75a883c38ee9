import Glibc

/// A mariadbd on a free port of the loopback and on a Unix socket, with data in a folder of its own. Gone with the last
/// reference.
///
/// There are a database `trial` and the user `trial` with the password `secret`, who may do everything in it; the users
/// `ed` with the same password proven by ed25519, and `tls`, who is let in over TLS only.
public final class MariaDBServer {
    /// Where it listens.
    public private(set) var port: UInt16 = 0
    /// Its Unix socket.
    public let socket: String
    private let folder: TemporaryFolder
    private let data: String
    private let options: [String]
    private var process: ServerProcess?

    /// The address for clients.
    public var address: String { "mysql://trial:secret@127.0.0.1:\(port)/trial" }

    /// Prepares the data, which takes seconds, starts it and waits until it answers. `options` are those of its command
    /// line.
    public init(_ options: [String] = []) throws {
        folder = try TemporaryFolder()
        socket = folder.file("socket")
        data = folder.file("data")
        self.options = options
        let prepare = try ServerProcess(
            "/usr/bin/mariadb-install-db",
            [
                "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--datadir=\(data)",
                "--user=\(Self.user)", "--tmpdir=\(folder.path)",
            ], in: folder)
        guard try prepare.waitForExit(within: 120) == .code(0) else {
            throw Failure("mariadb-install-db: \(prepare.errorText)")
        }
        try start()
        try createUsers()
    }

    deinit {
        process = nil
        // What it leaves has folders in folders.
        let remove = try? ServerProcess("/bin/rm", ["-rf", data], in: folder)
        _ = try? remove?.waitForExit()
    }

    private static var user: String { getuid() == 0 ? "root" : String(cString: getpwuid(getuid()).pointee.pw_name) }

    /// Another program may take the port between our asking for it and its being bound.
    private func start() throws {
        for _ in 0..<10 {
            if port == 0 { port = try Self.freePort() }
            let process = try ServerProcess(
                "/usr/sbin/mariadbd",
                [
                    "--no-defaults", "--user=\(Self.user)", "--datadir=\(data)", "--socket=\(socket)",
                    "--tmpdir=\(folder.path)", "--bind-address=127.0.0.1", "--port=\(port)", "--skip-log-bin",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--max-connections=500", "--max-allowed-packet=256M", "--pid-file=\(folder.file("pid"))",
                    "--skip-name-resolve",
                    "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", "--plugin-load-add=auth_ed25519",
                ] + options, in: folder)
            self.process = process
            let isReady = try waitFor("mariadbd: \(process.errorText)", within: 120) { () -> Bool? in
                guard process.isRunning else { return false }
                return (try? ask("SELECT 1")) == "1" ? true : nil
            }
            if isReady { return }
            port = 0
        }
        throw Failure("mariadbd does not start: \(process?.errorText ?? "")")
    }

    private static func freePort() throws -> UInt16 {
        let acceptor = try Acceptor("ipv4", in: TemporaryFolder())
        guard case .ipv4(let port) = acceptor.endpoint else { throw Failure("no port") }
        return port
    }

    private func createUsers() throws {
        try ask(
            """
            CREATE DATABASE trial CHARACTER SET utf8mb4;
            CREATE USER trial@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret');
            GRANT ALL ON *.* TO trial@'%';
            CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret');
            GRANT ALL ON trial.* TO ed@'%';
            CREATE USER tls@'%' IDENTIFIED BY 'secret' REQUIRE SSL;
            GRANT ALL ON trial.* TO tls@'%'
            """)
    }

    /// Asks it something through Debian's own client; returns what that prints.
    @discardableResult
    public func ask(_ sql: String) throws -> String {
        let client = try ServerProcess(
            "/usr/bin/mariadb", ["--no-defaults", "--socket=\(socket)", "--user=root", "-N", "-B", "-e", sql],
            in: folder)
        let output = try client.outputToEnd()
        guard try client.waitForExit() == .code(0) else { throw Failure("mariadb: \(client.errorText)") }
        return output
    }

    /// Ends it without giving it a chance to say so.
    public func kill() throws {
        process?.signal(SIGKILL)
        _ = try process?.waitForExit()
    }

    /// Stops and continues it, so that it is there and does not answer.
    public func signal(_ number: Int32) { process?.signal(number) }

    /// Starts it again at the same place with the same data.
    public func restart() throws {
        let old = port
        try start()
        if port != old { throw Failure("another program has taken port \(old)") }
    }
}
