import Glibc
import TestSupport
import Testing

/// Reloads: what is replaced, what stays, and what a program that cannot serve does not break. Spec 01 §8.
@Suite struct ReloadTests {
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
            let load = RequestStream(endpoint, threads: 2)
            // Where a command takes longer than the answers, it is tried again.
            let allWereUnderWay = try eventually {
                let old = master.children
                let slow = try (0..<6).map { _ in try Client(endpoint) }
                for client in slow { try client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n") }
                try load.waitForMore(30)
                #expect(try service.run("reload").status == .code(0))
                let replies = try slow.map { try $0.readReply() }
                for reply in replies { #expect(reply.status == 200 && reply.text == "Hello, World!") }
                for client in slow { #expect(try client.readToEnd().bytes.isEmpty) }
                #expect(eventually { old.allSatisfy { !$0.isRunning } })
                return replies.allSatisfy { $0["Connection"] == "close" }
            }
            #expect(allWereUnderWay)
            let failures = try load.finish()
            #expect(failures == [])
            #expect(master.children.count == 2)
        }
    }

    /// Between its TLS handshake and that of WebSocket a client is on its way: it gets its answer, and is told then.
    @Test(arguments: backends)
    func reloadCutsNoWebSocketThatIsJustOpening(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let certificates = TestCertificates.shared
            let secured = ["--cert", certificates.certificate("localhost"), "--key", certificates.key("localhost")]
            let service = try Service(
                "ConformanceServer", "websocket", backend, ["--listen", "127.0.0.1:0"] + secured)
            let (master, endpoint) = try service.start()
            var isInTime = false
            var round = 0
            while !isInTime, round < 20 {
                round += 1
                let start = Deadline.now
                let clients = try (0..<8).map { _ in try Client(endpoint, isSecured: true) }
                master.signal(SIGUSR1)
                _ = try master.line("the worker that leaves") { $0 == "event stop" }
                // Such a client is given two seconds. A machine that needs longer to come to here tries again.
                isInTime = Deadline.now - start < 1_500_000_000
                for client in clients where isInTime {
                    try client.openWebSocket()
                    #expect(try client.readFrame().description == "close 1001 ")
                }
                for client in clients { client.close() }
                try waitFor("the end of the reload") {
                    service.log.split(separator: "\n").count { $0.hasSuffix("reloaded") } == round ? () : nil
                }
            }
            #expect(isInTime)
            #expect(try master.stop() == .code(0))
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

    /// A program that is built anew is what a reload is for: answers go from one to the other, without a gap.
    @Test(arguments: backends)
    func aReplacedProgramTakesOverUnderLoad(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let folder = try TemporaryFolder()
            let program = folder.file("server")
            try install("UpgradeServerV1", as: program)
            let service = try Service(program, "127.0.0.1:0", backend, [], in: folder)
            let (master, endpoint) = try service.startDaemon()
            #expect(try Client(endpoint).get("/").text == "v1")
            let short = RequestStream(endpoint, threads: 2)
            let kept = RequestStream(endpoint, threads: 2, keepAlive: true)
            try short.waitForMore(30)
            try install("UpgradeServerV2", as: program)
            // As long as nobody says so, nothing changes; also not for a process that replaces a killed one.
            let victim = try #require(master.children.first)
            let other = try #require(master.children.last)
            #expect(try Client(endpoint).get("/").text == "v1")
            _ = try short.finish()
            _ = try kept.finish()
            victim.kill()
            let workers = try waitFor("two workers") {
                master.children.count == 2 && !victim.isRunning ? master.children : nil
            }
            #expect(workers.contains(other))
            for _ in 0..<10 { #expect(try Client(endpoint).get("/").text == "v1") }

            let during = RequestStream(endpoint, threads: 2)
            let duringKept = RequestStream(endpoint, threads: 2, keepAlive: true)
            try during.waitForMore(30)
            #expect(try service.run("reload").status == .code(0))
            // The new program has a process more.
            let fresh = try waitFor("three new workers: \(service.log)") { () -> [ProcessFacts]? in
                let now = master.children
                return now.count == 3 && workers.allSatisfy { !$0.isRunning } ? now : nil
            }
            try during.waitForMore(30)
            for _ in 0..<10 { #expect(try Client(endpoint).get("/").text == "v2") }
            #expect(try during.finish() == [])
            #expect(try duringKept.finish() == [])
            #expect(service.pidInFile == master.pid && master.isRunning)
            #expect(fresh.allSatisfy { $0.isRunning })
            #expect(try service.run("status").output.contains("3 processes"))
            #expect(try service.run("stop").status == .code(0))
        }
    }

    private func install(_ name: String, as path: String) throws {
        unlink(path)
        let copy = try ServerProcess(
            "/bin/cp", [ServerProcess.folderOfPrograms + "/" + name, path], in: try TemporaryFolder())
        #expect(try copy.waitForExit() == .code(0))
    }

    /// Each of these ends a reload with nothing lost: the processes that served go on, and the next reload, once the
    /// trouble is over, works.
    @Test(
        arguments: backends,
        [
            ("trap", "ended with signal"), ("exit", "ended with exit code 3"), ("bind", "Address already in use"),
            ("master", "onMasterReload threw"), ("start-exit", "exit code 3"), ("start-throw", "exit code 250"),
            ("start-trap", "signal"),
        ])
    func aProgramThatCannotServeChangesNothing(_ backend: String, _ trouble: (String, String)) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let occupied = try Service.example(backend, count: 1)
            let (_, other) = try occupied.start()
            guard case .ipv4(let port) = other else { throw Failure("not an IPv4 endpoint") }
            let service = try Service.conformance(backend, ["--trouble", folder.file("trouble")])
            let (master, endpoint, pids, clients) = try startedWithClients(service)
            let load = RequestStream(endpoint, threads: 1)
            try writeText("\(trouble.0) 127.0.0.1:\(port)", to: folder.file("trouble"))
            // The command would be the broken program as well.
            master.signal(SIGUSR1)
            #expect(eventually { service.log.contains("reload given up") }, "\(service.log)")
            #expect(service.log.contains(trouble.1), "\(service.log)")
            for (id, client) in clients { #expect(try client.get("/id").text == "\(id) \(pids[id]!)") }
            #expect(eventually { Set(master.children.map(\.pid)) == Set(pids.values) })
            #expect(service.pidInFile == master.pid)
            // Places are filled by the program that serves, as long as that one is broken before it starts a worker.
            unlink(folder.file("trouble"))
            let descriptors = try #require(master.facts).descriptorCount
            #expect(try service.run("reload").status == .code(0))
            let fresh = try starts(2, master)
            #expect(fresh.keys.sorted() == [0, 1])
            #expect(eventually { Set(master.children.map(\.pid)) == Set(fresh.values) })
            #expect(eventually { (master.facts?.descriptorCount ?? .max) <= descriptors })
            try load.waitForMore(5)
            #expect(try load.finish() == [])
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends, [false, true])
    func aReloadAppliesTheNumberOfProcesses(_ backend: String, _ reusePort: Bool) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let file = folder.file("trouble")
            let options = ["--trouble", file] + (reusePort ? ["--reuse-port", "1"] : [])
            let service = try Service.conformance(backend, count: 2, options)
            let (master, endpoint) = try service.start()
            for (round, count) in [4, 1, 3].enumerated() {
                try writeText("count \(count)", to: file)
                let before = Set(master.children)
                #expect(try service.run("reload").status == .code(0))
                #expect(
                    eventually { master.children.count == count && before.isDisjoint(with: master.children) },
                    "\(count): \(service.log)")
                #expect(eventually { service.log.ranges(of: "] reloaded").count == round + 1 })
                for _ in 0..<20 { #expect(try Client(endpoint).get("/").status == 200) }
            }
            #expect(try master.stop() == .code(0))
        }
    }

    /// A worker that the new program has in addition, and takes away again.
    @Test(arguments: backends)
    func aReloadAddsAndRemovesWorkers(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let path = folder.file("socket")
            let service = try Service.conformance(backend, count: 1, ["--trouble", folder.file("trouble")])
            let (master, endpoint) = try service.start()
            try writeText("bind \(path)", to: folder.file("trouble"))
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("reloaded") })
            let text = try Client(.unix(path: path))
            try text.send("hello\n")
            #expect(try text.readLine() == "hello")
            #expect(eventually { master.children.count == 2 })
            unlink(folder.file("trouble"))
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { master.children.count == 1 }, "\(service.log)")
            #expect(try text.readToEnd().bytes.isEmpty)
            #expect(access(path, F_OK) != 0)
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func reloadWithSocketsOfTheirOwnLosesNothing(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend, count: 3, ["--reuse-port", "1"])
            let (master, endpoint) = try service.start()
            let load = RequestStream(endpoint, threads: 3)
            for _ in 0..<4 {
                try load.waitForMore(30)
                let old = Set(master.children)
                #expect(try service.run("reload").status == .code(0))
                _ = try waitFor("three new workers") {
                    master.children.count == 3 && old.allSatisfy { !$0.isRunning } ? () : nil
                }
            }
            #expect(try load.finish() == [])
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func theMasterTellsOfReloadsAndEnds(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1, ["--master-events", "1"])
            let (master, _) = try service.start()
            let worker = try #require(master.children.first)
            #expect(try service.run("reload").status == .code(0))
            #expect(
                try master.line("onMasterReload") { $0.hasPrefix("event master") }
                    == "event master reload \(master.pid)")
            #expect(
                try master.line("onWorkerExit") { $0.hasPrefix("event exit") }
                    == "event exit conformance 0 \(worker.pid)")
            let fresh = try #require(master.children.first)
            fresh.kill()
            #expect(
                try master.line("onWorkerExit") { $0.hasPrefix("event exit") }
                    == "event exit conformance 9 \(fresh.pid)")
            master.signal(SIGTERM)
            #expect(
                try master.line("onMasterStop") { $0.hasPrefix("event master") } == "event master stop \(master.pid)")
            #expect(try master.waitForExit() == .code(0))
        }
    }

    /// Signals that arrive while a reload is under way are not queued: it is over when it is over.
    @Test(arguments: backends)
    func aStormOfReloadsLeavesNothingBehind(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("reloaded") && master.children.count == 2 })
            let descriptors = try #require(master.facts).descriptorCount
            let most = master.children.map(\.descriptorCount).max()!
            let short = RequestStream(endpoint, threads: 2)
            let kept = RequestStream(endpoint, threads: 2, keepAlive: true)
            for round in 2...20 {
                try short.waitForMore(5)
                master.signal(SIGUSR1)
                master.signal(SIGUSR1)
                #expect(
                    eventually { service.log.split(separator: "\n").count { $0.hasSuffix("reloaded") } >= round },
                    "\(service.log)")
            }
            #expect(try short.finish() == [])
            #expect(try kept.finish() == [])
            #expect(eventually { master.children.count == 2 })
            #expect(eventually { (master.facts?.descriptorCount ?? .max) <= descriptors })
            #expect(master.facts?.threadCount == 1)
            let workers = master.children
            // One or two of them in the middle of closing a connection.
            #expect(eventually { workers.allSatisfy { $0.descriptorCount <= most } })
            #expect(try master.stop() == .code(0))
        }
    }

    /// While processes are killed and others reloaded, only what a killed process held is lost.
    @Test(arguments: backends)
    func killingDuringReloadsLosesWhatTheKilledHeld(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let load = RequestStream(endpoint, threads: 2)
            for _ in 0..<8 {
                try load.waitForMore(10)
                master.signal(SIGUSR1)
                master.children.randomElement()?.kill()
            }
            try load.waitForMore(20)
            // Two clients with one request each: a kill costs two at most.
            #expect(try load.finish().count <= 16)
            #expect(eventually { master.children.count == 2 })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    /// Neither the new program can serve nor the old one start again: what runs goes on.
    @Test(arguments: backends)
    func aReloadThatCannotGoBackChangesNothing(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let service = try Service.conformance(backend, ["--trouble", folder.file("trouble")])
            let (master, _, pids, clients) = try startedWithClients(service)
            try writeText("start-exit-then-trap", to: folder.file("trouble"))
            master.signal(SIGUSR1)
            #expect(eventually { service.log.contains("reload given up") }, "\(service.log)")
            #expect(service.log.contains("the program before it ended with signal"), "\(service.log)")
            for (id, client) in clients { #expect(try client.get("/id").text == "\(id) \(pids[id]!)") }
            #expect(eventually { Set(master.children.map(\.pid)) == Set(pids.values) })
            unlink(folder.file("trouble"))
            #expect(try service.run("reload").status == .code(0))
            let fresh = try starts(2, master)
            #expect(eventually { Set(master.children.map(\.pid)) == Set(fresh.values) })
            #expect(try master.stop() == .code(0))
        }
    }

    /// What a program that cannot serve has opened is closed again.
    @Test(arguments: backends)
    func aFailedReloadLeavesNoSockets(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let path = folder.file("socket")
            let service = try Service.conformance(backend, count: 1, ["--trouble", folder.file("trouble")])
            let (master, endpoint) = try service.start()
            let descriptors = try #require(master.facts).descriptorCount
            try writeText("bind-exit \(path)", to: folder.file("trouble"))
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("reload given up") }, "\(service.log)")
            #expect(access(path, F_OK) != 0)
            #expect(eventually { master.facts?.descriptorCount == descriptors && master.children.count == 1 })
            #expect(try Client(endpoint).get("/").status == 200)
        }
    }

    /// A reload while a process that has served enough is being replaced: no process is forgotten.
    @Test(arguments: backends)
    func aReloadDuringARecycling(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let service = try Service.conformance(
                backend, count: 1, ["--trouble", folder.file("trouble"), "--max-requests", "10"])
            let (master, endpoint) = try service.start()
            try writeText("start-held", to: folder.file("trouble"))
            for _ in 0..<15 { #expect(try Client(endpoint).get("/").status == 200) }
            #expect(eventually { master.children.count == 2 })
            master.signal(SIGUSR1)
            // The one under way was told to leave, and the new program's waits for the file.
            #expect(eventually { master.children.count == 3 }, "\(service.log)")
            unlink(folder.file("trouble"))
            #expect(eventually { service.log.contains("] reloaded") }, "\(service.log)")
            #expect(eventually { master.children.count == 1 }, "\(master.children)")
            #expect(try service.run("status").output.contains("1 processes"))
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func aProgramThatGivesItsOwnCommandReloads(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let process = try ServerProcess(
                "ConformanceServer", service.commandLine() + ["--command", "start"], in: service.folder)
            let endpoint = try #require(try process.endpoints().first)
            process.signal(SIGUSR1)
            #expect(eventually { service.log.contains("] reloaded") }, "\(service.log)")
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try process.stop() == .code(0))
        }
    }
}
