import Glibc
import TestSupport
import Testing

/// A machine that has not what a service needs: one clear message, and neither a spin nor a crash loop.
@Suite struct TroubleTests {
    private func cpu(_ processes: [ProcessFacts]) -> Double { processes.map(\.cpuSeconds).reduce(0, +) }

    /// 200 clients and 64 descriptors: those that do not fit wait, and are served as others leave.
    @Test(arguments: backends)
    func runningOutOfDescriptors(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend, count: 1, launch: .afterShell("ulimit -n 64"))
            let (master, endpoint) = try service.start()
            var clients: [Client] = []
            for _ in 0..<200 {
                let client = try Client(endpoint)
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                clients.append(client)
            }
            #expect(eventually { service.log.contains("Too many open files") })
            let processes = [try #require(master.facts)] + master.children
            let before = cpu(processes)
            let start = Deadline.now
            #expect(!clients[199].isReadable(within: 2))
            #expect((cpu(processes) - before) / (Double(Deadline.now - start) / 1e9) < 0.05)
            #expect(service.log.split(separator: "\n").count { $0.contains("Too many open files") } == 1)
            // The master has descriptors left.
            #expect(try service.run("status").status == .code(0))
            while let client = clients.first {
                #expect(try client.readReply().status == 200)
                clients.removeFirst()
            }
            #expect(!service.log.contains("exit with status"))
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func aLogThatCannotBeWritten(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend, count: 1)
            // The later option wins.
            let process = try ServerProcess(
                "Examples", service.commandLine("start") + ["--log-file", "/dev/full"], in: service.folder)
            let endpoint = try #require(try process.endpoints().first)
            #expect(try Client(endpoint).get("/").status == 200)
            let lines = process.errorText.split(separator: "\n")
            #expect(lines.count { $0.contains("No space left on device") } == 1, "\(process.errorText)")
            #expect(lines.contains { $0.contains("start in DEBUG mode") })
            #expect(try process.stop() == .code(0))
            #expect(process.errorText.split(separator: "\n").count { $0.contains("No space left on device") } == 1)
        }
    }

    /// Each start fails with one line that says why, and leaves nothing behind.
    @Test func startsThatCannotSucceed() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let first = try Service.example("epoll", count: 1)
            let (occupant, endpoint) = try first.start()
            guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
            let http = ["http", "start", "--listen"]
            let files = ["--pid-file", folder.file("pid"), "--log-file", folder.file("log")]
            let cases: [(arguments: [String], status: Int32, words: [String])] = [
                (http + ["127.0.0.1:0", "--pid-file", "/proc/pid"], 1, ["/proc/pid", "--pid-file"]),
                (http + ["127.0.0.1:0", "--pid-file", "/no/such/folder/pid"], 1, ["No such file", "--pid-file"]),
                (http + ["127.0.0.1:\(port)"] + files, 1, ["Address already in use", "Process \(occupant.pid)"]),
                (http + ["203.0.113.1:80"] + files, 1, ["Cannot assign requested address", "0.0.0.0"]),
                (http + ["127.0.0.1:0", "--user", "nobody-there"] + files, 1, ["there is no user \"nobody-there\""]),
                (http + ["127.0.0.1:0", "--group", "none-such"] + files, 1, ["there is no group \"none-such\""]),
                (http + ["/no/such/folder/socket"] + files, 1, ["/no/such/folder/socket", "No such file"]),
                (http + ["127.0.0.1:0", "--metrics", "here"] + files, 64, ["metrics address \"here\""]),
            ]
            for trouble in cases {
                let process = try ServerProcess("ConformanceServer", trouble.arguments, in: folder)
                #expect(try process.waitForExit() == .code(trouble.status), "\(trouble.arguments)")
                let text = process.errorText
                #expect(text.split(separator: "\n").count == 1, "\(text)")
                for word in trouble.words { #expect(text.contains(word), "\(text)") }
                #expect(access(folder.file("pid"), F_OK) != 0)
                unlink(folder.file("stderr"))
            }
        }
    }

    @Test func portsOfRootNeedRoot() async throws {
        try await TestThreads.light.run {
            let first = Int(readText("/proc/sys/net/ipv4/ip_unprivileged_port_start")?.dropLast() ?? "") ?? 0
            guard getuid() == 0, first > 1 else { return }
            let folder = try TemporaryFolder()
            chmod(folder.path, 0o777)
            let process = try ServerProcess(
                "Examples",
                [
                    "AllProtocols", "start", "--http", "127.0.0.1:1", "--pid-file", folder.file("pid"), "--log-file",
                    "-",
                ],
                in: folder, ServerProcess.Launch(under: ["setpriv", "--reuid=65534", "--clear-groups"]))
            #expect(try process.waitForExit() == .code(1))
            #expect(process.errorText.contains("Permission denied. Ports below 1024 need root or CAP_NET_BIND_SERVICE"))
        }
    }

    /// The port is opened as root, the worker runs as somebody else, and can still write the log.
    @Test(arguments: backends)
    func workersRunAsTheirUser(_ backend: String) async throws {
        try await TestThreads.light.run {
            guard getuid() == 0 else { return }
            let folder = try TemporaryFolder()
            let path = folder.file("socket")
            chmod(folder.path, 0o755)
            let service = try Service(
                "ConformanceServer", "http", backend,
                ["--listen", path, "--load", "1", "--user", "nobody", "--group", "daemon"], in: folder)
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            #expect(worker.userID == 65534 && worker.groupID == 1)
            #expect(worker.status("Uid").allSatisfy { $0 == "65534" })
            #expect(worker.status("CapEff") == ["0000000000000000"])
            #expect(master.facts?.userID == 0)
            var info = stat()
            #expect(stat(path, &info) == 0 && info.st_uid == 65534 && info.st_gid == 1)
            let client = try Client(endpoint)
            try client.send("GET /log?7 HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(eventually { service.log.contains("pid:\(worker.pid) xxxxxxx\n") }, "\(service.log)")
            // The file stays the master's: the worker's lines go through it.
            #expect(stat(service.folder.file("log"), &info) == 0 && info.st_uid == 0)
            // Nor can a worker take the board away from under its master.
            let board = open("/proc/\(worker.pid)/fd/4", O_RDWR)
            #expect(board >= 0 && ftruncate(board, 0) != 0)
            close(board)
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { !worker.isRunning && master.children.first?.userID == 65534 })
            master.signal(SIGKILL)
            _ = try master.waitForExit()
            #expect(eventually { (try? Client(endpoint)) == nil })
        }
    }

    @Test func doctorFindsWhatIsWrong() async throws {
        try await TestThreads.light.run {
            let first = try Service.example("epoll", count: 1)
            let (occupant, endpoint) = try first.start()
            guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
            let healthy = try Service.example("epoll", count: 1)
            let good = try healthy.run("doctor")
            #expect(good.status == .code(0), "\(good.output)")
            #expect(good.output.contains("can be listened on") && good.output.contains("0 failures"))
            let bad = try ServerProcess(
                "ConformanceServer",
                [
                    "http", "doctor", "--listen", "127.0.0.1:\(port)", "--user", "nobody-there", "--pid-file",
                    "/no/such/folder/pid",
                ], in: healthy.folder)
            #expect(try bad.waitForExit() == .code(1))
            let text = try bad.outputToEnd()
            let failures = text.split(separator: "\n").filter { $0.hasPrefix("FAIL") }
            #expect(failures.count == 3, "\(text)")
            #expect(failures.contains { $0.contains("Process \(occupant.pid)") })
            #expect(failures.contains { $0.contains("there is no user") })
            #expect(failures.contains { $0.contains("/no/such/folder/pid") && $0.contains("--pid-file") })
            let few = try Service("Examples", "AllProtocols", "epoll", [], launch: .afterShell("ulimit -n 512"))
            #expect(try few.run("doctor").output.contains("warn  open files per process"))
        }
    }

    /// Where somebody else may write, a link could lead root to any file.
    @Test func rootDoesNotFollowLinks() async throws {
        try await TestThreads.light.run {
            guard getuid() == 0 else { return }
            let folder = try TemporaryFolder()
            try writeText("secret", to: folder.file("victim"))
            for option in ["--pid-file", "--log-file"] {
                symlink(folder.file("victim"), folder.file("link"))
                let other = option == "--pid-file" ? "--log-file" : "--pid-file"
                let process = try ServerProcess(
                    "Examples",
                    [
                        "AllProtocols", "start", "--http", "127.0.0.1:0", option, folder.file("link"), other,
                        folder.file("other"),
                    ],
                    in: folder)
                if option == "--pid-file" {
                    #expect(try process.waitForExit() == .code(1))
                } else {
                    _ = try process.endpoints()
                    #expect(try process.stop() == .code(0))
                }
                #expect(process.errorText.contains("symbolic links"), "\(process.errorText)")
                #expect(readText(folder.file("victim")) == "secret")
                for name in ["link", "other", "stderr"] { unlink(folder.file(name)) }
            }
        }
    }

    /// Anybody who can read the pid file can lock it for reading.
    @Test func aStrangersLockDoesNotKeepItFromStarting() async throws {
        try await TestThreads.light.run {
            let service = try Service.example("epoll", count: 1)
            try writeText("1", to: service.folder.file("pid"))
            let fd = open(service.folder.file("pid"), O_RDONLY | O_CLOEXEC)
            defer { close(fd) }
            var lock = flock()
            lock.l_type = Int16(F_RDLCK)
            #expect(fcntl(fd, 37, &lock) == 0)  // F_OFD_SETLK, which Glibc's module hides.
            for command in ["status", "stop", "reload"] { #expect(try service.run(command).status == .code(1)) }
            let (master, endpoint) = try service.start()
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(service.pidInFile == master.pid)
            #expect(try master.stop() == .code(0))
        }
    }
}
