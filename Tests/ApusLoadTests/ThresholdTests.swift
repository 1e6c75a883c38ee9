import TestSupport
import Testing

@testable import ApusLoad

/// Conditions of `--fail-if`.
@Suite struct `Thresholds` {
    /// 990 answers from 1 to 990 µs, 8 of them unsuccessful, 10 errors, in a second.
    private func report(_ conditions: [String]) throws -> LoadReport {
        var result = LoadResult()
        result.requests = 990
        for microseconds in 1...990 { result.latencies.record(nanoseconds: Int64(microseconds) * 1000, count: 1) }
        result.statuses.add(982, statusClass: 2)
        result.statuses.add(8, statusClass: 5)
        result.errors.add(.read, .unspecific, count: 10)
        result.elapsed = 1_000_000_000
        var options = LoadOptions(url: "http://127.0.0.1/")
        options.thresholds = try conditions.map { try LoadThreshold($0) }
        return LoadReport(options, result)
    }

    @Test(arguments: [
        ("p50>496us", false), ("p50>0.4ms", true), ("p99 >= 2ms", false), ("p99.9<2ms", true), ("max>989us", true),
        ("max>1ms", false), ("min<2us", true), ("mean>490us", true), ("mean>500us", false), ("rate<1k", true),
        ("rate<990", false), ("rate<=990", true), ("errors>1%", false), ("errors>=1%", true), ("errors>0", true),
        ("errors>10", false), ("unsuccessful>0.7%", true), ("unsuccessful>8", false), ("unfinished>0", false),
        ("requests<1000", true), ("requests<99%", false), ("p100>1s", false),
    ])
    func `are crossed or not`(_ condition: String, _ isCrossed: Bool) throws {
        let report = try report([condition])
        #expect(report.crossedThresholds.isEmpty != isCrossed, "\(report.text)")
        // Errors alone are none of a run that says what it must not do.
        #expect(report.isSuccess != isCrossed)
        #expect(
            report.text.contains(
                "Fail if      " + condition.filter { $0 != " " } + (isCrossed ? ": FAILED, " : ": ok, ")))
    }

    @Test(arguments: [
        "", "p99", "p99>", ">20ms", "p99>20", "p101>1ms", "p>1ms", "p99=20ms", "latency>1ms", "errors>x", "errors>1ms",
        "rate<0", "rate<10%", "p99>20ms>1", "p99>>20ms", "errors>%",
    ])
    func `that say nothing are refused`(_ condition: String) {
        #expect(throws: LoadOptionsError.self) { try LoadThreshold(condition) }
    }

    @Test func `decide how the command ends`() throws {
        try withExampleServer { server in
            let fine = try apusLoad("-n", "100", "--fail-if", "errors>0", "--fail-if", "p50>10s", server.url)
            #expect(fine.status == 0, "\(fine.errors)")
            let slow = try apusLoad("-n", "100", "--fail-if", "errors>0", "--fail-if", "p50>1us", "--json", server.url)
            #expect(slow.status == 2, "\(slow.errors)")
            let thresholds = try #require(try jsonObject(slow.output)["thresholds"] as? [[String: Any]])
            #expect(thresholds.map { $0["fail_if"] as? String } == ["errors>0", "p50>1us"])
            #expect(thresholds.map { $0["failed"] as? Bool } == [false, true])
            let wrong = try apusLoad("-n", "100", "--fail-if", "p50>", server.url)
            #expect(wrong.status == 64)
            #expect(wrong.errors.contains("--fail-if"))
        }
    }

    /// Errors that the thresholds allow.
    @Test func `allow some errors`() throws {
        let server = ScriptedServer { peer in
            guard peer.readRequest(), peer.send(ScriptedServer.hello), peer.readRequest() else { return }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHe")
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.connections = 2
        options.requests = 100
        #expect(try !LoadRun.run(options).isSuccess)
        options.thresholds = [try LoadThreshold("errors>60%")]
        let report = try LoadRun.run(options)
        #expect((48...52).contains(report.errorCount))
        #expect(report.requests + report.errorCount == 100)
        #expect(report.isSuccess, "\(report.text)")
    }
}
