import Glibc
import TestSupport
import Testing

/// `apus serve`, as a program.
@Suite struct ServeTests {
    /// It runs until the last reference goes.
    private struct Served {
        let process: ServerProcess
        let url: String
        let endpoint: Endpoint

        init(_ arguments: [String], in folder: TemporaryFolder) throws {
            process = try ServerProcess("apus", ["serve"] + arguments + ["--port", "0"], in: folder)
            let line = try process.line("its address") { $0.hasPrefix("Serving ") }
            url = String(line.split(separator: " ")[3])
            guard let endpoint = Endpoint(banner: url.dropLast()) else { throw Failure("no address in \(line)") }
            self.endpoint = endpoint
            _ = process.children
        }
    }

    @Test func aFolderIsServed() async throws {
        try await TestThreads.light.run {
            // A folder that is called like a command of a service.
            let outer = try TemporaryFolder()
            let site = outer.file("stop")
            mkdir(site, 0o755)
            defer { rmdir(site) }
            defer { unlink(site + "/index.html") }
            try writeText("index", to: site + "/index.html")
            let served = try Served([site, "--workers", "2", "--cache", "60", "--spa", "--log"], in: outer)
            #expect(served.url.hasPrefix("http://127.0.0.1:"))
            let client = try Client(served.endpoint)
            let reply = try client.get("/")
            #expect(reply.text == "index" && reply["Cache-Control"] == "max-age=60")
            #expect(try client.get("/some/page").text == "index")
            #expect(try client.get("/none.js").status == 404)
            let line = try served.process.line("a line of the log") { $0.contains("\"GET /some/page HTTP/1.1\" 200 5") }
            #expect(line.hasPrefix("127.0.0.1 - - ["))
            // As often as one likes, at the same time.
            let other = try TemporaryFolder()
            let second = try Served([site], in: other)
            let plain = try Client(second.endpoint).get("/")
            #expect(plain.text == "index" && plain["Cache-Control"] == nil)
            #expect(try Client(second.endpoint).get("/some/page").status == 404)
            for process in [served.process, second.process] {
                process.signal(SIGINT)
                #expect(try process.waitForExit() == .code(0))
            }
        }
    }

    @Test func foldersAreListedWhenAskedFor() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            try writeText("text", to: folder.file("a.txt"))
            let certificates = TestCertificates.shared
            let served = try Served(
                [
                    folder.path, "--browse", "--tls-cert", certificates.certificate("localhost"), "--tls-key",
                    certificates.key("localhost"),
                ], in: folder)
            #expect(served.url.hasPrefix("https://127.0.0.1:"))
            let client = try Client(served.endpoint, isSecured: true)
            #expect(try client.get("/").text.contains("href=\"./a.txt\""))
            #expect(try client.get("/a.txt").text == "text")
        }
    }

    @Test(arguments: [[], ["--root", "/none"]])
    func aServerWithoutAFolderDoesNotStart(_ options: [String]) async throws {
        try await TestThreads.light.run {
            let service = try Service("ConformanceServer", "site", "epoll", ["--listen", "127.0.0.1:0"] + options)
            let master = try service.launch("start")
            let reason = options.isEmpty ? "it serves no folder" : "/none is no folder"
            try waitFor("the reason in the log") {
                service.log.contains(reason) && service.log.contains("exit code 250") ? () : nil
            }
            master.signal(SIGTERM)
            #expect(try master.waitForExit() == .code(0))
        }
    }

    @Test func whatCannotBeServedIsSaid() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            try writeText("text", to: folder.file("a.txt"))
            let served = try Served([folder.path], in: folder)
            let port = served.url.split(separator: ":")[2].dropLast()
            for (arguments, complaint) in [
                ([folder.file("none")], "none is no folder"), ([folder.file("a.txt")], "a.txt is no folder"),
                ([folder.path, "--port", "65536"], "--port 65536"), ([folder.path, "--workers", "0"], "--workers 0"),
                ([folder.path, "--tls-cert", "x"], "--tls-cert and --tls-key go together"),
                ([folder.path, "--kernel-tls"], "--kernel-tls is for --tls-cert"),
                ([folder.path, "--port", "\(port)"], "in use"), ([folder.path, "--address", "nowhere"], "nowhere"),
                ([folder.path, "--tls-cert", "/none", "--tls-key", "/none", "--port", "0"], "/none"),
            ] {
                let other = try TemporaryFolder()
                let process = try ServerProcess("apus", ["serve"] + arguments, in: other)
                let status = try process.waitForExit()
                #expect(
                    status != .code(0) && process.errorText.contains(complaint), "\(arguments): \(process.errorText)")
            }
        }
    }
}
