import Glibc
import TestSupport
import Testing

/// The files of a service: spec 01 §5, §10 and §18.9.
@Suite struct FilesTests {
    @Test(arguments: backends)
    func outputGoesToAFileThatCanBeMovedAway(_ backend: String) async throws {
        try await TestThreads.light.run {
            for stays in [false, true] {
                let folder = try TemporaryFolder()
                let path = folder.file("out")
                let options = ["--stdout", path] + (stays ? ["--stay", "1"] : [])
                let service = try Service.conformance(backend, count: 2, options, in: folder)
                let (master, endpoint) = try service.startDaemon()
                #expect(try Client(endpoint).get("/twice").status == 200)
                #expect(eventually { readText(path)?.contains("event twice") == true })
                rename(path, path + ".1")
                let workers = Set(master.children)
                #expect(try service.run("reload").status == .code(0))
                #expect(eventually { readText(path)?.ranges(of: "event reload").count ?? 0 == 2 || !stays })
                #expect(eventually { stays || workers.isDisjoint(with: master.children) })
                #expect(try Client(endpoint).get("/twice").status == 200)
                #expect(eventually { readText(path)?.contains("event twice") == true })
                #expect(readText(path + ".1")?.ranges(of: "event twice").count == 1)
                #expect(try service.run("stop").status == .code(0))
            }
        }
    }

    @Test(arguments: backends)
    func theLogKeepsItsNewerHalf(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, ["--log-size", "20000"])
            let (_, endpoint) = try service.start()
            let load = RequestStream(endpoint, threads: 3, target: "/log?250")
            try load.waitForMore(300)
            #expect(try load.finish() == [])
            #expect(try Client(endpoint).get("/log?299").status == 200)
            // Each line as it was written, by two processes at the same time; the newest is there.
            #expect(eventually { service.log.contains(String(repeating: "x", count: 299) + "\n") })
            let lines = service.log.split(separator: "\n")
            #expect(service.log.utf8.count <= 20000)
            #expect(lines.count > 20)
            for line in lines {
                #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d pid:\d+ (x+|Apus.*)/) != nil, "\(line)")
            }
            var info = stat()
            #expect(stat(service.folder.file("log"), &info) == 0 && info.st_mode & 0o777 == 0o640)
            #expect(access(service.folder.file("log.tmp"), F_OK) != 0)
        }
    }

    @Test(arguments: backends)
    func aPidFileThatWasRemovedIsNoLoss(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend, count: 1)
            let (master, endpoint) = try service.startDaemon()
            unlink(service.folder.file("pid"))
            #expect(try service.run("status").status == .code(0))
            let again = try service.run("start")
            #expect(again.status == .code(1) && again.errors.contains("already running (pid \(master.pid))"))
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try service.run("stop").status == .code(0))
            #expect(!master.isRunning)
        }
    }

    /// Several services of one program, told apart by a name.
    @Test func instancesHaveFilesOfTheirOwn() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let program = folder.file("server")
            let copy = try ServerProcess(
                "/bin/cp", [ServerProcess.folderOfPrograms + "/UpgradeServerV1", program], in: folder)
            #expect(try copy.waitForExit() == .code(0))
            func run(_ words: String...) throws -> (ServerProcess, TestSupport.ExitStatus) {
                let process = try ServerProcess(program, ["127.0.0.1:0"] + words, in: folder)
                return (process, try process.waitForExit())
            }
            var masters: [ProcessFacts] = []
            var kept: [ServerProcess] = []
            defer { kept.removeAll() }
            for instance in ["blue", "green"] {
                let (start, status) = try run("start", "-d", "--instance", instance)
                #expect(status == .code(0))
                let pid = try #require(readText(folder.file("apus.server.\(instance).pid")).flatMap { Int32($0) })
                masters.append(try #require(ProcessFacts(pid)))
                start.adopt(masters.last!)
                kept.append(start)
                #expect(masters.last!.commandLine.contains("instance=\(instance)"))
            }
            #expect(try run("status").1 == .code(1))
            #expect(try run("stop", "--instance=blue").1 == .code(0))
            #expect(!masters[0].isRunning && masters[1].isRunning)
            let (status, code) = try run("status", "--instance", "green")
            #expect(code == .code(0))
            #expect(try status.outputToEnd().contains("2 processes"))
            #expect(try run("stop", "--instance", "green").1 == .code(0))
            #expect(try run("status", "--instance", "../x").1 == .code(64))
        }
    }
}
