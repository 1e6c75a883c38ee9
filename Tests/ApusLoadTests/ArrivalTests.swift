import Foundation
import Synchronization
import TestSupport
import Testing

@testable import ApusLoad

/// Loads with a rate: when requests are due, and what their latencies count from.
@Suite struct `Load with a rate` {
    // MARK: When requests are due

    @Test(arguments: LoadArrivals.allCases)
    func `may be centuries away`(_ arrivals: LoadArrivals) {
        var schedule = ArrivalSchedule(rate: 1e-300, arrivals, offset: 0.5, seed: 1)
        let century: Int64 = 100 * 365 * 86400
        for _ in 0..<3 { #expect(schedule.next() / 1_000_000_000 > century / 2) }
    }

    @Test func `the gaps of a constant rate are equal, and the shares of processes interleave`() {
        var shares = (0..<3).map { ArrivalSchedule(rate: 1000, .constant, offset: Double($0) / 3, seed: 0) }
        #expect((0..<4).map { _ in shares[0].next() } == [0, 1_000_000, 2_000_000, 3_000_000])
        #expect(shares[1].next() == 333_333)
        #expect(shares[2].next() == 666_666)
        // A sum of rounded gaps would be off by 333 µs here.
        var thirds = ArrivalSchedule(rate: 3000, .constant, seed: 0)
        for _ in 0..<999_999 { _ = thirds.next() }
        #expect(abs(thirds.next() - 333_333_000_000) < 1000)
    }

    /// Kolmogorov and Smirnov: the largest distance between the distribution of the gaps and the exponential one is
    /// less than 1.63/√n in 99 of 100 samples of a Poisson process. The seeds are given, so that this either holds or
    /// does not.
    @Test(arguments: [UInt64](1...5))
    func `the gaps of random arrivals are exponentially distributed`(_ seed: UInt64) {
        let rate = 20_000.0
        let count = 20_000
        var schedule = ArrivalSchedule(rate: rate, .poisson, seed: seed)
        var last: Int64 = 0
        let gaps = (0..<count).map { _ in
            let time = schedule.next()
            defer { last = time }
            return Double(time - last) / 1e9
        }.sorted()
        #expect(Self.distance(gaps) { 1 - exp(-rate * $0) } < 1.63 / Double(count).squareRoot())
        // The same measure must be able to tell: even gaps, and gaps of another rate.
        #expect(Self.distance(gaps) { 1 - exp(-rate * 1.05 * $0) } > 1.63 / Double(count).squareRoot())
        #expect(Self.distance(gaps) { $0 < 1 / rate ? 0 : 1 } > 0.5)
    }

    /// Arrivals of a Poisson process in equal times are independent, with a variance that is their mean.
    @Test func `random arrivals do not keep away from each other`() {
        var schedule = ArrivalSchedule(rate: 10_000, .poisson, seed: 7)
        var counts = [Double](repeating: 0, count: 10_000)
        while case let time = schedule.next(), time < 10_000_000_000 { counts[Int(time / 1_000_000)] += 1 }
        let mean = counts.reduce(0, +) / Double(counts.count)
        let variance = counts.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(counts.count)
        #expect(abs(mean - 10) < 0.2)
        #expect(abs(variance / mean - 1) < 0.1)
    }

    private static func distance(_ sorted: [Double], _ distribution: (Double) -> Double) -> Double {
        var most = 0.0
        for (index, value) in sorted.enumerated() {
            let expected = distribution(value)
            most = max(most, abs(Double(index) / Double(sorted.count) - expected))
            most = max(most, abs(Double(index + 1) / Double(sorted.count) - expected))
        }
        return most
    }

    // MARK: What latencies count from

    /// A server that answers nothing in one second of ten. Requests come evenly, so that of all of them the share
    /// (1 s − y) / 10 s waits for longer than y: 99.9 % are answered within 0.99 s. Connections that ask for the next
    /// response when they have the last one make a request each in that time, and nobody would know.
    @Test func `a stall counts for all that it kept waiting`() throws {
        let beginning = Date.now
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                let time = Date.now.timeIntervalSince(beginning).truncatingRemainder(dividingBy: 10)
                if (2..<3).contains(time) { Thread.sleep(forTimeInterval: 3 - time) }
                guard peer.send(ScriptedServer.hello) else { return }
            }
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.connections = 8
        options.rate = 500
        options.duration = .seconds(10)
        let report = try LoadRun.run(options)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 5000)
        // A busy machine makes the stall longer, never shorter.
        let slowest = report.latencies.microseconds(atPercentile: 99)
        #expect(report.latencies.microseconds(atPercentile: 99.9) > 0.95 * 990_000, "\(report.text)")
        #expect(slowest > 0.95 * 900_000, "\(report.text)")
        #expect(report.latencies.microseconds(atPercentile: 85) < slowest / 2)
        // From when they were sent: one of each connection has waited.
        #expect(report.serviceLatencies.microseconds(atPercentile: 99) < slowest / 2)
        #expect(report.mostWaiting > 450)
        // And what does not know when requests were due.
        options.rate = nil
        let closed = try LoadRun.run(options)
        #expect(closed.requests > 10_000)
        #expect(closed.latencies.microseconds(atPercentile: 99.9) < 500_000, "\(closed.text)")
        #expect(closed.serviceLatencies.count == 0)
    }

    /// A server that answers nothing in one second of ten, which has begun when the run ends. The requests that wait
    /// then count for as long as they wait. wrk leaves, and counts none of them.
    @Test func `a stall at the end of the run counts, too`() throws {
        let beginning = Mutex<Date?>(nil)
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                let first = beginning.withLock { beginning in
                    beginning = beginning ?? .now
                    return beginning!
                }
                let time = Date.now.timeIntervalSince(first).truncatingRemainder(dividingBy: 10)
                if (1.9..<2.9).contains(time) { Thread.sleep(forTimeInterval: 2.9 - time) }
                guard peer.send(ScriptedServer.hello) else { return }
            }
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.connections = 8
        options.rate = 500
        options.duration = .seconds(2)
        let report = try LoadRun.run(options)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.requests == 1000)
        // Of all requests the share (1 s − y) / 2 s waits for longer than y; on a busy machine for longer still.
        #expect(report.latencies.microseconds(atPercentile: 99.9) > 0.95 * 998_000, "\(report.text)")
        let folder = try TemporaryFolder()
        try writeText(
            "done = function(s, latency) io.write('run ', s.duration, ' ', latency:percentile(99.9), '\\n') end",
            to: folder.file("run.lua"))
        let arguments = ["-t1", "-c8", "-d2s", "-s", folder.file("run.lua"), server.url]
        var figures: [Double] = []
        // On a busy machine wrk may leave so late that the stall is over.
        repeat {
            beginning.withLock { $0 = nil }
            let wrk = try RunningProgram("/usr/bin/wrk", arguments).finish()
            let line = try #require(wrk.output.split(separator: "\n").first { $0.hasPrefix("run ") }, "\(wrk.errors)")
            figures = line.split(separator: " ").compactMap { Double($0) }
        } while figures[0] > 2_700_000
        #expect(figures[1] < 0.95 * 998_000, "wrk: p99.9 = \(figures[1]) µs")
    }

    /// Every hundredth request takes 200 ms, and no other waits for it. wrk fills in the requests that it would have
    /// sent meanwhile if all took as long as the mean, and so finds a tenth of them slow.
    @Test func `what takes long is not counted more than once`() throws {
        let requests = Mutex(0)
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                let isSlow = requests.withLock { count in
                    count += 1
                    return count % 100 == 0
                }
                if isSlow { Thread.sleep(forTimeInterval: 0.2) }
                guard peer.send(ScriptedServer.hello) else { return }
            }
        }
        defer { server.stop() }
        for rate in [nil, 500.0] {
            var options = LoadOptions(url: server.url)
            options.connections = 16
            options.rate = rate
            options.duration = .seconds(3)
            let report = try LoadRun.run(options)
            #expect(report.latencies.microseconds(atPercentile: 99.5) > 190_000, "\(report.text)")
            #expect(report.latencies.microseconds(atPercentile: 90) < 190_000, "\(report.text)")
        }
        let folder = try TemporaryFolder()
        try writeText(
            "done = function(summary, latency) io.write('p90 ', latency:percentile(90), '\\n') end",
            to: folder.file("p90.lua"))
        let arguments = ["-t1", "-c4", "-d3s", "-s", folder.file("p90.lua"), server.url]
        let wrk = try RunningProgram("/usr/bin/wrk", arguments).finish()
        let line = try #require(wrk.output.split(separator: "\n").first { $0.hasPrefix("p90 ") }, "\(wrk.errors)")
        let microseconds = try #require(Double(line.dropFirst(4)))
        #expect(microseconds > 50_000, "\(wrk.output)")
    }

    @Test func `connecting is charged to no request, unless each has a connection of its own`() throws {
        let server = ScriptedServer { peer in
            while peer.readRequest(), peer.send(ScriptedServer.hello) {}
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.connections = 20
        options.rate = 500
        options.requests = 100
        let report = try LoadRun.run(options)
        #expect(report.isSuccess, "\(report.text)")
        #expect(report.connectionsOpened == 20)
        #expect(server.connections == 20)
        #expect(report.duration >= 0.198)
        options.keepsAlive = false
        let single = try LoadRun.run(options)
        #expect(single.isSuccess, "\(single.text)")
        #expect(single.connectionsOpened == 100)
    }

    /// Idle connections that a server closes are opened again; those that it closes at once are left for a moment.
    @Test(arguments: [0, 2])
    func `a server that closes connections`(_ requestsEach: Int) throws {
        let server = ScriptedServer { peer in
            var left = requestsEach
            while left > 0, peer.readRequest(), peer.send(ScriptedServer.hello) { left -= 1 }
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.connections = 2
        options.rate = 100
        options.requests = 30
        options.timeout = .seconds(1)
        let report = try LoadRun.run(options)
        if requestsEach > 0 {
            #expect(report.isSuccess, "\(report.text)")
            #expect(report.requests == 30)
            #expect((14...20).contains(Int(report.reconnects)), "\(report.text)")
        } else {
            #expect(report.requests == 0)
            // Two connections, each again after a tenth of a second, for about a second.
            #expect(server.connections < 40)
        }
    }

    @Test func `what is due when the server dies is counted, and the run ends`() throws {
        let server = ScriptedServer { peer in
            if peer.index == 0, peer.readRequest() { peer.send(ScriptedServer.hello) }
            peer.waitForClose()
        }
        var options = LoadOptions(url: server.url)
        options.connections = 1
        options.rate = 50
        options.duration = .milliseconds(500)
        options.timeout = .milliseconds(700)
        let report = try LoadRun.run(options)
        server.stop()
        #expect(report.requests == 1)
        #expect(report.requests + report.errorCount + report.unfinished == 25, "\(report.text)")
        #expect(report.unfinished > 20)
        #expect(report.fellBehind)
        #expect(report.duration < 3)
    }

    @Test(arguments: [1, 2])
    func `a number of requests is made exactly`(_ processes: Int) throws {
        try withExampleServer { server in
            let result = try apusLoad(
                "-n", "2003", "-c", "11", "-R", "5k", "--arrivals", "poisson", "-t", "\(processes)", "--json",
                server.url)
            #expect(result.status == 0, "\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 2003)
            #expect(report["rate"] as? Double == 5000)
            #expect(report["arrivals"] as? String == "poisson")
            #expect(report["connections_opened"] as? Int == 11)
            #expect((report["service_us"] as? [String: Double])?.count == 11)
            #expect((report["lag_us"] as? [String: Double])?.count == 11)
            let timeline = try #require(report["timeline"] as? [[String: Any]])
            #expect(timeline.reduce(0) { $0 + ($1["requests"] as? Int ?? 0) } == 2003)
            #expect(try server.requestCount() == 2003)
        }
    }

    @Test func `what comes in the warm-up is not counted`() throws {
        try withExampleServer { server in
            for rate in [nil, 400.0] {
                let before = try server.requestCount()
                var options = LoadOptions(url: server.url)
                options.connections = 4
                options.rate = rate
                options.warmUp = .milliseconds(500)
                options.duration = .milliseconds(500)
                let report = try LoadRun.run(options)
                #expect(report.isSuccess, "\(report.text)")
                #expect(report.duration < 0.6)
                let served = try server.requestCount() - before
                #expect(Double(report.requests) < Double(served) * 0.8, "\(report.requests) of \(served)")
                #expect(Double(report.requests) > Double(served) * 0.2, "\(report.requests) of \(served)")
                if rate != nil { #expect(served == 400) }
            }
        }
    }

    // MARK: The parts

    @Test func `a ring gives back what it was given, however it grows`() {
        var ring = Ring<Int>()
        var (next, expected) = (0, 0)
        for step in 0..<2000 {
            for _ in 0..<(step % 7) {
                ring.append(next)
                next += 1
            }
            for _ in 0..<(step % 5) where ring.count > 0 {
                #expect(ring.popFirst() == expected)
                expected += 1
            }
        }
        #expect(ring.count == next - expected)
        while let element = ring.popFirst() {
            #expect(element == expected)
            expected += 1
        }
        #expect(expected == next)
    }

    @Test func `the intervals of processes are put together, and joined when there are many`() {
        var timeline = LoadTimeline()
        for process in 0..<2 {
            for index in 0..<1300 {
                var interval = LoadInterval(start: Double(index), duration: 1)
                interval.requests = 10
                interval.latencies = [.init(value: UInt64(1000 + process * 1000), count: 10)]
                timeline.add(interval, at: index)
            }
        }
        let intervals = timeline.intervals
        #expect(intervals.count == 325)
        #expect(intervals.allSatisfy { $0.duration == 4 && $0.requests == 80 })
        #expect(intervals[3].start == 12)
        #expect(intervals[324].microseconds(atPercentile: 50) == 1)
        #expect(intervals[324].microseconds(atPercentile: 51) == 2)
        #expect(intervals[324].requestsPerSecond == 20)
    }

    @Test(arguments: [
        ("500", 500), ("2.5k", 2500), ("1M", 1_000_000), ("0.1", 0.1), ("", nil), ("k", nil), ("0", nil), ("-1", nil),
        ("1e3", nil), ("inf", nil), ("1kk", nil),
    ])
    func `rates as people write them`(_ text: String, _ rate: Double?) { #expect(RateText.parse(text) == rate) }
}
