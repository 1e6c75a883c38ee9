import Glibc
import TestSupport
import Testing

/// What a worker does within its process: spec 01 §16, 02 §3, §5 and §7.
@Suite struct WorkerTests {
    @Test(arguments: backends)
    func aWorkerWithinAWorker(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service("ConformanceServer", "inner", backend, ["--listen", "127.0.0.1:0"])
            let master = try service.launch("start")
            let line = try master.line("the inner port") { $0.hasPrefix("event inner text://") }
            let inner = try #require(line.split(separator: " ").last.flatMap { Endpoint(banner: $0) })
            let outer = try #require(try master.endpoints().first)
            let clients = try (0..<3).map { _ in try Client(inner) }
            for client in clients {
                try client.send("hello\n")
                #expect(try client.readLine() == "echo hello")
            }
            #expect(try Client(outer).get("/push?news").text == "3")
            for client in clients { #expect(try client.readLine() == "push news") }

            // Clients wait while accepting is paused, and are refused without a port.
            #expect(try Client(outer).get("/pause").status == 200)
            let waiting = try Client(inner)
            try waiting.send("late\n")
            #expect(!waiting.isReadable(within: 0.3))
            #expect(try Client(outer).get("/resume").status == 200)
            #expect(try waiting.readLine() == "echo late")
            #expect(try Client(outer).get("/unlisten").status == 200)
            #expect(throws: (any Error).self) { try Client(inner) }
            try waiting.send("still\n")
            #expect(try waiting.readLine() == "echo still")
            #expect(try service.run("connections").output.contains(" inner "))
            master.signal(SIGTERM)
            _ = try master.line("the inner stop") { $0 == "event inner stop" }
            #expect(try master.waitForExit() == .code(0))
        }
    }

    /// Two processes cannot both listen on the port: the log says what to do.
    @Test(arguments: backends)
    func innerPortsOfSeveralProcesses(_ backend: String) async throws {
        try await TestThreads.light.run {
            let free = try Service.example(backend, count: 1)
            let (other, endpoint) = try free.start()
            guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
            #expect(try other.stop() == .code(0))
            let service = try Service(
                "ConformanceServer", "inner", backend,
                ["--listen", "127.0.0.1:0", "--count", "2", "--inner", "127.0.0.1:\(port)"])
            _ = try service.launch("start")
            #expect(
                eventually {
                    service.log.contains("Each of the 2 processes listens there: set reusePort, or count to 1")
                },
                "\(service.log)")
        }
    }

    @Test(arguments: backends)
    func anErrorCanEndTheProcess(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1, ["--terminate-on-error", "1"])
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            #expect(try Client(endpoint).get("/throw").status == 500)
            #expect(eventually { !worker.isRunning && master.children.count == 1 })
            #expect(service.log.contains("exit with status 64000 (exit code 250: a callback of the process threw)"))
            #expect(try Client(endpoint).get("/").status == 200)
        }
    }

    @Test(arguments: backends)
    func aProcessThatGrowsIsReplaced(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1, ["--max-memory", "1000"])
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            let load = RequestStream(endpoint, threads: 1)
            #expect(eventually { !worker.isRunning && master.children.count >= 1 })
            #expect(try load.finish() == [])
            #expect(service.log.contains("has served enough and is replaced"))
        }
    }

    /// A program without a command line gives the command itself.
    @Test(arguments: backends)
    func aCommandOfTheProgramsOwn(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let process = try ServerProcess(
                "ConformanceServer", service.commandLine() + ["--command", "start"], in: service.folder)
            let endpoint = try #require(try process.endpoints().first)
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try process.stop() == .code(0))
            let quiet = try ServerProcess("ConformanceServer", service.commandLine("start", "-q"), in: service.folder)
            #expect(eventually { quiet.children.count == 1 && service.pidInFile == quiet.pid })
            #expect(try quiet.stop() == .code(0))
            #expect(try !quiet.outputToEnd().contains("Start success"))
        }
    }

    @Test func listeningTwiceIsAMistake() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            for options in [["--http", "127.0.0.1:4711", "--text", "127.0.0.1:4711"]] {
                let process = try ServerProcess("Examples", ["AllProtocols", "start"] + options, in: folder)
                #expect(try process.waitForExit() == .code(64))
                #expect(process.errorText.contains("both listen on 127.0.0.1:4711"), "\(process.errorText)")
            }
        }
    }

    @Test func helpIsThereWhenAsked() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let process = try ServerProcess("Examples", ["AllProtocols", "--help"], in: folder)
            #expect(try process.waitForExit() == .code(0))
            let text = try process.outputToEnd()
            for word in ["start", "stop", "restart", "reload", "status", "connections", "doctor", "--json", "-g"] {
                #expect(text.contains(word))
            }
        }
    }

    @Test(arguments: backends)
    func aWorkerMayHaveABackendOfItsOwn(_ backend: String) async throws {
        try await TestThreads.light.run {
            let other = backends.first { $0 != backend }!
            let service = try Service.conformance(backend, count: 1, ["--own-backend", other])
            let (master, endpoint) = try service.start()
            #expect(try Client(endpoint).get("/backend").text == other)
            let row = try service.run("status").output.split(separator: "\n").first { $0.hasPrefix("conformance ") }
            #expect(row?.contains(" \(other) ") == true)
            #expect(try master.stop() == .code(0))
        }
    }
}
