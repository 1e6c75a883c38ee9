import Foundation
import TestSupport
import Testing

/// What the control socket answers: spec 01 §13 and §14, 08 §1.
@Suite struct StatusTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    @Test(arguments: backends)
    func statusHasItsLayout(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend)
            let (master, _) = try service.start()
            let worker = try #require(master.children.first)
            worker.kill()
            #expect(eventually { service.log.contains("exit with status 9") && master.children.count == 2 })
            let lines = try service.run("status").output.split(separator: "\n").map(String.init)
            let rule = { (title: String, right: Int) in
                String(repeating: "-", count: 51) + title + String(repeating: "-", count: right)
            }
            #expect(lines[0] == "Start worker in DEBUG mode.")
            #expect(lines[1] == rule("GLOBAL STATUS", 57))
            #expect(lines[2].hasPrefix("Apus/0.1.0              Swift/6."))
            #expect(lines[3].contains("   run 0 days 0 hours   load average: "))
            #expect(lines[4] == "1 workers    2 processes")
            #expect(lines[5] == "name            event-loop     exit_status     exit_count")
            let loop = backend.padding(toLength: 14, withPad: " ", startingAt: 0)
            #expect(lines[6] == "conformance     \(loop) 9               1               ")
            #expect(lines[7] == rule("PROCESS STATUS", 56))
            let columns = "connections send_fail timers  total_request  qps    status"
            #expect(lines[8].hasPrefix("pid\tmemory  listening") && lines[8].hasSuffix(" name        \(columns)"))
            for line in lines[9...10] { #expect(line.hasSuffix("[idle]")) }
            #expect(lines[9] < lines[10])
            #expect(lines[11] == rule("PROCESS STATUS", 56))
            #expect(lines[12].hasPrefix("Summary\t") && lines[12].hasSuffix("0      [Summary] "))
            let widths = lines[8...9].map { $0.split(separator: "\t")[1].count }
            #expect(widths[0] - widths[1] == 1)  // So it is specified.
        }
    }

    @Test(arguments: backends)
    func statusAsJSON(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend)
            let (master, endpoint) = try service.start()
            let blocked = try Client(endpoint)
            try blocked.send("GET /block?30 HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try master.line("the block") { $0 == "event blocking" }
            let busy = try waitFor("a busy process") { () -> [String: Any]? in
                let status = try object(try service.run("status", "--json").output)
                #expect(status["master_pid"] as? Int == Int(master.pid))
                #expect(status["event_loop"] as? String == backend)
                let processes = try #require(status["processes"] as? [[String: Any]])
                #expect(Set(processes.compactMap { $0["pid"] as? Int }) == Set(master.children.map { Int($0.pid) }))
                return processes.first { $0["state"] as? String == "busy" }
            }
            #expect(busy["doing"] as? String == "onMessage")
            #expect(busy["busy_seconds"] as? Double ?? 0 > 0.1)
            #expect(busy["total_request"] as? Int == 1)
        }
    }

    @Test(arguments: backends)
    func connectionsAreShownWithEveryColumn(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 1)
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            let client = try Client(endpoint)
            #expect(try client.get("/").status == 200)
            try client.send("GET / HT")
            let text = try waitFor("the bytes of half a request") { () -> String? in
                let text = try service.run("connections").output
                return text.contains(" 8B ") ? text : nil
            }
            let lines = text.split(separator: "\n").map(String.init)
            #expect(lines[0].hasPrefix(String(repeating: "-", count: 69) + " APUS CONNECTION STATUS "))
            let titles = lines[1].split(separator: " ")
            #expect(titles.prefix(5) == ["PID", "Worker", "CID", "Trans", "Protocol"])
            let cells = lines[2].split(separator: " ").map(String.init)
            #expect(cells.prefix(8) == ["\(worker.pid)", "conformance", "1", "tcp", "http", "1", "0", "8B"])
            #expect(cells[8] == "0B" && cells[11] == "ESTABLISHED")
            guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
            #expect(cells[12] == "127.0.0.1:\(port)" && cells[13].hasPrefix("127.0.0.1:"))
            for (title, cell) in [("Worker", "conformance"), ("Recv-Q", "8B"), ("Status", "ESTABLISHED")] {
                #expect(lines[1].range(of: title)?.lowerBound == lines[2].range(of: cell)?.lowerBound, "\(title)")
            }

            let json = try object(try service.run("connections", "--json").output)
            let rows = try #require(json["connections"] as? [[String: Any]])
            #expect(rows.count == 1)
            #expect(rows[0]["state"] as? String == "established" && rows[0]["receive_queue"] as? Int == 8)
        }
    }

    /// Those to other servers are counted and shown, too, and leave with the process.
    @Test(arguments: backends)
    func outgoingConnectionsAreShown(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let upstream = try Acceptor("ipv4", in: folder)
            let service = try Service(
                "ConformanceServer", "proxy", backend, ["--listen", "127.0.0.1:0", "--to", "\(upstream.endpoint)"])
            let (_, endpoint) = try service.start()
            let client = try Client(endpoint)
            try client.send("x")
            let server = try upstream.accept()
            #expect(try server.read(1) == [0x78])
            let json = try object(try service.run("connections", "--json").output)
            let rows = try #require(json["connections"] as? [[String: Any]])
            #expect(rows.compactMap { $0["direction"] as? String }.sorted() == ["in", "out"])
            #expect(rows.allSatisfy { $0["protocol"] as? String == "pipe" })
            let out = try #require(rows.first { $0["direction"] as? String == "out" })
            #expect(out["remote_address"] as? String == "\(upstream.endpoint)")
            let status = try object(try service.run("status", "--json").output)
            let workers = try #require(status["processes"] as? [[String: Any]])
            #expect(workers.compactMap { $0["connections"] as? Int }.max() == 2)
            #expect(try service.run("stop").status == .code(0))
            #expect(try server.readToEnd().bytes.isEmpty)
        }
    }

    /// A worker that cannot answer is shown as busy, within a second; the others' connections are all there.
    @Test(arguments: backends)
    func connectionsDoNotWaitForABusyWorker(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend)
            let (master, endpoint, pids, clients) = try startedWithClients(service)
            try clients[0]!.send("GET /block?30 HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try master.line("the block") { $0 == "event blocking" }
            let start = Deadline.now
            let outcome = try service.run("connections")
            // The handler blocks for 30 s.
            #expect(Double(Deadline.now - start) / 1e9 < 20)
            let busy = outcome.output.split(separator: "\n").filter { $0.contains("[busy]") }
            #expect(busy.count == 1 && busy[0].hasPrefix("\(pids[0]!)") && busy[0].contains("onMessage"))
            #expect(outcome.output.contains("\n\(pids[1]!)"))
            let json = try object(try service.run("connections", "--json").output)
            let states = (json["connections"] as? [[String: Any]] ?? []).compactMap { $0["state"] as? String }
            #expect(states.contains("busy") && states.contains("established"))
            _ = endpoint
        }
    }

    @Test(arguments: backends)
    func thousandsOfConnectionsAreShown(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let service = try Service.conformance(backend, count: 1)
            let (_, endpoint) = try service.start()
            let clients = try (0..<3000).map { _ in try Client(endpoint) }
            for client in clients { try client.send("GET / HTTP/1.1\r\n") }
            let rows = try waitFor("3000 rows") { () -> Int? in
                let rows = try service.run("connections").output.split(separator: "\n").count {
                    $0.contains("ESTABLISHED")
                }
                return rows == 3000 ? rows : nil
            }
            #expect(rows == 3000)
        }
    }

    /// Only the owner of the service may ask.
    @Test func theControlSocketIsPrivate() async throws {
        try await TestThreads.light.run {
            let service = try Service.example("epoll")
            _ = try service.start()
            var info = stat()
            #expect(stat(service.folder.file("pid.control"), &info) == 0)
            #expect(info.st_mode & 0o777 == 0o600)
            guard getuid() == 0 else { return }
            chmod(service.folder.path, 0o755)
            let stranger = ServerProcess.Launch(under: ["setpriv", "--reuid=65534", "--clear-groups"])
            let folder = try TemporaryFolder()
            chmod(folder.path, 0o777)
            let ask = try ServerProcess("Examples", service.commandLine("status"), in: folder, stranger)
            #expect(try ask.waitForExit() == .code(1))
            #expect(ask.errorText.contains("is run by root"), "\(ask.errorText)")
            let stop = try ServerProcess("Examples", service.commandLine("stop"), in: folder, stranger)
            #expect(try stop.waitForExit() == .code(2))
            #expect(stop.errorText.contains("Operation not permitted; it runs as root"), "\(stop.errorText)")
        }
    }

    /// The counters are those of all processes, whichever answers, and do not go back when one is killed.
    @Test(arguments: backends)
    func metricsAreSummedOverAllProcesses(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.conformance(backend, count: 3, ["--metrics", "127.0.0.1:0"])
            let (master, endpoint) = try service.start()
            let port = try #require(
                service.log.firstMatch(of: /metrics at http:\/\/127\.0\.0\.1:(\d+)\/metrics/).flatMap { UInt16($0.1) })
            func value(_ name: String) throws -> Int {
                let text = try Client(.ipv4(port: port)).get("/metrics").text
                let line = text.split(separator: "\n").first { $0.hasPrefix("\(name){worker=\"conformance\"} ") }
                return try #require(line?.split(separator: " ").last.flatMap { Int($0) }, "\(text)")
            }
            #expect(try value("apus_processes") == 3)
            let before = try value("apus_requests_total")
            for _ in 0..<30 { #expect(try Client(endpoint).get("/").status == 200) }
            // The requests for the counters are messages as well.
            let after = try value("apus_requests_total")
            #expect(after >= before + 30 && after < before + 40)
            for child in master.children { child.kill() }
            #expect(
                eventually { service.log.ranges(of: "exit with status 9").count == 3 && master.children.count == 3 })
            #expect(
                try waitFor("three processes") {
                    try value("apus_processes") == 3 ? try value("apus_requests_total") : nil
                } >= after)
            #expect(try Client(.ipv4(port: port)).get("/else").status == 404)
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("reloaded") })
            #expect(try value("apus_requests_total") >= after)
            #expect(try master.stop() == .code(0))
        }
    }
}
