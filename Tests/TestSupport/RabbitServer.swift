import Glibc

/// A RabbitMQ broker that speaks STOMP on ports of the loopback, with its files in a folder of its own. Gone, with what
/// it has started, with the last reference.
public final class RabbitServer: @unchecked Sendable {
    /// Where it speaks STOMP.
    public let endpoint: Endpoint
    /// Where it speaks STOMP over TLS, with the certificate `localhost`.
    public let securedEndpoint: Endpoint
    // Changed by one test at a time: hence @unchecked.
    private let folder: TemporaryFolder
    private let under: [String]
    /// Erlang's directory of nodes, without which a broker does not start: it would start one that outlives it.
    private let directory: ServerProcess
    private var process: ServerProcess

    /// One for all tests of a process that do it no harm. It ends with the process.
    public static let shared = Result {
        let server = try RabbitServer()
        running.value = server
        atexit { RabbitServer.running.value?.end() }
        return server
    }
    private static let running = Shared<RabbitServer?>(nil)

    /// Starts it and waits until it answers, which takes some seconds.
    public init() throws {
        let folder = try TemporaryFolder()
        let ports = try Self.freePorts(5, in: folder)
        self.folder = folder
        endpoint = .ipv4(port: ports[0])
        securedEndpoint = .ipv4(port: ports[4])
        let certificates = TestCertificates.shared
        try writeText("[rabbitmq_stomp].\n", to: folder.file("plugins"))
        try writeText(
            """
            listeners.tcp.1 = 127.0.0.1:\(ports[1])
            stomp.listeners.tcp.1 = 127.0.0.1:\(ports[0])
            stomp.listeners.ssl.1 = 127.0.0.1:\(ports[4])
            ssl_options.cacertfile = \(certificates.certificate("localhost"))
            ssl_options.certfile = \(certificates.certificate("localhost"))
            ssl_options.keyfile = \(certificates.key("localhost"))
            ssl_options.verify = verify_none

            """,
            to: folder.file("rabbit.conf"))
        let variables = [
            "HOME": folder.path, "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": "\(ports[2])",
            "ERL_CRASH_DUMP": "/dev/null",
            // Makes the start script become the broker, instead of waiting for it.
            "NOTIFY_SOCKET": "none", "RABBITMQ_NODENAME": "apus\(ports[0])@localhost",
            "RABBITMQ_MNESIA_BASE": folder.file("mnesia"), "RABBITMQ_LOG_BASE": folder.path, "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder.file("plugins"),
            "RABBITMQ_CONFIG_FILE": folder.file("rabbit.conf"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_GENERATED_CONFIG_DIR": folder.file("generated"),
            "RABBITMQ_FEATURE_FLAGS_FILE": folder.file("features"), "RABBITMQ_PID_FILE": folder.file("pid"),
            "RABBITMQ_DIST_PORT": "\(ports[3])",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        ]
        // Gone also when this process is killed.
        let dying = ["/usr/bin/setpriv", "--pdeathsig", "KILL"]
        under = dying + ["/usr/bin/env"] + variables.map { "\($0.key)=\($0.value)" }
        directory = try ServerProcess(
            "/usr/bin/epmd", ["-address", "127.0.0.1", "-port", "\(ports[2])"], in: folder,
            .init(under: dying))
        process = try Self.start(under, in: folder)
        try waitUntilReady()
    }

    deinit { end() }

    private func end() {
        try? kill()
        directory.signal(SIGKILL)
        // There are folders in it, which `TemporaryFolder` does not know.
        _ = try? ServerProcess(
            "/bin/rm", ["-rf", folder.path], in: folder
        ).waitForExit()
    }

    private static func start(_ under: [String], in folder: TemporaryFolder) throws -> ServerProcess {
        try ServerProcess("/usr/lib/rabbitmq/bin/rabbitmq-server", [], in: folder, .init(under: under))
    }

    /// Ports that nobody has just now.
    private static func freePorts(_ count: Int, in folder: TemporaryFolder) throws -> [UInt16] {
        let all = try (0..<count).map { _ in try Acceptor("ipv4", in: folder) }
        return all.compactMap { if case .ipv4(let port) = $0.endpoint { port } else { nil } }
    }

    /// Ends it without giving it a chance to say so.
    public func kill() throws {
        process.signal(SIGKILL)
        _ = try process.waitForExit()
    }

    /// Stops and continues it, so that it is there and does not answer.
    public func signal(_ number: Int32) { process.signal(number) }

    /// Starts it again at the same place.
    public func restart() throws {
        process = try Self.start(under, in: folder)
        try waitUntilReady()
    }

    /// A port of its own may be a client's for a moment: then it ends, and is started again.
    private func waitUntilReady() throws {
        let endpoint = endpoint
        var startsLeft = 20
        try waitFor("rabbitmq-server: \(process.errorText)", within: 240) { () -> Void? in
            if !process.isRunning {
                guard startsLeft > 0 else { throw Failure("rabbitmq-server has ended: \(process.errorText)") }
                startsLeft -= 1
                poll(nil, 0, 500)
                process = try Self.start(under, in: folder)
            }
            guard let client = try? Client(endpoint),
                (try? client.send("CONNECT\nlogin:guest\npasscode:guest\nhost:/\naccept-version:1.2\n\n\0")) != nil,
                let line = try? client.readLine()
            else {
                poll(nil, 0, 50)
                return nil
            }
            return line.hasPrefix("CONNECTED") ? () : nil
        }
    }
}
