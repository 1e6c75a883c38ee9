import Glibc
import TestSupport
import Testing

/// What the master does when processes die, and how it replaces them: spec 01 §8, §9, §18 and §19.
@Suite struct SupervisionTests {
    /// The worker processes as they report themselves: the next `count` starts, ids to process ids.
    private func starts(_ count: Int, _ master: ServerProcess, within seconds: Double = 15) throws -> [Int: Int32] {
        var found: [Int: Int32] = [:]
        for _ in 0..<count {
            let line = try master.line("a worker's start", within: seconds) { $0.hasPrefix("event start ") }
            let words = line.split(separator: " ")
            found[Int(words[2])!] = Int32(words[3])!
        }
        return found
    }

    /// A supervised scenario server that is ready, its processes by id, and a keep-alive client of each.
    private func startedWithClients(
        _ service: Service
    ) throws -> (master: ServerProcess, endpoint: Endpoint, pids: [Int: Int32], clients: [Int: Client]) {
        let master = try service.launch("start")
        let pids = try starts(2, master)
        let endpoint = try #require(try master.endpoints().first)
        _ = master.children
        #expect(pids.keys.sorted() == [0, 1])
        var clients: [Int: Client] = [:]
        var others: [Client] = []
        let deadline = Deadline(20)
        while clients.count < 2, !deadline.isPast {
            let client = try Client(endpoint)
            let words = try client.get("/id").text.split(separator: " ")
            let id = try #require(Int(words[0]))
            #expect(pids[id] == Int32(words[1]))
            if clients[id] == nil { clients[id] = client } else { others.append(client) }
        }
        #expect(clients.count == 2, "all connections went to one worker")
        return (master, endpoint, pids, clients)
    }

    @Test(arguments: backends)
    func aKilledWorkerIsReplacedWithTheSameID(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend)
            let (master, endpoint, pids, clients) = try startedWithClients(service)
            let load = RequestStream(endpoint, threads: 2)
            try load.waitForMore(50)
            let victim = try #require(pids[0].flatMap { ProcessFacts($0) })
            let start = Deadline.now
            victim.kill(SIGKILL)
            let replacement = try starts(1, master, within: 5)
            #expect(Double(Deadline.now - start) / 1e9 < 1)
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
            #expect(eventually(within: 3) { workers.allSatisfy { !$0.isRunning } })
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
            #expect(eventually(within: 3) { workers.allSatisfy { !$0.isRunning } })
            let (again, _) = try service.start()
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try again.stop() == .code(0))
            #expect(throws: (any Error).self) { try Client(endpoint) }
            #expect(access(path, F_OK) != 0)
        }
    }

    // MARK: Reload

    @Test(arguments: backends)
    func reloadUnderLoadLosesNothing(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let short = RequestStream(endpoint, threads: 3)
            let kept = RequestStream(endpoint, threads: 2, keepAlive: true)
            var workers = Set(master.children)
            for round in 0..<4 {
                try short.waitForMore(30)
                #expect(
                    try round % 2 == 0
                        ? service.run("reload").status == .code(0) : service.run("reload", "-g").status == .code(0))
                let old = workers
                workers = Set(
                    try waitFor("two new workers: \(service.log)") { () -> [ProcessFacts]? in
                        let now = master.children.filter { !old.contains($0) }
                        return now.count == 2 && old.allSatisfy { !$0.isRunning } ? now : nil
                    })
            }
            try short.waitForMore(30)
            try kept.waitForMore(30)
            let failures = (try short.finish(), try kept.finish())
            #expect(failures.0 == [])
            #expect(failures.1 == [])
            #expect(service.pidInFile == master.pid)
            #expect(!service.log.contains("exit with status"))
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func reloadWaitsForAnswersThatAreUnderWay(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let old = master.children
            let slow = try (0..<6).map { _ in try Client(endpoint) }
            for client in slow { try client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n") }
            let load = RequestStream(endpoint, threads: 2)
            try load.waitForMore(30)
            #expect(try service.run("reload").status == .code(0))
            for client in slow {
                let reply = try client.readReply()
                #expect(reply.status == 200 && reply.text == "Hello, World!")
                #expect(reply["Connection"] == "close")
                #expect(try client.readToEnd().bytes.isEmpty)
            }
            #expect(eventually { old.allSatisfy { !$0.isRunning } })
            let failures = try load.finish()
            #expect(failures == [])
            #expect(master.children.count == 2)
        }
    }

    @Test(arguments: backends)
    func aReloadThatCannotStartLeavesTheOldProcesses(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let flag = folder.file("flag")
            let service = try Service.conformance(backend, ["--fail-if-exists", flag])
            let (master, _, pids, clients) = try startedWithClients(service)
            try writeText("", to: flag)
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("reload given up") })
            for (id, client) in clients { #expect(try client.get("/id").text == "\(id) \(pids[id]!)") }
            #expect(Set(master.children.map(\.pid)) == Set(pids.values))
            unlink(flag)
            #expect(try service.run("reload").status == .code(0))
            let fresh = try starts(2, master)
            #expect(fresh.keys.sorted() == [0, 1])
            #expect(eventually { Set(master.children.map(\.pid)) == Set(fresh.values) })
        }
    }

    @Test(arguments: backends)
    func aWorkerThatStaysIsToldOfTheReload(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, ["--stay", "1"])
            let (master, _, pids, clients) = try startedWithClients(service)
            #expect(try service.run("reload").status == .code(0))
            let told = try (0..<2).map { _ in try master.line("onWorkerReload") { $0.hasPrefix("event reload ") } }
            #expect(Set(told) == Set(pids.map { "event reload \($0) \($1)" }))
            for (id, client) in clients { #expect(try client.get("/id").text == "\(id) \(pids[id]!)") }
            #expect(try master.stop() == .code(0))
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

    @Test(arguments: backends, ["exit", "throw", "trap"])
    func aWorkerThatKeepsFailingIsStartedLessAndLessOften(_ backend: String, _ way: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "ConformanceServer", "failing", backend, ["--listen", "127.0.0.1:0", "--\(way)", "3"])
            let master = try service.launch("start")
            var times: [Int64] = []
            for _ in 0..<6 {
                _ = try starts(1, master, within: 60)
                times.append(Deadline.now)
            }
            // Five failures at once, then a pause of a second.
            #expect(Double(times[5] - times[4]) / 1e9 > 0.9)
            #expect(eventually { service.log.contains("next start in 2 s") })
            let reason = ["exit": "(exit code 3)", "throw": "(exit code 250: a callback of the process threw)", "trap": "(signal"][way]!
            #expect(service.log.contains(reason), "\(service.log)")
            #expect(service.log.split(separator: "\n").count { $0.contains("next start in 1 s") } == 1)
            let start = Deadline.now
            #expect(try master.stop(within: 5) == .code(0))
            #expect(Double(Deadline.now - start) / 1e9 < 1.5)
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
}
