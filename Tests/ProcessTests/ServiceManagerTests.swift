import Glibc
import TestSupport
import Testing

/// Under a service manager and in a container: systemd's protocols, and being process 1.
@Suite struct ServiceManagerTests {
    /// The states that a service has told its manager.
    private final class Manager {
        let path: String
        private let fd: Int32

        init(_ folder: TemporaryFolder) throws {
            path = folder.file("notify")
            fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            guard bound == 0 else { throw Failure("bind: \(errno)") }
        }

        deinit { close(fd) }

        func next() throws -> String {
            try waitFor("a state") {
                var block = [UInt8](repeating: 0, count: 4096)
                let count = recv(fd, &block, block.count, Int32(MSG_DONTWAIT))
                return count > 0 ? String(decoding: block[..<count], as: UTF8.self) : nil
            }
        }
    }

    @Test(arguments: backends)
    func readinessReloadAndStopAreTold(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let manager = try Manager(folder)
            let service = try Service.conformance(
                backend, count: 2, ["--trouble", folder.file("trouble")], in: folder,
                launch: ServerProcess.Launch(environment: ["NOTIFY_SOCKET": manager.path]))
            let (master, endpoint) = try service.start()
            #expect(try manager.next() == "READY=1\nMAINPID=\(master.pid)")
            #expect(try Client(endpoint).get("/").status == 200)
            for trouble in ["", "start-exit"] {
                try writeText(trouble, to: folder.file("trouble"))
                master.signal(SIGUSR1)
                #expect(try manager.next().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
                #expect(try manager.next() == "READY=1\nMAINPID=\(master.pid)")
            }
            master.signal(SIGTERM)
            #expect(try manager.next() == "STOPPING=1")
            #expect(try master.waitForExit() == .code(0))
        }
    }

    /// A socket that the manager opened is used, survives reloads, and its clients wait as long as the service is down.
    @Test(arguments: backends)
    func socketsOfTheManagerAreUsed(_ backend: String) async throws {
        try await TestThreads.light.run {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let port = try withUnsafeMutablePointer(to: &address) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    guard bind(listener, generic, size) == 0, listen(listener, 100) == 0,
                        getsockname(listener, generic, &size) == 0
                    else { throw Failure("listen: \(errno)") }
                    return UInt16(bigEndian: pointer.pointee.sin_port)
                }
            }
            let early = try Client(.ipv4(port: port))
            try early.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let launch = ServerProcess.Launch(
                under: ["/bin/sh", "-c", "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"", "sh"],
                descriptors: [listener])
            let service = try Service(
                "ConformanceServer", "http", backend, ["--listen", "127.0.0.1:\(port)", "--load", "1"], launch: launch)
            let (master, endpoint) = try service.start()
            #expect(endpoint == .ipv4(port: port))
            #expect(try early.readReply().status == 200)
            #expect(!service.log.contains("of the service manager"))
            let worker = try #require(master.children.first)
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { !worker.isRunning && master.children.count == 1 })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
            let late = try Client(endpoint)
            try late.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let (again, _) = try service.start()
            #expect(try late.readReply().status == 200)
            #expect(try again.stop() == .code(0))
        }
    }

    /// The first process of a container: it drains at SIGTERM, and reaps what others leave to it.
    @Test(arguments: backends)
    func asTheFirstProcess(_ backend: String) async throws {
        try await TestThreads.light.run {
            guard getuid() == 0 else { return }
            let launch = ServerProcess.Launch(under: ["unshare", "--pid", "--fork", "--kill-child"])
            let service = try Service.conformance(backend, count: 1, launch: launch)
            let outer = try service.launch("start")
            let endpoint = try #require(try outer.endpoints().first)
            let master = try #require(outer.children.first)
            #expect(master.status("NSpid") == ["\(master.pid)", "1"])
            let waiting = try Client(endpoint)
            try waiting.send("GET /sleep?2500 HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(eventually { (try? service.run("status").output.contains(" 1             0 ")) ?? false })
            master.kill(SIGTERM)
            // Longer than stopTimeout.
            let reply = try waiting.readReply()
            #expect(reply.status == 200 && reply["Connection"] == "close")
            #expect(try outer.waitForExit() == .code(0))
            #expect(service.log.contains("received signal TERM, gracefully stopping"))
        }
    }

    @Test func theUnitFileNamesTheProgram() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let unit = try ServerProcess(
                "apus", ["systemd-unit", "/opt/chat/server", "a b", "50%", "--user", "www-data"], in: folder)
            #expect(try unit.waitForExit() == .code(0))
            let lines = try unit.outputToEnd().split(separator: "\n").map(String.init)
            for line in [
                "Type=notify", "User=www-data", "ExecReload=/bin/kill -USR1 $MAINPID", "RuntimeDirectory=server",
                "ExecStart=/opt/chat/server \"a b\" 50%% start -q --pid-file /run/server/server.pid --log-file -",
            ] {
                #expect(lines.contains(line), "\(lines)")
            }
            let relative = try ServerProcess("apus", ["systemd-unit", "server"], in: folder)
            #expect(try relative.waitForExit() == .code(64))
        }
    }

    /// A connection wakes the process that takes it, not all that listen.
    @Test(arguments: backends)
    func aConnectionDoesNotWakeEveryProcess(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend, count: 6)
            let (master, endpoint) = try service.start()
            let workers = master.children
            #expect(try Client(endpoint).get("/").status == 200)
            let before = workers.map(\.waits).reduce(0, +)
            for _ in 0..<200 { #expect(try Client(endpoint).get("/").status == 200) }
            let waits = workers.map(\.waits).reduce(0, +) - before
            // Two for each connection, for the request and for its end; six more if all woke.
            #expect(waits < 200 * 4, "\(waits) waits for 200 connections")
            #expect(try master.stop() == .code(0))
        }
    }
}
