import Glibc
import TestSupport
import Testing

/// Sessions over a real server and every store, and the stores themselves: spec 05 §6 and §14.4.
@Suite struct SessionServerTests {
    /// A client that keeps its cookie, as a browser does.
    private final class Browser {
        private let client: Client
        var id: String?
        var cookie: String?

        init(_ server: ScenarioServer, id: String? = nil) throws {
            client = try server.connect()
            self.id = id
        }

        /// Sends a request; returns the answer's text.
        @discardableResult
        func get(_ target: String, status: Int = 200) throws -> String {
            try begin(target)
            return try finish(status: status)
        }

        func begin(_ target: String) throws {
            let cookie = id.map { "Cookie: SID=\($0)\r\n" } ?? ""
            try client.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\(cookie)\r\n")
        }

        @discardableResult
        func finish(status: Int = 200) throws -> String {
            let reply = try client.readReply()
            #expect(reply.status == status)
            cookie = reply["Set-Cookie"]
            if let cookie {
                let value = String(cookie.dropFirst(4).prefix { $0 != ";" })
                id = value.isEmpty ? nil : value
            }
            return reply.text
        }
    }

    private static let stores = ["file", "memory", "redis"]
    private static let planted = String(repeating: "A", count: 32)

    /// Runs the scenario over a store; its folder goes with the test.
    private func withStore(
        _ store: String, _ setup: Setup = Setup(backend: "epoll", transport: .ipv4), _ options: [String] = [],
        _ body: @Sendable (ScenarioServer, SessionFolder, RedisServer?) throws -> Void
    ) async throws {
        try await TestThreads.light.run {
            let folder = try SessionFolder()
            let redis = store == "redis" ? try RedisServer() : nil
            let server = try ScenarioServer(
                "sessions", setup,
                ["--store", store, "--folder", folder.path] + (redis.map { ["--redis", "\($0.endpoint)"] } ?? [])
                    + options)
            try body(server, folder, redis)
            try server.finish()
        }
    }

    // MARK: Sessions

    @Test(arguments: stores, Setup.eachBackend)
    func whatOneRequestSetsTheNextOneReads(_ store: String, _ setup: Setup) async throws {
        try await withStore(store, setup) { server, _, _ in
            let browser = try Browser(server)
            try browser.get("/look")
            #expect(browser.cookie == nil)
            try browser.get("/set?user=ann")
            #expect(browser.cookie?.hasSuffix("; Max-Age=1440; Path=/; HttpOnly; SameSite=Lax") == true)
            try browser.get("/count?visits")
            try browser.get("/count?visits")
            #expect(try Browser(server, id: browser.id).get("/look") == "user=ann visits=2")
            #expect(try Browser(server).get("/look") == "")
            #expect(try browser.get("/none") == "none")
            #expect(browser.cookie == nil)
            #expect(try browser.get("/pull?user") == "ann")
            #expect(try browser.get("/pull?user") == "nothing")
            try browser.get("/remove?visits")
            #expect(browser.cookie?.contains("Max-Age=0") == true)
            #expect(browser.id == nil)
        }
    }

