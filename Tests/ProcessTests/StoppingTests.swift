import Glibc
import TestSupport
import Testing

/// Stops that wait, and those that do not: spec 01 §7 and §18.6.
@Suite struct StoppingTests {
    private static let size = 100_000_000

    @Test(arguments: backends)
    func aDownloadIsFinishedBeforeAGracefulStop(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend, count: 1)
            let (master, endpoint) = try service.startDaemon()
            let slow = try Client(endpoint, receiveBuffer: 65536)
            try slow.send("GET /big?\(Self.size) HTTP/1.1\r\nHost: h\r\n\r\n")
            let head = String(decoding: try slow.read(through: "\r\n\r\n"), as: UTF8.self)
            #expect(head.contains("200 OK"))
            let stop = try service.launch("stop", "-g")
            #expect(eventually { service.log.contains("gracefully stopping") })
            #expect(eventually { (try? Client(endpoint)) == nil })
            try slow.skip(Self.size / 64256 * 64256, within: 60)
            #expect(try slow.readToEnd().bytes.isEmpty)
            #expect(try stop.waitForExit() == .code(0))
            #expect(!master.isRunning)
            #expect(service.log.contains("remains 1 connection(s)"))
            #expect(!service.log.contains("killed"))
        }
    }

    @Test(arguments: backends)
    func aGracefulStopEndsAtItsDeadline(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1, ["--graceful-timeout", "1"])
            let (master, endpoint) = try service.start()
            let waiting = try Client(endpoint)
            try waiting.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(eventually { (try? service.run("status").output.contains(" 1       1 ")) ?? false })
            let start = Deadline.now
            master.signal(SIGQUIT)
            #expect(try master.waitForExit() == .code(0))
            let seconds = Double(Deadline.now - start) / 1e9
            #expect(seconds > 0.9)
            #expect(service.log.contains("no end of the graceful stop within 1.0 s"))
        }
    }

    /// Who is replaced need not be waited for any longer than that.
    @Test(arguments: backends)
    func aReloadEndsWhatTakesTooLong(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1, ["--drain-timeout", "1"])
            let (master, endpoint) = try service.start()
            let old = try #require(master.children.first)
            let waiting = try Client(endpoint)
            try waiting.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try master.line("the request") { $0 == "event never" }
            #expect(try service.run("reload").status == .code(0))
            #expect(try waiting.readToEnd().bytes.isEmpty)
            #expect(eventually { !old.isRunning && master.children.count == 1 })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    /// A worker that is stuck in a callback cannot see that its master has gone: the kernel ends it.
    @Test(arguments: backends)
    func aStuckWorkerDoesNotOutliveItsMaster(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 2)
            let (master, endpoint) = try service.start()
            let workers = master.children
            let blocked = try Client(endpoint)
            try blocked.send("GET /block?60 HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try master.line("the block") { $0 == "event blocking" }
            master.signal(SIGKILL)
            #expect(try master.waitForExit() == .signal(9))
            let start = Deadline.now
            #expect(eventually { workers.allSatisfy { !$0.isRunning } })
            // The handler blocks for a minute.
            #expect(Double(Deadline.now - start) / 1e9 < 40)
            let (again, fresh) = try service.start()
            #expect(try Client(fresh).get("/").status == 200)
            #expect(try again.stop() == .code(0))
        }
    }

    /// A milder command does not take a harder one back.
    @Test(arguments: backends)
    func aGracefulStopAfterAStopChangesNothing(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let (master, endpoint) = try service.start()
            let blocked = try Client(endpoint)
            try blocked.send("GET /block?60 HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try master.line("the block") { $0 == "event blocking" }
            master.signal(SIGINT)
            #expect(eventually { service.log.contains("received signal 2 INT, stopping") })
            master.signal(SIGQUIT)
            #expect(try master.waitForExit() == .code(0))
        }
    }
}
