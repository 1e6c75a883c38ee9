import Glibc
import TestSupport
import Testing

/// UDP workers under a master: spec 02 §6 and §7.
@Suite struct UDPServiceTests {
    /// Runs a service whose worker answers datagrams, and checks that it stops in order.
    private func withService(
        _ backend: String, _ options: [String], on threads: TestThreads = .light,
        _ body: @Sendable (_ service: Service, _ master: ServerProcess, _ endpoint: Endpoint) throws -> Void
    ) async throws {
        try await threads.run {
            let service = try Service("ConformanceServer", "udp", backend, ["--listen", "127.0.0.1:0"] + options)
            let (master, endpoint) = try service.start()
            try body(service, master, endpoint)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends, [[], ["--reuse-port", "1"]])
    func reloadUnderTrafficLosesNothing(_ backend: String, _ options: [String]) async throws {
        try await withService(backend, ["--count", "2"] + options, on: .heavy) { service, master, endpoint in
            let traffic = DatagramStream(endpoint)
            var workers = Set(master.children)
            for _ in 0..<4 {
                try traffic.waitForMore(300)
                #expect(try service.run("reload").status == .code(0))
                let old = workers
                workers = Set(
                    try waitFor("two new workers: \(service.log)") { () -> [ProcessFacts]? in
                        let now = master.children.filter { !old.contains($0) }
                        return now.count == 2 && old.allSatisfy { !$0.isRunning } ? now : nil
                    })
            }
            try traffic.waitForMore(300)
            try traffic.finish()
            #expect(!service.log.contains("exit with status"))
        }
    }

    @Test(arguments: backends)
    func exampleAllProtocolsEchoesDatagrams(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service("Examples", "AllProtocols", backend, ["--udp", "127.0.0.1:0", "--count", "2"])
            let (master, endpoint) = try service.start()
            let client = try UDPClient(endpoint)
            for size in [0, 1, 1472, 65507] {
                try client.send([UInt8](repeating: 0x61, count: size))
                #expect(try client.receive().count == size)
            }
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func processesShareASocket(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "ConformanceServer", "udp", backend, ["--listen", "udp://127.0.0.1:0", "--count", "2"])
            let (master, endpoint) = try service.start()
            let pids = try pids(answering: endpoint, count: 2)
            #expect(pids == Set(master.children.map { "\($0.pid)" }))
            // One that is stopped leaves all to the other.
            let first = try #require(pids.first.flatMap { Int32($0) })
            kill(first, SIGSTOP)
            defer { kill(first, SIGCONT) }
            let client = try UDPClient(endpoint)
            for _ in 0..<100 {
                try client.send("pid")
                #expect(try client.receiveText() != "\(first)")
            }
        }
    }

