import Glibc
import TestSupport
import Testing

/// A running scenario of `ConformanceServer`, and what it has reported.
final class ScenarioServer {
    let process: ServerProcess
    let endpoint: Endpoint
    /// Every event that was read so far.
    private(set) var events: [String] = []
    private let isSecured: Bool
    private let controlEndpoint: Endpoint?
    private var control: Client?
    private var isLeaving = false
    private let folder: TemporaryFolder

    /// `hasControl`: commands go to the second port that the scenario opens; one with `--to` has no other but says so.
    init(
        _ scenario: String, _ setup: Setup, _ options: [String], hasControl: Bool = false,
        environment: [String: String] = [:]
    ) throws {
        folder = try TemporaryFolder()
        isSecured = setup.isSecured
        let certificates = TestCertificates.shared
        let secured =
            setup.isSecured
            ? ["--cert", certificates.certificate("localhost"), "--key", certificates.key("localhost")] : []
        let address =
            switch setup.transport {
            case .ipv4: "127.0.0.1:0"
            case .ipv6: options.contains("--any-address") ? "[::]:0" : "[::1]:0"
            case .unix: folder.file("socket")
            }
        process = try ServerProcess(
            "ConformanceServer",
            [scenario, "start", "--single-process", "--backend", setup.backend, "--listen", address]
                + ["--pid-file", folder.file("pid"), "--log-file", folder.file("log")] + secured + options, in: folder,
            .init(environment: environment))
        let endpoints = try process.endpoints()
        guard let first = endpoints.first else { throw Failure("the banner names no address") }
        endpoint = first
        // A puppet that connects listens for its commands only.
        controlEndpoint = options.contains("--to") && !hasControl ? first : endpoints.dropFirst().first
    }

    /// A new connection to it.
    func connect(receiveBuffer: Int32? = nil, preamble: [UInt8] = []) throws -> Client {
        try Client(endpoint, receiveBuffer: receiveBuffer, isSecured: isSecured, preamble: preamble)
    }

    /// The framework's log.
    var log: String { folder.text("log") }

    // MARK: Events

    /// The next event.
    @discardableResult
    func nextEvent(within seconds: Double = Client.patience) throws -> String {
        let line = try process.line("an event", within: seconds) { $0.hasPrefix("event ") }
        events.append(String(line.dropFirst(6)))
        return events.last!
    }

    /// The next `count` events.
    func nextEvents(_ count: Int) throws -> [String] { try (0..<count).map { _ in try nextEvent() } }

    /// Reads events until one starts with `start`, and returns it.
    @discardableResult
    func event(_ start: String, within seconds: Double = Client.patience) throws -> String {
        let deadline = Deadline(seconds)
        while true {
            let event = try nextEvent(within: Double(deadline.milliseconds) / 1000)
            if event.hasPrefix(start) { return event }
        }
    }

    /// How many events that were read start with `start`.
    func count(_ start: String) -> Int { events.count { $0.hasPrefix(start) } }

    // MARK: Control

    /// Tells a puppet what to do and returns the outcome.
    @discardableResult
    func tell(_ command: String) throws -> String {
        guard let controlEndpoint else { throw Failure("the scenario has no control connection") }
        let client = try control ?? Client(controlEndpoint)
        control = client
        try client.send(command + "\n")
        return try client.readLine()
    }

    // MARK: End

    /// Tells the server to stop, and to hold no control connection.
    func leave(_ signal: Int32) throws {
        control = nil
        isLeaving = true
        process.signal(signal)
    }

    /// Stops the server, which must be alive unless it was told to leave, and leave in order. All events are then in
    /// `events`.
    func finish() throws {
        guard process.exit == nil else { return }
        if !isLeaving {
            #expect(process.isRunning, "the server died: \(process.errorText)")
            try leave(SIGTERM)
        }
        while let line = try process.nextLine() {
            if line.hasPrefix("event ") { events.append(String(line.dropFirst(6))) }
        }
        let status = try process.waitForExit()
        #expect(status == .code(0), "\(process.errorText)")
    }
}

/// Runs a scenario for `body`, which may block, and checks that the server survives it and stops in order.
func withScenario(
    _ scenario: String, _ setup: Setup, _ options: [String] = [], on threads: TestThreads = .light,
    _ body: @Sendable (ScenarioServer) throws -> Void
) async throws {
    try await threads.run {
        let server = try ScenarioServer(scenario, setup, options)
        try body(server)
        try server.finish()
    }
}

/// As `withScenario`, for the puppet with a protocol.
func withPuppet(
    _ wireProtocol: String, _ setup: Setup, _ options: [String] = [], _ body: @Sendable (ScenarioServer) throws -> Void
) async throws {
    try await withScenario("puppet", setup, ["--protocol", wireProtocol] + options, body)
}

/// The bytes that `pattern(count)` of the scenarios makes.
func pattern(_ count: Int) -> [UInt8] {
    var all = (0..<min(count, 251)).map { UInt8($0) }
    all.reserveCapacity(count)
    // Whole periods: one byte after the other takes a debug build seconds for some megabytes.
    while all.count < count { all += all.prefix(min(all.count / 251 * 251, count - all.count)) }
    return all
}

extension [UInt8] {
    /// The bytes `count` times.
    static func * (bytes: [UInt8], count: Int) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(bytes.count * count)
        for _ in 0..<count { all += bytes }
        return all
    }
}

extension String {
    /// The text `count` times.
    static func * (text: String, count: Int) -> String { String(repeating: text, count: count) }
}

extension Client {
    /// Reads `count` bytes, a multiple of 64,256, of the repeated `pattern(64_256)`.
    func checkPattern(_ count: Int) throws {
        for block in 0..<count / 64256 {
            guard try read(64256) == Self.block else { throw Failure("wrong bytes in block \(block)") }
        }
    }

    private static let block = pattern(64256)
}
