import Glibc
import TestSupport
import Testing

/// What the master does when processes die, and how it replaces them: spec 01 §8, §9, §18 and §19.
@Suite struct SupervisionTests {
    @Test(arguments: backends)
    func aKilledWorkerIsReplacedWithTheSameID(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend)
            let (master, endpoint, pids, clients) = try startedWithClients(service)
            let load = RequestStream(endpoint, threads: 2)
            try load.waitForMore(50)
            let victim = try #require(pids[0].flatMap { ProcessFacts($0) })
            victim.kill(SIGKILL)
            let replacement = try starts(1, master)
            #expect(replacement.keys.first == 0)
            #expect(replacement[0] != victim.pid)
            // The other worker's client has not noticed anything.
            for _ in 0..<200 { #expect(try clients[1]!.get("/id").text == "1 \(pids[1]!)") }
            try load.waitForMore(50)
            // Only what the dead process held is lost.
            #expect(try load.finish().count <= 2)
            #expect(service.log.contains("worker[conformance:\(victim.pid)] exit with status 9 (signal 9 KILL)"))
            let status = try service.run("status").output
            #expect(
                status.split(separator: "\n").contains { line in
                    line.hasPrefix("conformance ") && line.split(separator: " ").suffix(2) == ["9", "1"]
                }, "\(status)")
            #expect(status.contains("\n\(replacement[0]!)\t") && status.contains("\n\(pids[1]!)\t"))
        }
    }

    /// Who waits for the start is told what it waits for.
    @Test(arguments: backends)
    func aStartThatTakesLongIsTold(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            try writeText("start-held", to: folder.file("trouble"))
            let service = try Service.conformance(backend, count: 1, ["--trouble", folder.file("trouble")])
            let master = try service.launch("start")
            try waitFor("a word about it: \(service.log)") {
                service.log.contains(/] is not ready \d+ s after its start/) ? () : nil
            }
            unlink(folder.file("trouble"))
            let endpoint = try #require(try master.endpoints().first)
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
            #expect(service.log.split(separator: "\n").filter { $0.contains("is not ready") }.count == 1)
        }
    }

    /// Each process has a queue of its own, over which the kernel spreads clients; so has another program on the port.
    @Test(arguments: backends)
    func socketsOfTheirOwnShareEvenly(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend, count: 4, ["--reuse-port", "1"])
            let (master, endpoint) = try service.start()
            let pids = Set(master.children.map(\.pid))
            var served: [Int32: Int] = [:]
            for _ in 0..<4000 { served[try pid(answering: endpoint), default: 0] += 1 }
            #expect(Set(served.keys) == pids && served.values.allSatisfy { (800...1200).contains($0) }, "\(served)")
            let other = try Service(
                "ConformanceServer", "http", backend, ["--listen", "\(endpoint)", "--reuse-port", "1"])
            let (second, _) = try other.start()
            var answered: Set<Int32> = []
            for _ in 0..<400 { answered.insert(try pid(answering: endpoint)) }
            #expect(answered == pids.union(second.children.map(\.pid)))
            #expect(try second.stop() == .code(0))
            #expect(try pids.contains(pid(answering: endpoint)))
            #expect(try master.stop() == .code(0))
        }
    }

    private func pid(answering endpoint: Endpoint) throws -> Int32 {
        let words = try Client(endpoint).get("/id").text.split(separator: " ")
        return try #require(words.last.flatMap { Int32($0) })
    }

    @Test(arguments: backends)
    func workersLeaveWhenTheirMasterIsKilled(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend)
            let (master, endpoint, pids, clients) = try startedWithClients(service)
            try clients[0]!.send("GET /sleep?60000 HTTP/1.1\r\nHost: h\r\n\r\n")
            try clients[1]!.send("GET / HT")
            let workers = pids.values.compactMap { ProcessFacts($0) }
            #expect(workers.count == 2)
            master.signal(SIGKILL)
            #expect(try master.waitForExit() == .signal(9))
            // stopTimeout is 2 s.
            #expect(eventually { workers.allSatisfy { !$0.isRunning } })
            #expect(service.pidInFile == master.pid)
            #expect(throws: (any Error).self) { try Client(endpoint) }
            let (_, newEndpoint) = try service.start()
            #expect(try Client(newEndpoint).get("/").status == 200)
        }
    }

    @Test(arguments: backends)
    func aSocketFileOfAKilledMasterIsNoObstacle(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let path = folder.file("socket")
            let service = try Service("Examples", "AllProtocols", backend, ["--http", path], in: folder)
            let (master, endpoint) = try service.start()
            #expect(endpoint == .unix(path: path))
            #expect(try Client(endpoint).get("/").status == 200)
            let workers = master.children
            master.signal(SIGKILL)
            #expect(try master.waitForExit() == .signal(9))
            #expect(eventually { workers.allSatisfy { !$0.isRunning } })
            let (again, _) = try service.start()
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try again.stop() == .code(0))
            #expect(throws: (any Error).self) { try Client(endpoint) }
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test(arguments: backends)
    func eachProcessHasAnIDOfItsOwn(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 4)
            let master = try service.launch("start")
            let pids = try starts(4, master)
            #expect(pids.keys.sorted() == [0, 1, 2, 3])
            _ = try master.endpoints()
            #expect(Set(master.children.map(\.pid)) == Set(pids.values))
            #expect(try master.stop() == .code(0))
        }
    }

    // MARK: Processes that cannot start

    @Test(arguments: backends, ["exit", "leave", "throw", "trap"])
    func aWorkerThatKeepsFailingIsStartedLessAndLessOften(_ backend: String, _ way: String) async throws {
        try await TestThreads.light.run {
            // The backtrace of a trap takes seconds on a busy machine.
            let service = try Service(
                "ConformanceServer", "failing", backend,
                ["--listen", "127.0.0.1:0"] + (way == "leave" ? ["--exit", "0"] : ["--\(way)", "3"]),
                launch: ServerProcess.Launch(environment: ["SWIFT_BACKTRACE": "enable=no"]))
            let master = try service.launch("start")
            var times: [Int64] = []
            for _ in 0..<6 {
                _ = try starts(1, master, within: 60)
                times.append(Deadline.now)
            }
            // Five failures at once, then a pause of a second.
            #expect(Double(times[5] - times[4]) / 1e9 > 0.9)
            #expect(eventually { service.log.contains("next start in 2 s") })
            let reason = [
                "exit": "(exit code 3)", "leave": "(exit code 0) before it was ready",
                "throw": "(exit code 250: a callback of the process threw)", "trap": "(signal",
            ][way]!
            #expect(service.log.contains(reason), "\(service.log)")
            #expect(service.log.split(separator: "\n").count { $0.contains("next start in 1 s") } == 1)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func aDaemonThatCannotStartSaysSo(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "ConformanceServer", "failing", backend, ["--listen", "127.0.0.1:0", "--exit", "3"])
            let start = try service.launch("start", "-d")
            let status = try start.waitForExit(within: 60)
            if let pid = service.pidInFile, let master = ProcessFacts(pid) { start.adopt(master) }
            #expect(status == .code(1))
            _ = try service.run("stop")
        }
    }

    /// A child of a handler has nothing of the service: it would keep the port when that has stopped.
    @Test(arguments: backends)
    func processesOfHandlersInheritNothing(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let (master, endpoint) = try service.start()
            let child = try #require(
                Int32(try Client(endpoint).get("/spawn").text).flatMap { ProcessFacts($0) })
            defer { child.kill() }
            #expect(try master.stop() == .code(0))
            #expect(child.isRunning)
            let targets = child.descriptorTargets
            #expect(!targets.contains { $0.hasPrefix("socket:") || $0.contains("apus-board") }, "\(targets)")
            #expect(throws: (any Error).self) { try Client(endpoint) }
        }
    }

    @Test(arguments: backends)
    func theCommandLineIsWhole(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let (_, endpoint) = try service.start()
            let words = service.commandLine("start").joined(separator: " ")
            #expect(try Client(endpoint).get("/arguments").text.hasSuffix("ConformanceServer " + words))
        }
    }

    /// Whatever is closed when it starts: no file of the service gets the number of a standard descriptor.
    @Test(arguments: backends)
    func standardDescriptorsMayBeClosed(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1, launch: .afterShell("exec <&-"))
            let (master, endpoint) = try service.startDaemon()
            try #require(master.children.first).kill()
            #expect(eventually { service.log.contains("exit with status 9") && master.children.count == 1 })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("] reloaded") })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try service.run("stop").status == .code(0))
        }
    }
    // MARK: Who does not read

    /// Asks for the connections so often that a worker which does not read would have its channel full of it.
    private func askOften(_ service: Service) throws {
        let control = Endpoint.unix(path: service.folder.file("pid.control"))
        for _ in 0..<800 { try Client(control).send("connections") }
        // Those before have been heard by then.
        #expect(try service.run("connections").output.contains("[busy]"))
    }

    /// A worker that does not read for long is told what matters as soon as it reads again.
    @Test(arguments: backends)
    func aWorkerThatDidNotReadHearsOfTheStop(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 2)
            let (master, _) = try service.start()
            let worker = try #require(master.children.first)
            kill(worker.pid, SIGSTOP)
            try askOften(service)
            master.signal(SIGQUIT)
            #expect(eventually { service.log.contains("gracefully stopping") && master.children == [worker] })
            kill(worker.pid, SIGCONT)
            #expect(try master.waitForExit() == .code(0))
            #expect(!service.log.contains("killed"))
        }
    }

    @Test(arguments: backends)
    func aWorkerThatDidNotReadIsReplacedAndAnswers(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 2)
            let (master, endpoint) = try service.start()
            let workers = master.children
            kill(workers[0].pid, SIGSTOP)
            try askOften(service)
            kill(workers[0].pid, SIGCONT)
            // The answers are those to the questions.
            #expect(try eventually { try !service.run("connections").output.contains("[busy]") })
            for _ in 0..<3 { #expect(try !service.run("connections").output.contains("[busy]")) }
            kill(workers[0].pid, SIGSTOP)
            try askOften(service)
            #expect(try service.run("reload", "-g").status == .code(0))
            #expect(eventually { service.log.contains("] reloaded") })
            #expect(eventually { !workers[1].isRunning })
            kill(workers[0].pid, SIGCONT)
            #expect(eventually { !workers[0].isRunning })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    /// What a worker could not be told is told by the programs that the master becomes meanwhile.
    @Test(.enabled(if: ForeignSockets.canBeHad), arguments: backends)
    func whatAWorkerHasNotTakenOutlivesReloads(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            kill(worker.pid, SIGSTOP)
            // The end of a process that nobody knows of.
            #expect(try ForeignSockets.fill(of: master.pid, with: Array("F999999".utf8)) > 100)
            for round in 1...2 {
                master.signal(SIGUSR2)
                #expect(eventually { service.log.ranges(of: "] reloaded").count == round })
            }
            kill(worker.pid, SIGCONT)
            #expect(eventually { !worker.isRunning && master.children.count == 1 })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    /// Some file systems take nothing without waiting, and what is written to files is not to be lost.
    @Test(arguments: backends)
    func standardErrorMayBeAFile(_ backend: String) async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            calls.fail("pwritev2", EAGAIN)
            let service = try Service.conformance(backend, count: 1, launch: try calls.launch())
            let master = try service.launch("start")
            let endpoint = try #require(try master.endpoints().first)
            #expect(try Client(endpoint).get("/log?7").status == 200)
            #expect(eventually { master.errorText.contains("xxxxxxx\n") }, "\(master.errorText)")
            #expect(try master.stop() == .code(0))
        }
    }

    /// Standard error is a pipe that is full: who waited for its reader would serve nobody. Kernels before 6.4 do not
    /// write to a pipe without waiting unless the pipe itself says so.
    @Test(arguments: backends, [false, true])
    func standardErrorNeedNotBeRead(_ backend: String, _ kernelIsOld: Bool) async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            defer { for fd in ends { close(fd) } }
            for fd in ends { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
            try #require(fcntl(ends[1], 1031, 4096) == 4096)  // F_SETPIPE_SZ, which Glibc's module hides.
            var page = [UInt8](repeating: 0x2E, count: 4096)
            try #require(write(ends[1], page, page.count) == page.count)
            var launch = ServerProcess.Launch.afterShell("exec 2>&3 3>&-")
            launch.descriptors = [ends[1]]
            launch.environment = try calls.launch().environment
            if kernelIsOld { calls.fail("pwritev2", EOPNOTSUPP) }
            let service = try Service.conformance(backend, count: 1, launch: launch)
            let master = try service.launch("start")
            let endpoint = try #require(try master.endpoints().first)
            try #require(master.children.first).kill()
            #expect(eventually { service.log.contains("exit with status 9") && master.children.count == 1 })
            let client = try Client(endpoint)
            // Answered when it has been written, wherever there was room for it.
            #expect(try client.get("/log?7").status == 200)
            #expect(service.log.contains("xxxxxxx"))
            #expect(!kernelIsOld || calls.struck > 0)
            // Read after all, it says what is missing.
            try #require(read(ends[0], &page, page.count) == page.count)
            try client.send("GET /log?9 HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(eventually { service.log.contains("xxxxxxxxx") })
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            let count = try waitFor("a line on standard error") { () -> Int? in
                let count = read(ends[0], &page, page.count)
                return count > 0 ? count : nil
            }
            #expect(
                String(decoding: page[..<count], as: UTF8.self)
                    == "1 line(s) were dropped here: nobody reads standard error\nxxxxxxxxx\n")
            #expect(try master.stop() == .code(0))
        }
    }
}
