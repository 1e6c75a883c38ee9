import Glibc
import TestSupport
import Testing

/// The commands, their exit statuses and effects: spec 01 §3, §5, §7, §10, §15 and §18.
@Suite struct CommandTests {
    @Test(arguments: backends, [SIGTERM, SIGINT, SIGHUP, SIGQUIT])
    func aForegroundMasterEndsInOrder(_ backend: String, _ signal: Int32) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let workers = master.children
            #expect(workers.count == 2)
            #expect(service.pidInFile == master.pid)
            #expect(try Client(endpoint).get("/").text == "Hello, World!")
            let idle = try Client(endpoint)
            #expect(try idle.get("/").status == 200)
            master.signal(signal)
            #expect(try master.waitForExit() == .code(0))
            #expect(workers.allSatisfy { !$0.isRunning })
            #expect(service.pidInFile == nil)
            #expect(readText(service.folder.file("pid.control")) == nil)
            #expect(throws: (any Error).self) { try Client(endpoint) }
            #expect(try idle.readToEnd().bytes.isEmpty)
            #expect(service.log.contains("has been stopped"))
        }
    }

    @Test(arguments: backends)
    func aDaemonIsStartedShownAndStopped(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.startDaemon()
            let workers = master.children
            #expect(workers.count == 2)
            #expect(master.commandLine.hasPrefix("Apus: master process"))
            #expect(workers.allSatisfy { $0.commandLine.hasPrefix("Apus: worker process") })
            #expect(master.threadCount == 1)
            for _ in 0..<7 { #expect(try Client(endpoint).get("/").status == 200) }

            let status = try service.run("status")
            #expect(status.status == .code(0))
            for worker in workers { #expect(status.output.contains("\n\(worker.pid)\t")) }
            let summary = try #require(status.output.split(separator: "\n").first { $0.hasPrefix("Summary") })
            // memory, listening, name, connections, send_fail, timers, total_request
            #expect(summary.split(separator: " ").map(String.init)[6] == "7", "\(summary)")
            #expect(status.output.contains("[idle]") && !status.output.contains("[busy]"))

            let again = try service.run("start")
            #expect(again.status == .code(1))
            #expect(again.errors.contains("already running (pid \(master.pid))"))

            let stop = try service.run("stop")
            #expect(stop.status == .code(0))
            #expect(stop.output.contains("stop success"))
            #expect(!master.isRunning && workers.allSatisfy { !$0.isRunning })
            for command in ["status", "stop", "reload"] {
                let outcome = try service.run(command)
                #expect(outcome.status == .code(1), "\(command)")
                #expect(outcome.errors.contains("not run"), "\(command)")
            }
        }
    }

    /// A master that becomes another program lets go of a command that has connected and was not read yet.
    @Test func aMasterThatLetsGoIsAskedAgain() async throws {
        try await TestThreads.light.run {
            let service = try Service.example("epoll")
            let acceptor = try Acceptor("unix", in: service.folder)
            rename(service.folder.file("acceptor"), service.folder.file("pid.control"))
            let status = try service.launch("status")
            for _ in 0..<5 { try acceptor.accept().close() }
            #expect(try status.waitForExit() == .code(1))
            #expect(status.errorText.contains("the master does not answer"), "\(status.errorText)")
        }
    }

    @Test(arguments: backends)
    func statusAnswersWhileAReloadBegins(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend, count: 1)
            let (master, _) = try service.start()
            for _ in 0..<10 {
                master.signal(SIGUSR1)
                let status = try service.run("status")
                #expect(status.status == .code(0), "\(status)")
            }
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func restartReplacesTheMaster(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            // Nothing runs: it simply starts.
            let (first, endpoint) = try service.startDaemon("restart")
            #expect(try Client(endpoint).get("/").status == 200)
            let workers = first.children
            let (second, newEndpoint) = try service.startDaemon("restart", "-g")
            #expect(!first.isRunning && workers.allSatisfy { !$0.isRunning })
            #expect(second.pid != first.pid)
            #expect(service.log.contains("gracefully stopping"))
            #expect(try Client(newEndpoint).get("/").status == 200)
            #expect(try service.run("stop").status == .code(0))
        }
    }

    @Test(arguments: backends)
    func stopGracefullyWaitsForAnswers(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.startDaemon()
            let idle = try Client(endpoint)
            #expect(try idle.get("/").status == 200)
            let slow = try Client(endpoint)
            try slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            try waitForRequests(2, service)
            let stop = try service.launch("stop", "-g")
            // What waits for nothing is closed, and nobody new is let in.
            #expect(try idle.readToEnd().bytes.isEmpty)
            #expect(!slow.isReadable())
            let reply = try slow.readReply()
            #expect(reply.status == 200 && reply["Connection"] == "close")
            #expect(try stop.waitForExit() == .code(0))
            #expect(!master.isRunning)
        }
    }

    /// Waits until the workers have received `count` requests.
    private func waitForRequests(_ count: Int, _ service: Service) throws {
        try waitFor("\(count) requests in the status") {
            let summary = try service.run("status").output.split(separator: "\n").first { $0.hasPrefix("Summary") }
            return summary?.split(separator: " ").map(String.init)[6] == "\(count)" ? () : nil
        }
    }

    @Test(arguments: backends)
    func stopDoesNotWaitLongerThanItsTimeout(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend)
            let (master, endpoint) = try service.start()
            // One handler blocks, one request waits for its answer, one is incomplete.
            let blocked = try Client(endpoint)
            try blocked.send("GET /spin HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try master.line("the block") { $0 == "event blocking" }
            let waiting = try Client(endpoint)
            try waiting.send("GET /sleep?60000 HTTP/1.1\r\nHost: h\r\n\r\n")
            let partial = try Client(endpoint)
            try partial.send("GET / HT")
            let busy = try waitFor("[busy] in the status") {
                let text = try service.run("status").output
                return text.contains("[busy]") ? text : nil
            }
            #expect(busy.contains("onMessage"))
            #expect(busy.contains("[idle]"))
            let workers = master.children
            let start = Deadline.now
            #expect(try service.run("stop").status == .code(0))
            #expect(try master.waitForExit() == .code(0))
            // stopTimeout is 2 s; the handler would sleep for a minute.
            #expect(Double(Deadline.now - start) / 1e9 < 40)
            #expect(workers.allSatisfy { !$0.isRunning })
            #expect(service.log.contains("exit with status 9 (signal 9 KILL)"))
        }
    }

    @Test(arguments: backends)
    func oneOfManyStartsWins(_ backend: String) async throws {
        try await TestThreads.light.run {
            for _ in 0..<3 {
                let service = try Service.example(backend, count: 1)
                let starts = try (0..<4).map { _ in try service.launch("start") }
                let losers = try waitFor("three that gave up") { () -> [ServerProcess]? in
                    let over = starts.filter { (try? $0.waitForExit(within: 0)) != nil }
                    return over.count >= 3 ? over : nil
                }
                #expect(losers.count == 3)
                #expect(losers.allSatisfy { $0.exit == .code(1) })
                let winner = try #require(starts.first { start in !losers.contains { $0 === start } })
                let endpoint = try #require(try winner.endpoints().first)
                #expect(try Client(endpoint).get("/").status == 200)
                #expect(service.pidInFile == winner.pid)
                #expect(try winner.stop() == .code(0))
            }
        }
    }

    /// The pid file of a master that was killed may name a process that has nothing to do with it.
    @Test(arguments: backends)
    func aForeignProcessIsNeverSignalled(_ backend: String) async throws {
        try await TestThreads.light.run {
            let foreign = try Service.example(backend, count: 1)
            let (bystander, _) = try foreign.start()
            let service = try Service.example(backend, count: 1)
            try writeText("\(bystander.pid)", to: service.folder.file("pid"))
            for command in ["stop", "reload", "status"] { #expect(try service.run(command).status == .code(1)) }
            let (master, endpoint) = try service.startDaemon("restart")
            #expect(master.pid != bystander.pid)
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try service.run("stop").status == .code(0))
            #expect(bystander.isRunning)
            #expect(!foreign.log.contains("stopping"))
        }
    }

    @Test(arguments: backends, ["start", "start -d"])
    func aPortInUseIsReportedInOneLine(_ backend: String, _ command: String) async throws {
        try await TestThreads.light.run {
            let first = try Service.example(backend, count: 1)
            let (_, endpoint) = try first.start()
            guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
            let second = try Service.example(backend, count: 1, http: "127.0.0.1:\(port)")
            let outcome = try command == "start" ? second.run("start") : second.run("start", "-d")
            #expect(outcome.status == .code(1))
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains("127.0.0.1:\(port)") && outcome.errors.contains("Address already in use"))
            #expect(second.pidInFile == nil)
            #expect(try Client(endpoint).get("/").status == 200)
        }
    }

    @Test func wrongCommandLinesAreRefused() async throws {
        try await TestThreads.light.run {
            let lines: [[String]] = [
                [], ["AllProtocols"], ["AllProtocols", "begin"], ["NoSuchRecipe", "start"],
                ["AllProtocols", "start", "--backend", "poll"], ["AllProtocols", "start", "--backend"],
                ["AllProtocols", "start", "--pid-file"], ["AllProtocols", "start", "--http", "nowhere"],
                ["AllProtocols", "start", "--http", "127.0.0.1:99999"],
                ["AllProtocols", "start", "--http", "host.invalid:80"],
                ["AllProtocols", "start", "--http", "127.0.0.1:0", "--count", "many"],
            ]
            for line in lines {
                let folder = try TemporaryFolder()
                let process = try ServerProcess("Examples", line, in: folder)
                #expect(try process.waitForExit() == .code(64), "\(line)")
                let said = try process.outputToEnd() + process.errorText
                #expect(said.contains("usage") || said.contains(line.last ?? "usage"), "\(line): \(said)")
            }
        }
    }

    @Test(arguments: backends)
    func anIdleServiceUsesNoProcessorTime(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let clients = try (0..<10).map { _ in try Client(endpoint) }
            for client in clients { #expect(try client.get("/").status == 200) }
            let processes = [try #require(master.facts)] + master.children
            let before = processes.map(\.cpuSeconds)
            #expect(!clients[0].isReadable(within: 2))
            for (process, earlier) in zip(processes, before) { #expect(process.cpuSeconds - earlier < 0.1) }
        }
    }

    @Test(arguments: backends)
    func connectionsLeaveNothingBehind(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend, count: 1)
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            func makeConnections(_ count: Int) throws {
                for number in 0..<count {
                    let client = try Client(endpoint)
                    if number % 3 == 0 { client.reset() } else { #expect(try client.get("/").status == 200) }
                    if number % 3 == 1 { client.reset() }
                }
            }
            // It may have got descriptors that other tests had open when it was started.
            let atStart = worker.descriptorCount
            try makeConnections(500)
            #expect(eventually { worker.descriptorCount < atStart + 25 })
            let descriptors = worker.descriptorCount
            let memory = worker.residentBytes
            try makeConnections(3000)
            #expect(eventually { worker.descriptorCount <= descriptors })
            #expect(worker.residentBytes - memory < 2_000_000)
        }
    }
}
