import ApusLoad
import TestSupport
import Testing

@Suite(.serialized) struct `Load on a real server` {
    struct Shape: CustomTestStringConvertible, Sendable {
        let name: String
        let change: @Sendable (inout LoadOptions) -> Void
        var testDescription: String { name }
    }

    static let shapes: [Shape] = [
        Shape(name: "kept alive") { _ in },
        Shape(name: "one connection") { $0.connections = 1 },
        Shape(name: "a new connection each") { $0.keepsAlive = false },
        Shape(name: "pipelined") { $0.pipelineDepth = 16 },
        Shape(name: "pipelined deeper than a read") { $0.pipelineDepth = 1000 },
        Shape(name: "more connections than requests") { $0.connections = 2000 },
        Shape(name: "closing each by a field") { options in
            options.headers = (try? [HeaderField("Connection: close")]) ?? []
        },
    ]

    @Test(arguments: shapes)
    func `makes exactly as many requests as it was asked for`(_ shape: Shape) throws {
        try withExampleServer { server in
            var options = LoadOptions(url: server.url)
            options.connections = 13
            options.requests = 1009
            shape.change(&options)
            let report = try LoadRun.run(options)
            #expect(report.isSuccess, "\(report.text)")
            #expect(report.requests == 1009)
            #expect(report.statuses[2] == 1009)
            #expect(report.latencies.count == 1009)
            #expect(report.unfinished == 0)
            #expect(try server.requestCount() == 1009)
        }
    }

    @Test func `divides the requests among processes, and merges what they did`() throws {
        try withExampleServer { server in
            let result = try apusLoad("-n", "10007", "-c", "11", "-t", "2", "--json", server.url)
            #expect(result.status == 0, "\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 10007)
            #expect(report["processes"] as? Int == 2)
            #expect(report["connections_opened"] as? Int == 11)
            #expect((report["status"] as? [String: Int])?["2xx"] == 10007)
            let latency = try #require(report["latency_us"] as? [String: Double])
            let ordered = ["min", "p50", "p75", "p90", "p99", "p999", "p9999", "max"].compactMap { latency[$0] }
            #expect(ordered.count == 8)
            #expect(ordered == ordered.sorted())
            #expect(ordered[0] > 0)
            #expect(try server.requestCount() == 10007)
        }
    }

    @Test(arguments: ["1", "2"])
    func `reaches a Unix socket`(_ processes: String) throws {
        try withExampleServer(onUnixSocket: true) { server in
            let path = try #require(server.unixPath)
            for arguments in [[], ["--no-keepalive"]] {
                let result = try apusLoad(
                    ["-n", "501", "-c", "7", "-t", processes, "--unix", path, "--json", server.url] + arguments)
                #expect(result.status == 0, "\(result.errors)")
                #expect(try jsonObject(result.output)["requests"] as? Int == 501)
            }
            #expect(try server.requestCount() == 1002)
        }
    }

    @Test func `ends when the duration is over`() throws {
        try withExampleServer { server in
            var options = LoadOptions(url: server.url)
            options.connections = 4
            options.duration = .milliseconds(300)
            var updates = 0
            let report = try LoadRun.run(options) { _ in updates += 1 }
            #expect(report.isSuccess)
            #expect(report.duration >= 0.3)
            #expect(updates > 0)
            let count = UInt64(try server.requestCount())
            #expect(count >= report.requests && count <= report.requests + report.unfinished)
        }
    }

    @Test func `sends bodies and reads large responses, other statuses and none`() throws {
        try withExampleServer { server in
            let body = [UInt8](repeating: 0x62, count: 3_000_000)
            let cases: [(path: String, method: String?, body: [UInt8]?, statusClass: Int, least: UInt64)] = [
                ("echo", nil, body, 2, 15_000_000), ("big", nil, nil, 2, 5 * 32 * 1024 * 1024), ("", "HEAD", nil, 2, 0),
                ("nothing-here", nil, nil, 4, 0),
            ]
            for (path, method, body, statusClass, least) in cases {
                var options = LoadOptions(url: server.url + path)
                options.connections = 2
                options.requests = 5
                options.method = method
                options.body = body
                let report = try LoadRun.run(options)
                #expect(report.errorCount == 0, "\(path): \(report.text)")
                #expect(report.statuses[statusClass] == 5, "\(path)")
                #expect(report.bytesReceived >= least, "\(path)")
            }
        }
    }

    @Test func `says at once that nobody listens`() throws {
        let options = LoadOptions(url: "http://127.0.0.1:\(ScriptedServer.closedPort())/")
        let error = #expect(throws: LoadError.self) { try LoadRun.run(options) }
        #expect(error?.description.hasSuffix("Connection refused") == true)
    }

    @Test func `says that a Unix socket is not there`() throws {
        var options = LoadOptions(url: "http://localhost/")
        options.unixPath = "/nonexistent/socket"
        let error = #expect(throws: LoadError.self) { try LoadRun.run(options) }
        #expect(error?.description == "cannot connect to unix:/nonexistent/socket: No such file or directory")
    }
}
