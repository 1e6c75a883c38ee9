import Glibc
import TestSupport
import Testing

/// Processes beside a worker, and files that change.
@Suite struct `Child processes and files` {
    @Test(arguments: loopBackends)
    func `children are put through`(_ backend: String) async throws {
        try await runTrial("SystemTrials", "children", backend: backend)
    }

    @Test(arguments: loopBackends)
    func failedStartsCostNoMemory(_ backend: String) async throws {
        try await runTrial("SystemTrials", "failed-starts", backend: backend)
    }

    private func start(
        _ watched: TemporaryFolder, _ files: TemporaryFolder, _ more: [String] = []
    ) throws -> ServerProcess {
        let service = try ServerProcess(
            "Examples",
            [
                "FileMonitorDemo", "start", "--http", "127.0.0.1:0", "--watch", watched.path, "--pid-file",
                files.file("pid"), "--log-file", files.file("log"),
            ] + more, in: files)
        _ = try service.endpoints()
        return service
    }

    private func count(_ text: String, in log: TemporaryFolder) -> Int {
        log.text("log").split(separator: "\n").count { $0.contains(text) }
    }

    /// The processes that serve, without the monitor, which stays.
    private func workers(_ service: ServerProcess) -> Set<ProcessFacts> {
        Set(service.children.filter { !$0.commandLine.contains("FileMonitor") })
    }

    @Test func `a file that changes reloads the service once`() async throws {
        try await TestThreads.light.run {
            let watched = try TemporaryFolder()
            let files = try TemporaryFolder()
            try writeText("a", to: watched.file("page.html"))
            let service = try start(watched, files)
            var before = workers(service)
            #expect(!before.isEmpty)
            for content in ["b", "c"] {
                try writeText(content, to: watched.file("page.html"))
                #expect(
                    eventually(within: 60) { workers(service).isDisjoint(with: before) && !workers(service).isEmpty })
                before = workers(service)
            }
            // What is no watched file, and what is hidden, changes nothing; what is gone does.
            try writeText("x", to: watched.file("page.tmp"))
            try writeText("x", to: watched.file(".hidden.html"))
            unlink(watched.file("page.html"))
            #expect(eventually(within: 60) { workers(service).isDisjoint(with: before) && !workers(service).isEmpty })
            before = workers(service)
            // A folder that comes later, with a file in it.
            mkdir(watched.file("new"), 0o755)
            try writeText("x", to: watched.file("new/style.css"))
            #expect(eventually(within: 60) { workers(service).isDisjoint(with: before) && !workers(service).isEmpty })
            #expect(count("update and reload", in: files) == 4)
            unlink(watched.file("new/style.css"))
            rmdir(watched.file("new"))
            #expect(try service.stop() == .code(0))
        }
    }

    /// A build that fails leaves what runs alone.
    @Test func `sources are built first`() async throws {
        try await TestThreads.light.run {
            let watched = try TemporaryFolder()
            let files = try TemporaryFolder()
            let service = try start(
                watched, files,
                ["--build", "cat \(watched.file("a.swift")) && grep -q good \(watched.file("a.swift"))"])
            let before = workers(service)
            try writeText("bad code", to: watched.file("a.swift"))
            #expect(eventually(within: 60) { count("failed (status 1): nothing is reloaded", in: files) == 1 })
            #expect(files.text("log").contains("bad code"))
            #expect(workers(service) == before)
            try writeText("good code", to: watched.file("a.swift"))
            #expect(eventually(within: 60) { workers(service).isDisjoint(with: before) && !workers(service).isEmpty })
            #expect(try service.stop() == .code(0))
        }
    }
}
