import Glibc
import TestSupport
import Testing

/// What others on the machine may see of a service, and do to it.
@Suite struct PrivacyTests {
    private func mode(_ path: String) -> mode_t? {
        var info = stat()
        return lstat(path, &info) == 0 ? info.st_mode & 0o777 : nil
    }

    /// The modes are those that files are made with, however generous the mask is.
    @Test(arguments: backends)
    func filesAreNoWiderThanTheyMustBe(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let socket = folder.file("socket")
            let service = try Service(
                "ConformanceServer", "http", backend,
                [
                    "--listen", socket, "--count", "2", "--load", "1", "--stdout", folder.file("out"), "--temporary",
                    folder.path,
                ], in: folder, launch: .afterShell("umask 0"))
            let (_, endpoint) = try service.startDaemon()
            #expect(mode(folder.file("pid")) == 0o644)
            #expect(mode(folder.file("pid.control")) == 0o600)
            #expect(mode(folder.file("log")) == 0o640)
            #expect(mode(folder.file("out")) == 0o640)
            // Its clients are others, unless the program says something else.
            #expect(mode(socket) == 0o666)
            let body = "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\ncontent\r\n--b--"
            let client = try Client(endpoint)
            try client.send(
                "POST /keep-file HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let path = try client.readReply().text
            #expect(path.hasPrefix("\(folder.path)/apus.upload.") && mode(path) == 0o600, "\(path)")
            #expect(try service.run("stop").status == .code(0))
        }
    }

    /// Who connects to the control socket and says nothing, or anything, holds up nobody.
    @Test(arguments: backends)
    func commandsDoNotWaitForEachOther(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            let (master, endpoint) = try service.start()
            let control = Endpoint.unix(path: service.folder.file("pid.control"))
            // As many as may wait to be accepted.
            let silent = try (0..<16).map { _ in try Client(control) }
            let garbage = try Client(control)
            try garbage.send([UInt8](repeating: 0x58, count: 1000))
            #expect(try service.run("status").status == .code(0))
            for client in silent { #expect(try client.readToEnd().bytes.isEmpty) }
            _ = try garbage.readToEnd()
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try service.run("connections").status == .code(0))
            #expect(master.isRunning)
        }
    }

    /// What a crash leaves behind is about the process, not about what its client has sent.
    @Test(arguments: backends)
    func reportsOfCrashesKeepSecrets(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let (master, endpoint) = try service.start()
            let client = try Client(endpoint)
            let secrets = ["hunter2-query", "hunter2-field", "hunter2-cookie", "hunter2-body"]
            try client.send(
                "POST /trap?password=\(secrets[0]) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(secrets[1])\r\n"
                    + "Cookie: sid=\(secrets[2])\r\nContent-Length: \(secrets[3].utf8.count)\r\n\r\n\(secrets[3])")
            _ = try client.readToEnd()
            #expect(eventually { service.log.contains("onMessage") }, "\(service.log)")
            #expect(eventually { master.children.count == 1 })
            #expect(try Client(endpoint).get("/").status == 200)
            let shown = try [service.log, service.run("status").output, service.run("connections", "--json").output]
            for text in shown { #expect(!text.contains("hunter2"), "\(text)") }
        }
    }

    /// A service whose Redis is not there, and two whose address of it makes no sense.
    @Test(arguments: backends)
    func passwordsOfServersStayOutOfLogs(_ backend: String) async throws {
        try await TestThreads.light.run {
            let port = ScriptedServer.closedPort()
            for (address, word) in [
                ("redis://ann:hunter2@127.0.0.1:\(port)", "Connection refused"),
                ("redis://ann:hunter2@127.0.0.1:\(port)/x", "the database is a number"),
                ("http://ann:hunter2@127.0.0.1", "expected redis://"),
            ] {
                let service = try Service(
                    "Examples", "RedisDemo", backend, ["--http", "127.0.0.1:0", "--redis", address])
                let process = try service.launch("start")
                if word == "Connection refused" {
                    let endpoint = try #require(try process.endpoints().first)
                    #expect(try Client(endpoint).get("/name").status == 500)
                    #expect(!(try service.run("status").output.contains("hunter2")))
                }
                #expect(eventually { service.log.contains(word) }, "\(service.log)")
                process.signal(SIGTERM)
                _ = try process.waitForExit()
                for text in [service.log, process.errorText, try process.outputToEnd()] {
                    #expect(!text.contains("hunter2"), "\(text)")
                }
            }
        }
    }
}