    @Test(arguments: backends)
    func processesHaveASocketEach(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "ConformanceServer", "udp", backend,
                ["--listen", "127.0.0.1:0", "--count", "3", "--reuse-port", "1"])
            let (master, endpoint) = try service.start()
            #expect(try pids(answering: endpoint, count: 3) == Set(master.children.map { "\($0.pid)" }))
            #expect(try master.stop() == .code(0))
        }
    }

    /// The processes that answer, asked by ever new clients.
    private func pids(answering endpoint: Endpoint, count: Int) throws -> Set<String> {
        var found: Set<String> = []
        let deadline = Deadline(20)
        while found.count < count, !deadline.isPast {
            let clients = try (0..<8).map { _ in try UDPClient(endpoint) }
            for client in clients { for _ in 0..<40 { try client.send("pid") } }
            for client in clients { for _ in 0..<40 { found.insert(try client.receiveText()) } }
        }
        return found
    }

    @Test(arguments: backends)
    func whatIsShownAndCounted(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "ConformanceServer", "udp", backend, ["--listen", "127.0.0.1:0", "--protocol", "text"])
            #expect(try service.run("doctor").output.contains("text+udp://127.0.0.1:0 can be listened on"))
            let master = try service.launch("start")
            var rows: [String] = []
            _ = try master.line("the banner") { line in
                rows.append(line)
                return line.contains("Start success")
            }
            let row = try #require(rows.last { $0.contains("text+udp://127.0.0.1:") })
            #expect(row.split(separator: " ")[1] == "text")
            let endpoint = try #require(row.split(separator: " ").compactMap { Endpoint(banner: $0) }.first)
            let client = try UDPClient(endpoint)
            for number in 0..<7 {
                try client.send("\(number)\n")
                _ = try client.receive()
            }
            let status = try service.run("status", "--json").output
            #expect(status.contains("\"total_request\": 7, \"bytes_read\": 14, \"bytes_written\": 14,"), "\(status)")
            // A crash names who sent the datagram.
            try client.send("crash\n")
            #expect(
                eventually { service.log.contains("last in onMessage of a datagram of 127.0.0.1:\(client.port)") },
                "\(service.log)")
            #expect(
                try eventually {
                    try client.send("again\n")
                    return client.isReadable(within: 0.2)
                })
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func aProcessThatHasServedEnoughIsReplaced(_ backend: String) async throws {
        try await withService(backend, ["--max-requests", "200"], on: .heavy) { service, master, endpoint in
            let first = try #require(master.children.first)
            let traffic = DatagramStream(endpoint)
            // The next ones soon have served enough, too.
            _ = try waitFor("a new process") { !first.isRunning && !master.children.isEmpty ? () : nil }
            try traffic.waitForMore(300)
            try traffic.finish()
            #expect(service.log.contains("has served enough and is replaced"))
        }
    }

    /// What a handler throws ends the process where that is wanted, but not what was received with it.
    @Test(arguments: backends)
    func terminatingOnErrorLosesOneDatagram(_ backend: String) async throws {
        try await withService(backend, ["--terminate-on-error", "1"]) { service, master, endpoint in
            let first = try #require(master.children.first)
            let client = try UDPClient(endpoint)
            for text in ["1", "throw", "2", "3"] { try client.send(text) }
            for text in ["1", "2", "3"] { #expect(try client.receiveText() == text) }
            #expect(eventually { !first.isRunning && master.children.count == 1 })
            try client.send("4")
            #expect(try client.receiveText() == "4")
            #expect(service.log.contains("250"))
        }
    }

    @Test(arguments: backends)
    func aUDPWorkerWithinAWorker(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service("ConformanceServer", "udp-inner", backend, [])
            let master = try service.launch("start")
            let line = try master.line("the inner port") { $0.hasPrefix("event inner text+udp://127.0.0.1:") }
            let endpoint = try #require(line.split(separator: " ").last.flatMap { Endpoint(banner: $0) })
            let client = try UDPClient(endpoint)
            // Those that came together are all answered.
            try client.send("a\nunlisten\nb\n")
            for text in ["echo a\n", "echo unlisten\n", "echo b\n"] { #expect(try client.receiveText() == text) }
            let isRefused = eventually {
                do {
                    try client.send("c\n")
                    return false
                } catch {
                    return true
                }
            }
            #expect(isRefused)
            #expect(try master.stop() == .code(0))
        }
    }

    /// A socket that a service manager opened is used, and datagrams wait in it as long as the service is down.
    @Test(arguments: backends)
    func socketsOfTheManagerAreUsed(_ backend: String) async throws {
        try await TestThreads.light.run {
            let socket = try UDPClient.boundSocket()
            defer { close(socket.fd) }
            let client = try UDPClient(.ipv4(port: socket.port))
            try client.send("early")
            let launch = ServerProcess.Launch(
                under: ["/bin/sh", "-c", "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"", "sh"],
                descriptors: [socket.fd])
            let service = try Service(
                "ConformanceServer", "udp", backend, ["--listen", "127.0.0.1:\(socket.port)"], launch: launch)
            let (master, endpoint) = try service.start()
            #expect(endpoint == .ipv4(port: socket.port))
            #expect(try client.receiveText() == "early")
            #expect(!service.log.contains("of the service manager"))
            #expect(try master.stop() == .code(0))
            try client.send("late")
            let (again, _) = try service.start()
            #expect(try client.receiveText() == "late")
            #expect(try again.stop() == .code(0))
        }
    }

    /// An address that is none of UDP's keeps the program from starting, TCP on the same port does not.
    @Test(arguments: backends)
    func addresses(_ backend: String) async throws {
        try await TestThreads.light.run {
            for (address, reason) in [
                ("http://127.0.0.1:0", "expected udp://, not http://"), ("text://127.0.0.1:0", "not text://"),
                ("unix:/tmp/apus.socket", "UDP is not spoken over Unix sockets"),
                ("/tmp/apus.socket", "UDP is not spoken over Unix sockets"), ("127.0.0.1", "expected host:port"),
            ] {
                let service = try Service("ConformanceServer", "udp", backend, ["--listen", address])
                let outcome = try service.run("start")
                #expect(outcome.status == .code(64))
                #expect(outcome.errors.contains(reason), "\(outcome.errors)")
            }
            let tcp = try Service.example(backend, count: 1)
            let (other, endpoint) = try tcp.start()
            guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
            let udp = try Service("ConformanceServer", "udp", backend, ["--listen", "127.0.0.1:\(port)"])
            let (master, _) = try udp.start()
            let client = try UDPClient(endpoint)
            try client.send("hello")
            #expect(try client.receiveText() == "hello")
            let second = try Service("ConformanceServer", "udp", backend, ["--listen", "127.0.0.1:\(port)"])
            #expect(try second.run("start").errors.contains("Address already in use"))
            #expect(try master.stop() == .code(0))
            #expect(try other.stop() == .code(0))
        }
    }
}

/// Numbered datagrams to a server that echoes, a few under way at a time, until told to stop. Each must come back once.
final class DatagramStream {
    private static let window = 8
    private let isEnough = Shared(false)
    private let served = Shared(0)
    private var helper: Helper<Void>?

    init(_ endpoint: Endpoint) {
        helper = Helper { [isEnough, served] in
            let client = try UDPClient(endpoint)
            var next = 0
            var missing: Set<String> = []
            while !isEnough.value || !missing.isEmpty {
                while missing.count < Self.window, !isEnough.value {
                    missing.insert("\(next)")
                    try client.send("\(next)")
                    next += 1
                }
                let text = try client.receiveText()
                guard missing.remove(text) != nil else { throw Failure("\(text) came twice") }
                served.change { $0 += 1 }
            }
        }
    }

    /// A test that has failed does not go on sending.
    deinit { isEnough.value = true }

    /// Waits until `count` more came back.
    func waitForMore(_ count: Int) throws {
        let goal = served.value + count
        try waitFor("\(count) more datagrams") { served.value >= goal || helper?.isDone == true ? () : nil }
    }

    /// Ends it; throws when one is missing.
    func finish() throws {
        isEnough.value = true
        try helper?.join()
    }
}
