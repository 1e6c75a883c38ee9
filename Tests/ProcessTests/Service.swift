import Glibc
import TestSupport

/// A supervised program of this package, with files of its own, and the commands that control it.
final class Service {
    /// What a command said and how it ended.
    struct Outcome {
        let status: ExitStatus
        let output: String
        let errors: String
    }

    let folder: TemporaryFolder
    private let program: String
    private let recipe: String
    private let options: [String]
    private let launch: ServerProcess.Launch
    /// Everything that was started, so that it ends with the test.
    private var started: [ServerProcess] = []

    /// `options` are those of the recipe.
    init(
        _ program: String, _ recipe: String, _ backend: String, _ options: [String], in folder: TemporaryFolder? = nil,
        launch: ServerProcess.Launch = ServerProcess.Launch()
    ) throws {
        self.launch = launch
        self.folder = try folder ?? TemporaryFolder()
        self.program = program
        self.recipe = recipe
        self.options =
            ["--backend", backend, "--pid-file", self.folder.file("pid"), "--log-file", self.folder.file("log")]
            + options
    }

    /// `Examples AllProtocols` with HTTP on a port that the kernel chooses.
    static func example(_ backend: String, count: Int = 2, http: String = "127.0.0.1:0") throws -> Service {
        try Service("Examples", "AllProtocols", backend, ["--http", http, "--count", "\(count)"])
    }

    /// The HTTP scenario of `ConformanceServer`.
    static func conformance(
        _ backend: String, count: Int = 2, _ options: [String] = [], in folder: TemporaryFolder? = nil,
        launch: ServerProcess.Launch = ServerProcess.Launch()
    ) throws -> Service {
        try Service(
            "ConformanceServer", "http", backend,
            ["--listen", "127.0.0.1:0", "--count", "\(count)", "--load", "1"] + options, in: folder, launch: launch)
    }

    var log: String { folder.text("log") }

    /// The master's id in the pid file; nil when it names none.
    var pidInFile: Int32? { readText(folder.file("pid")).flatMap { Int32($0) } }

    /// A command with its options, for another way of starting it.
    func commandLine(_ command: String...) -> [String] { [recipe] + command + options }

    /// Starts a command without waiting for it.
    func launch(_ command: String...) throws -> ServerProcess {
        let process = try ServerProcess(program, [recipe] + command + options, in: folder, launch)
        started.append(process)
        return process
    }

    /// Runs a command to its end.
    func run(_ command: String..., within seconds: Double = 60) throws -> Outcome {
        let errorsBefore = folder.text("stderr").utf8.count
        let process = try ServerProcess(program, [recipe] + command + options, in: folder, launch)
        started.append(process)
        let output = try process.outputToEnd(within: seconds)
        let status = try process.waitForExit(within: seconds)
        let errors = String(decoding: folder.text("stderr").utf8.dropFirst(errorsBefore), as: UTF8.self)
        return Outcome(status: status, output: output, errors: errors)
    }

    /// Starts it in the foreground; returns the master and where it listens.
    func start() throws -> (master: ServerProcess, endpoint: Endpoint) {
        let master = try launch("start")
        guard let endpoint = try master.endpoints().first else { throw Failure("the banner names no address") }
        _ = master.children
        return (master, endpoint)
    }

    /// Starts it as a daemon; returns the master, which ends with the test, and where it listens.
    func startDaemon(_ command: String...) throws -> (master: ProcessFacts, endpoint: Endpoint) {
        let process = try ServerProcess(
            program, [recipe] + (command.isEmpty ? ["start"] : command) + ["-d"] + options, in: folder, launch)
        started.append(process)
        guard let endpoint = try process.endpoints().first else { throw Failure("the banner names no address") }
        let status = try process.waitForExit()
        guard status == .code(0) else { throw Failure("the start ended with \(status)") }
        guard let pid = pidInFile, let master = ProcessFacts(pid) else { throw Failure("no master: \(log)") }
        process.adopt(master)
        return (master, endpoint)
    }
}

let backends = ["epoll", "libevent"]

/// Requests over connections of their own, one after the other, until told to stop; counts those that fail.
final class RequestStream {
    private let isEnough = Shared(false)
    private let served = Shared(0)
    private let failures = Shared<[String]>([])
    private var helpers: [Helper<Void>] = []

    /// `threads` clients that ask for `target`.
    init(_ endpoint: Endpoint, threads: Int = 2, target: String = "/", keepAlive: Bool = false) {
        helpers = (0..<threads).map { _ in
            Helper { [isEnough, served, failures] in
                var client: Client?
                while !isEnough.value {
                    do {
                        let open = try client ?? Client(endpoint)
                        client = nil
                        let reply = try open.get(target)
                        guard reply.status == 200 else { throw Failure("status \(reply.status)") }
                        if keepAlive, reply["Connection"] == "keep-alive" { client = open }
                        served.change { $0 += 1 }
                    } catch {
                        client = nil
                        failures.change { $0.append("\(error)") }
                        if failures.value.count > 20 { return }
                    }
                }
            }
        }
    }

    /// A test that has failed does not go on asking.
    deinit { isEnough.value = true }

    /// Waits until `count` more requests were served.
    func waitForMore(_ count: Int) throws {
        let goal = served.value + count
        try waitFor("\(count) more requests; failures: \(failures.value.prefix(3))") { served.value >= goal ? () : nil }
    }

    /// Ends it and returns what failed.
    func finish() throws -> [String] {
        isEnough.value = true
        for helper in helpers { try helper.join() }
        return failures.value
    }
}