    @Test(arguments: stores)
    func idsAreNotTakenFromClients(_ store: String) async throws {
        try await withStore(store) { server, folder, _ in
            for id in [Self.planted, "../../../../../../tmp/x", String(repeating: "x", count: 250), "\"\"", "short"] {
                let browser = try Browser(server, id: id)
                #expect(try browser.get("/look") == "")
                #expect(browser.cookie == nil)
                try browser.get("/set?user=ann")
                #expect(browser.id != id && browser.id?.utf8.count == 32)
            }
            #expect(try Browser(server, id: Self.planted).get("/look") == "")
            if store == "file" { #expect(folder.names.count == 5) }
        }
    }

    @Test(arguments: stores)
    func loggingInAndOutChangesTheID(_ store: String) async throws {
        try await withStore(store) { server, folder, _ in
            let browser = try Browser(server)
            try browser.get("/set?cart=full")
            let first = browser.id
            #expect(try browser.get("/regenerate") == "cart=full")
            let second = browser.id
            #expect(second != first)
            #expect(try Browser(server, id: first).get("/look") == "")
            #expect(try browser.get("/look") == "cart=full")
            try browser.get("/regenerate?keep")
            #expect(browser.id != second)
            #expect(try Browser(server, id: second).get("/look") == "cart=full")
            #expect(try browser.get("/destroy") == "")
            #expect(browser.id == nil)
            if store == "file" { #expect(folder.names == ["session_" + second!]) }
        }
    }

    @Test(arguments: stores)
    func parallelRequestsDoNotBringSessionsBack(_ store: String) async throws {
        try await withStore(store) { server, _, _ in
            let browser = try Browser(server)
            try browser.get("/set?a=1")
            let slow = try Browser(server, id: browser.id)
            try slow.begin("/set-late?late=1")
            try server.event("waiting")
            try browser.get("/set?b=2")
            try Browser(server).get("/go-on")
            // The last one to be answered wins.
            #expect(try slow.finish() == "a=1 late=1")
            #expect(try browser.get("/look") == "a=1 late=1")
            try slow.begin("/set-late?late=2")
            try server.event("waiting")
            let id = browser.id
            try browser.get("/destroy")
            try Browser(server).get("/go-on")
            try slow.finish()
            #expect(slow.cookie == nil)
            #expect(try Browser(server, id: id).get("/look") == "")
        }
    }

    @Test func refusalsAreSavedAndFailuresAreNot() async throws {
        try await withStore("memory") { server, _, _ in
            let failing = try Browser(server)
            try failing.get("/fail?a", status: 500)
            #expect(failing.id == nil)
            let browser = try Browser(server)
            try browser.get("/refuse?a", status: 403)
            let id = try #require(browser.id)
            try Browser(server, id: id).get("/fail?a", status: 500)
            #expect(try browser.get("/look") == "a=refused")
        }
    }

    @Test(arguments: stores)
    func useExtendsTheLifetime(_ store: String) async throws {
        try await withStore(store, Setup(backend: "libevent", transport: .ipv4), ["--extend", "1"]) {
            server, folder, redis in
            let browser = try Browser(server)
            try browser.get("/set?a=1")
            let id = try #require(browser.id)
            switch store {
            case "file": folder.setEnd("session_" + id, in: 10)
            case "redis": #expect(try redis!.ask("EXPIRE session:\(id) 10") == ":1")
            default: break
            }
            #expect(try browser.get("/look") == "a=1")
            #expect(browser.cookie?.contains("Max-Age=1440") == true)
            switch store {
            case "file": #expect(folder.secondsLeft("session_" + id) > 1400)
            case "redis": #expect(Int(try redis!.ask("TTL session:\(id)").dropFirst())! > 1400)
            default: break
            }
        }
    }

    @Test func aStoreThatFailsFailsTheRequest() async throws {
        try await withStore("redis") { server, _, redis in
            let browser = try Browser(server)
            try browser.get("/set?a=1")
            redis!.signal(SIGSTOP)
            try browser.begin("/look")
            #expect(try Browser(server).get("/none") == "none")
            try redis!.kill()
            try browser.finish(status: 500)
            try redis!.restart()
            // Its memory is empty now, and the connection of the request that failed has closed.
            #expect(try Browser(server, id: browser.id).get("/set?b=2") == "b=2")
        }
    }

    /// A request that cannot save what it has set fails, and what was there before stays.
    @Test func aFullDiskKeepsWhatWasSaved() async throws {
        try await TestThreads.light.run {
            guard let disk = try SmallDisk(bytes: 64 * 1024) else { return }
            let server = try ScenarioServer(
                "sessions", Setup(backend: "epoll", transport: .ipv4),
                ["--store", "file", "--folder", disk.file("sessions")])
            let browser = try Browser(server)
            try browser.get("/set?a=1")
            let id = browser.id
            try disk.fill()
            for _ in 0..<3 {
                try Browser(server, id: id).get("/set?a=\(String(repeating: "2", count: 5000))", status: 500)
            }
            try Browser(server).get("/set?b=1", status: 500)
            #expect(try Browser(server, id: id).get("/look") == "a=1")
            disk.makeRoom()
            let both = try Browser(server, id: id).get("/set?b=2")
            #expect(both.contains("a=1") && both.contains("b=2"), "\(both)")
            try server.finish()
        }
    }

    // MARK: Stores

    @Test(arguments: stores)
    func storesKeepEntries(_ store: String) async throws {
        try await withStore(store) { server, _, _ in
            let client = try server.connect()
            let use = { (words: String) in
                try client.get("/store?" + words.split(separator: " ").map { "x=\($0)" }.joined(separator: "&")).text
            }
            let (a, b) = (String(repeating: "a", count: 32), String(repeating: "b", count: 32))
            #expect(try use("read \(a)") == "nothing")
            #expect(try use("replace \(a) old 100") == "false")
            #expect(try use("touch \(a) 100") == "false")
            #expect(try use("read \(a)") == "nothing")
            #expect(try use("write \(a) one 100") == "true")
            #expect(try use("read \(a)") == "one")
            #expect(try use("replace \(a) longer 100") == "true")
            #expect(try use("read \(a)") == "longer")
            #expect(try use("touch \(a) 1000") == "true")
            #expect(try use("read \(a)") == "longer")
            #expect(try use("write \(b) other 100") == "true")
            #expect(try use("remove \(a)") == "done")
            #expect(try use("remove \(a)") == "done")
            #expect(try use("read \(a)") == "nothing")
            #expect(try use("read \(b)") == "other")
            let large = String(repeating: "x", count: 9000)
            #expect(try use("write \(a) \(large) 100") == "true")
            #expect(try use("read \(a)") == large)
        }
    }

    @Test(arguments: ["file", "redis"])
    func entriesEnd(_ store: String) async throws {
        try await withStore(store) { server, folder, redis in
            let browser = try Browser(server)
            try browser.get("/set?a=1")
            let id = try #require(browser.id)
            if let redis {
                #expect((1400...1440).contains(Int(try redis.ask("TTL session:\(id)").dropFirst())!))
                #expect(try redis.ask("PEXPIRE session:\(id) 0") == ":1")
            } else {
                #expect((1400...1440).contains(folder.secondsLeft("session_" + id)))
                folder.setEnd("session_" + id, in: -1)
            }
            #expect(try browser.get("/look") == "")
            #expect(browser.cookie == nil)
        }
    }

    @Test func filesAreTheUsersAlone() async throws {
        try await withStore("file") { server, folder, _ in
            let browser = try Browser(server)
            try browser.get("/set?a=1")
            let name = "session_" + browser.id!
            #expect(folder.names == [name])
            #expect(folder.mode(name) == 0o600)
            #expect(folder.mode("") == 0o700)
            #expect(folder.text(name) == #"{"a":"1"}"#)
        }
    }

    @Test func whatHasEndedIsSweptAway() async throws {
        try await withStore("file") { server, folder, _ in
            let browser = try Browser(server)
            try browser.get("/set?a=1")
            let id = browser.id!
            for name in ["session_old", ".session_abcdef", ".session_ghijkl", "other"] { try folder.make(name) }
            folder.setEnd("session_old", in: -1)
            folder.setEnd("other", in: -100_000)
            folder.setEnd(".session_abcdef", in: -4000)
            #expect(try server.connect().get("/store?x=sweep").text == "done")
            #expect(folder.names == [".session_ghijkl", "other", "session_" + id])
        }
    }

    /// A folder that nothing can be written to, and an entry that is no file.
    @Test func aFolderThatIsNoneFailsTheRequest() async throws {
        try await withStore("file") { server, folder, _ in
            try writeText("", to: folder.path)
            try Browser(server).get("/set?a=1", status: 500)
            #expect(try Browser(server).get("/look") == "")
        }
    }
}

/// The folder of a file store, which the store makes.
private final class SessionFolder: Sendable {
    private let outer: TemporaryFolder
    let path: String

    init() throws {
        outer = try TemporaryFolder()
        path = outer.file("deep/sessions")
        mkdir(outer.file("deep"), 0o755)
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        unlink(path)
        rmdir(path)
        rmdir(outer.file("deep"))
    }

    /// What is in it, sorted.
    var names: [String] { outer.names(in: path).sorted() }

    func text(_ name: String) -> String { readText("\(path)/\(name)") ?? "" }

    func make(_ name: String) throws { try writeText("{}", to: "\(path)/\(name)") }

    func mode(_ name: String) -> UInt32 { facts(name).st_mode & 0o777 }

    func secondsLeft(_ name: String) -> Int { facts(name).st_mtim.tv_sec - time(nil) }

    func setEnd(_ name: String, in seconds: Int) {
        let end = timespec(tv_sec: time(nil) + seconds, tv_nsec: 0)
        utimensat(AT_FDCWD, "\(path)/\(name)", [end, end], 0)
    }

    private func facts(_ name: String) -> stat {
        var facts = stat()
        stat("\(path)/\(name)", &facts)
        return facts
    }
}
