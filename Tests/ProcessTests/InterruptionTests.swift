import Glibc
import TestSupport
import Testing

/// What an operator, a hypervisor or a time server does to a service that is under load.
@Suite struct InterruptionTests {
    /// Whoever stands still holds its clients up, and loses none of them.
    @Test(arguments: backends)
    func workersThatStandStillGoOn(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let workers = master.children
            let short = RequestStream(endpoint, threads: 2)
            let kept = RequestStream(endpoint, threads: 2, keepAlive: true)
            for round in 0..<6 {
                try short.waitForMore(20)
                // One of them, then the other, then both.
                let still = round % 3 == 2 ? workers : [workers[round % 3]]
                for worker in still { kill(worker.pid, SIGSTOP) }
                #expect(eventually { still.allSatisfy { $0.status("State").first == "T" } })
                for worker in still { kill(worker.pid, SIGCONT) }
            }
            try short.waitForMore(20)
            try kept.waitForMore(20)
            #expect(try short.finish() == [])
            #expect(try kept.finish() == [])
            #expect(master.children == workers)
            #expect(try master.stop() == .code(0))
        }
    }

    /// The workers serve without their master, and it does what it was told meanwhile.
    @Test(arguments: backends)
    func aMasterThatStandsStillHoldsUpNoClient(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let workers = Set(master.children)
            let load = RequestStream(endpoint, threads: 2)
            master.signal(SIGSTOP)
            try load.waitForMore(50)
            // It cannot answer, and the command does not wait for ever.
            #expect(try service.run("status").status != .code(0))
            master.signal(SIGUSR1)
            try load.waitForMore(50)
            let areRunning = workers.allSatisfy { $0.isRunning }
            #expect(areRunning)
            master.signal(SIGCONT)
            #expect(eventually { service.log.contains("reloaded") })
            #expect(eventually { master.children.count == 2 && workers.isDisjoint(with: master.children) })
            #expect(try service.run("status").status == .code(0))
            #expect(try load.finish() == [])
            #expect(try master.stop() == .code(0))
        }
    }

    /// Signals faster than any reload: some of them find one under way, none is too much.
    @Test(arguments: backends)
    func aHundredReloadsAtOnce(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let load = RequestStream(endpoint, threads: 2)
            for round in 0..<100 {
                master.signal(round % 2 == 0 ? SIGUSR1 : SIGUSR2)
                try load.waitForMore(1)
            }
            // Whatever was begun has ended when one more is done from its beginning to its end. (The first of
            // them may still be under way: how fast a hundred signals are depends on how fast clients are.)
            let ended = { service.log.split(separator: "\n").count { $0.hasSuffix("reloaded") } }
            let before = ended()
            #expect(
                eventually {
                    master.signal(SIGUSR1)
                    return ended() >= before + 2
                })
            #expect(eventually { master.children.count == 2 }, "\(service.log)")
            #expect(!service.log.contains("exit with status"), "\(service.log)")
            #expect(!service.log.contains("given up"), "\(service.log)")
            #expect(try load.finish() == [])
            #expect(try master.stop() == .code(0))
        }
    }

    /// The clock of the day is set by a year, forward and back: dates follow, what waits for seconds does not.
    @Test(arguments: backends)
    func aClockThatJumpsMovesDatesAndNoTimer(_ backend: String) async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            let service = try Service(
                "Examples", "AllProtocols", backend, ["--http", "127.0.0.1:0", "--count", "1"],
                launch: try calls.launch())
            let (master, endpoint) = try service.start()
            let workers = master.children
            let kept = try Client(endpoint)
            for offset in [400 * 86400, -400 * 86400, 0] as [Int64] {
                let slow = try Client(endpoint)
                let start = Deadline.now
                try slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
                calls.clockOffset = offset
                var seconds = time(nil) + Int(offset)
                var parts = tm()
                gmtime_r(&seconds, &parts)
                // At the turn of a year this waits until both agree.
                let year = " \(1900 + Int(parts.tm_year)) "
                #expect(try eventually { try kept.get("/")["Date"]?.contains(year) ?? false })
                // Neither at once, nor never: it is the timer of three seconds that answers.
                #expect(try slow.readReply().status == 200)
                #expect(Double(Deadline.now - start) / 1e9 > 2.9)
                #expect(try Client(endpoint).get("/sleep").status == 200)
            }
            #expect(try service.run("status").status == .code(0))
            #expect(master.children == workers)
            #expect(try master.stop() == .code(0))
        }
    }
}
