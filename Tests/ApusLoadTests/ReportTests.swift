import ApusLoad
import Foundation
import Testing

@Suite struct `Load report` {
    private func report(_ change: (inout LoadOptions, inout LoadResult) -> Void = { _, _ in }) -> LoadReport {
        var options = LoadOptions(url: "http://127.0.0.1:8080/\"quoted\"")
        var result = LoadResult()
        result.requests = 1000
        result.bytesReceived = 115_000
        result.elapsed = 2_000_000_000
        result.cpuTime = 1_000_000_000
        for i in 1...1000 { result.latencies.record(nanoseconds: Int64(i) * 1000, count: 1) }
        result.statuses.add(990, statusClass: 2)
        result.statuses.add(10, statusClass: 5)
        change(&options, &result)
        return LoadReport(options, result)
    }

    private func object(_ report: LoadReport) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
    }

    @Test func `is a JSON object with the documented keys`() throws {
        let object = try object(report())
        #expect(
            Set(object.keys) == [
                "tool", "url", "protocol", "method", "connections", "processes", "pipeline", "keep_alive",
                "duration_seconds",
                "requests", "requests_per_second", "bytes_received", "bytes_sent", "bytes_per_second", "latency_us",
                "status", "errors", "error_causes", "connections_opened", "reconnects", "unfinished", "interrupted",
                "client_cpu_seconds", "client_cpu_percent", "client_memory_bytes", "timeline",
            ])
        #expect(object["tool"] as? String == "apus load")
        #expect(object["requests"] as? Int == 1000)
        #expect(object["requests_per_second"] as? Double == 500)
        #expect(object["bytes_per_second"] as? Double == 57500)
        #expect(object["duration_seconds"] as? Double == 2)
        #expect(object["client_cpu_percent"] as? Double == 50)
        #expect(object["keep_alive"] as? Bool == true)
        #expect(object["url"] as? String == "http://127.0.0.1:8080/\"quoted\"")
        #expect(object["status"] as? [String: Int] == ["1xx": 0, "2xx": 990, "3xx": 0, "4xx": 0, "5xx": 10])
    }

    @Test func `has latencies to three digits`() throws {
        let latency = try #require(try object(report())["latency_us"] as? [String: Double])
        #expect(
            Set(latency.keys) == ["min", "mean", "stdev", "max", "p50", "p75", "p90", "p99", "p999", "p9999", "p99999"])
        #expect(latency["min"] == 1)
        #expect(latency["max"] == 1000)
        for (key, value) in [
            "mean": 500.5, "stdev": 288.7, "p50": 500, "p75": 750, "p90": 900, "p99": 990, "p999": 999,
        ] {
            #expect(abs(try #require(latency[key]) / value - 1) < 0.002, "\(key)")
        }
    }

    @Test func `names errors by kind and cause`() throws {
        let report = report { _, result in
            result.errors.add(.connect, ErrorCause(code: ECONNREFUSED), count: 3)
            result.errors.add(.malformed, ErrorCause(.response(.chunk)), count: 2)
            result.errors.add(.malformed, ErrorCause(.response(.statusLine)))
            result.errors.add(.timeout, .unspecific)
        }
        let object = try object(report)
        #expect(
            object["errors"] as? [String: Int] == [
                "total": 7, "connect": 3, "tls": 0, "read": 0, "write": 0, "timeout": 1, "closed_early": 0,
                "malformed": 3, "unexpected": 0,
            ])
        #expect(
            object["error_causes"] as? [String: String] == [
                "connect": "Connection refused", "malformed": "invalid chunk",
            ])
        #expect(!report.isSuccess)
        #expect(report.text.contains("connect 3   first: Connection refused"))
        #expect(report.text.contains("timeout 1\n"))
    }

    @Test func `what a server has said does not steer the terminal`() {
        let report = report { _, result in
            var cause = ErrorCause.unspecific
            cause.detail = "a\u{1B}[2Jb\r\nc"
            result.errors.add(.tls, cause)
        }
        #expect(report.text.contains("tls 1   first: a[2Jbc\n"))
        #expect(!report.text.contains("\u{1B}"))
    }

    @Test func `says in words what matters`() {
        let text = report().text
        for line in [
            "Requests     1,000   500 per second", "GET http://127.0.0.1:8080/", "2xx 990   5xx 10",
            "10 responses were neither 2xx nor 3xx", "Errors       none", "Duration     2.00 s",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        #expect(!text.contains("bottleneck"))
    }

    @Test func `warns when the load generator was the bottleneck`() {
        let busy = report { _, result in result.cpuTime = result.elapsed }
        #expect(busy.wasClientBottleneck)
        #expect(busy.text.contains("it was the bottleneck"))
        let twoHalves = report { _, result in
            result.cpuTime = result.elapsed / 2
            result.add(result)
        }
        #expect(twoHalves.processes == 2)
        #expect(!twoHalves.wasClientBottleneck)
    }

    /// The mean of a busy process and of three that wait says nothing.
    @Test func `warns when one process of several was the bottleneck`() {
        let report = report { _, result in
            let idle = result
            result.cpuTime = result.elapsed
            for _ in 0..<3 { result.add(idle) }
        }
        #expect(report.processes == 4)
        #expect(report.wasClientBottleneck)
        #expect(report.clientCPUPercent == 100)
    }

    /// A million requests that have waited for an hour, and so on.
    @Test func `counts latencies whose sum fits into no number`() throws {
        let report = report { _, result in
            result.latencies = LatencyHistogram()
            result.latencies.record(nanoseconds: 3_600_000_000_000, count: 9_000_000)
            result.latencies.record(nanoseconds: 1000, count: 1_000_000)
        }
        #expect(report.latency.max == 3_600_000_000)
        #expect(abs(report.latency.mean / 3_240_000_000 - 1) < 0.002)
        #expect(report.latencies.microseconds(atPercentile: 10) == 1)
        #expect(try object(report)["requests"] as? Int == 1000)
    }

    @Test func `warns when one process of several was late`() {
        let report = report { options, result in
            options.rate = 500
            var late = LoadResult()
            for _ in 0..<10 { late.lags.record(nanoseconds: 2_000_000, count: 1) }
            result.lags.record(nanoseconds: 1000, count: 10_000)
            result.add(late)
        }
        #expect(report.lags.microseconds(atPercentile: 99) < 2)
        #expect(report.wasLate)
        #expect(report.text.contains("One request of a hundred of a process left 2.00 ms or more after it was due"))
    }

    @Test func `warns when the load generator or the server was late`() throws {
        let late = report { options, result in
            options.rate = 500
            for _ in 0..<1000 { result.lags.record(nanoseconds: 2_000_000, count: 1) }
        }
        #expect(late.wasLate)
        #expect(late.text.contains("One request of a hundred left 2.00 ms or more after it was due"))
        #expect(!late.fellBehind)
        let behind = report { options, result in
            options.rate = 1000
            result.mostWaiting = 1234
            result.unfinished = 999
        }
        #expect(!behind.wasLate)
        #expect(behind.fellBehind)
        #expect(behind.text.contains("1,234 requests were waiting"))
        #expect(behind.text.contains("Unfinished   999 requests"))
    }

    /// A line for each second, and the same sums.
    @Test func `is a table of its seconds`() throws {
        try withExampleServer { server in
            var options = LoadOptions(url: server.url)
            options.connections = 2
            options.rate = 200
            options.duration = .milliseconds(2500)
            let report = try LoadRun.run(options)
            let rows = report.csv.split(separator: "\r\n").map { $0.split(separator: ",") }
            #expect(rows.allSatisfy { $0.count == 9 })
            #expect(rows.count == 4)
            let requests = rows.dropFirst().compactMap { Int($0[2]) }
            #expect(requests.reduce(0, +) == 500)
            #expect(report.timeline.map { Int($0.start) } == [0, 1, 2])
            #expect(abs(report.timeline.reduce(0) { $0 + $1.duration } - report.duration) < 0.001)
            #expect(report.timeline.reduce(0) { $0 + $1.bytesReceived } == report.bytesReceived)
        }
    }

    /// Every line has more of the latencies than the one before; the last one has all.
    @Test func `is a distribution for plotters`() throws {
        let lines = report().hgrm.split(separator: "\n")
        #expect(lines[0].split(separator: " ") == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"])
        let rows = lines.dropFirst().filter { !$0.hasPrefix("#") }.map {
            $0.split(separator: " ").compactMap { Double($0) }
        }
        #expect(rows.count > 40)
        for (row, next) in zip(rows, rows.dropFirst()) {
            #expect(row.count == 4 && row[0] <= next[0] && row[1] <= next[1] && row[2] <= next[2])
            #expect(abs(row[3] * (1 - row[1]) - 1) < 0.01)
            // So many latencies are at most that long: they are 1 to 1000 µs, one of each.
            #expect(abs(row[0] * 1000 / row[2] - 1) < 0.002)
        }
        #expect(rows.last == [1, 1, 1000])
        #expect(lines.contains { $0.hasPrefix("#[Mean    =        0.50") })
        #expect(lines.contains { $0.hasPrefix("#[Max     =        1.000, Total count    =         1000]") })
    }

    @Test func `is a page that needs nothing else`() throws {
        try withExampleServer { server in
            let folder = FileManager.default.temporaryDirectory.appending(component: "apus-load-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let files = ["--html", "--csv", "--hgrm"].flatMap { [$0, folder.appending(component: $0).path] }
            let result = try apusLoad(["-R", "100", "-d", "2100ms"] + files + [server.url + "?<script>&\"a"])
            #expect(result.status == 0, "\(result.errors)")
            let text = { (name: String) in try String(contentsOf: folder.appending(component: name), encoding: .utf8) }
            let page = try text("--html")
            #expect(try text("--csv").hasPrefix("start,seconds,"))
            #expect(try text("--hgrm").contains("Total count    =          210"))
            for part in [
                "Requests per second", "Latency over time", "Distribution of the latencies",
                "&lt;script&gt;&amp;&quot;a",
            ] {
                #expect(page.contains(part))
            }
            #expect(page.components(separatedBy: "<svg").count == 4)
            for part in ["<script", "src=", "@import", "url(", "href=", "NaN", "inf"] {
                #expect(!page.contains(part), "\(part)")
            }
        }
    }

    @Test func `of nothing has no numbers that are none`() throws {
        let empty = LoadReport(LoadOptions(url: "http://127.0.0.1/"), LoadResult())
        #expect(try object(empty)["requests_per_second"] as? Double == 0)
        #expect(!empty.isSuccess)
        #expect(empty.text.contains("nothing was answered"))
    }
}

@Suite struct `Results of several processes` {
    private func result(_ latencies: [Int64]) -> LoadResult {
        var result = LoadResult()
        result.requests = UInt64(latencies.count)
        for latency in latencies { result.latencies.record(nanoseconds: latency, count: 1) }
        result.statuses.add(result.requests, statusClass: 2)
        result.errors.add(.read, ErrorCause(code: ECONNRESET), count: 2)
        result.elapsed = latencies.reduce(0, +)
        return result
    }

    private func summary(_ result: LoadResult) -> LatencySummary {
        LoadReport(LoadOptions(url: "http://127.0.0.1/"), result).latency
    }

    @Test(arguments: [[], [0], [7], [1_000_001, 1_000_002], [1, 999, 123_456_789, 4_000_000_000_000], [5, 5, 5]])
    func `come whole out of a pipe`(_ latencies: [Int64]) throws {
        let original = result(latencies)
        let copy = try #require(LoadResult(decoding: original.encoded))
        #expect(copy.encoded == original.encoded)
        #expect(summary(copy) == summary(original))
        #expect(copy.errors.cause(.read) == ErrorCause(code: ECONNRESET))
    }

    @Test func `are refused when they are cut off`() {
        let bytes = result([1, 2, 3]).encoded
        for count in 0..<bytes.count { #expect(LoadResult(decoding: Array(bytes[..<count])) == nil) }
    }

    @Test func `add up to what one process would have had`() {
        var sum = result([10_000, 20_000])
        sum.add(result([500, 3_000_000]))
        let one = result([10_000, 20_000, 500, 3_000_000])
        #expect(sum.requests == 4)
        #expect(sum.statuses[2] == 4)
        #expect(sum.errors.total == 4)
        #expect(sum.elapsed == 3_000_500)
        #expect(summary(sum) == summary(one))
    }
}
