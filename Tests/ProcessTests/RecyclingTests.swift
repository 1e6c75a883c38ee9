import Glibc
import TestSupport
import Testing

/// Processes that are replaced since they ask for it: spec 01 §7, 02 §5 and 07 R49.
@Suite struct RecyclingTests {
    @Test(arguments: backends)
    func aProcessThatHasServedEnoughIsReplaced(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend, count: 1, ["--max-requests", "100"])
            let (master, endpoint) = try service.start()
            let first = try #require(master.children.first)
            let load = RequestStream(endpoint, threads: 2)
            // The next ones soon have served enough, too.
            _ = try waitFor("a new process") { !first.isRunning && !master.children.isEmpty ? () : nil }
            try load.waitForMore(300)
            #expect(try load.finish() == [])
            #expect(service.log.contains("has served enough and is replaced"))
            #expect(!service.log.contains("exit with status"))
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func stopAllEndsOneProcessAndStopServiceAll(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend)
            let (master, endpoint) = try service.start()
            let before = Set(master.children)
            let client = try Client(endpoint)
            try client.send("GET /stop-all HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(eventually { service.log.contains("exit with status 1792 (exit code 7)") }, "\(service.log)")
            #expect(eventually { master.children.count == 2 && !before.isSuperset(of: master.children) })
            #expect(service.log.contains("stopping: a handler wants it"))
            let last = try Client(endpoint)
            try last.send("GET /stop-service HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try master.waitForExit() == .code(0))
            #expect(service.log.contains("asked for it, stopping"))
        }
    }
}
