import Foundation
import TestSupport
import Testing

import class TestSupport.PseudoTerminal
import func TestSupport.eventually

@testable import ApusLoad

/// What the second number `index` of a run was like, with a latency of each of these µs.
private func second(_ index: Int, _ latencies: [UInt64], duration: Double = 1) -> LoadInterval {
    var interval = LoadInterval(start: Double(index), duration: duration)
    interval.requests = UInt64(latencies.count)
    for latency in latencies.sorted() {
        interval.latencies.append(LatencyHistogram.Entry(value: latency * 1000, count: 1))
    }
    return interval
}

/// How far a run has come after the second number `index`.
private func progress(_ index: Int, _ interval: LoadInterval?, requests: UInt64 = 0) -> LoadProgress {
    var progress = LoadProgress()
    progress.elapsed = Int64(index + 1) * 1_000_000_000
    progress.requests = requests
    progress.connections = 64
    (progress.interval, progress.intervalIndex) = (interval, index)
    return progress
}

@Suite struct `Live view of a load` {
    private func options(_ change: (inout LoadOptions) -> Void = { _ in }) -> LoadOptions {
        var options = LoadOptions(url: "http://127.0.0.1/")
        options.duration = .seconds(30)
        change(&options)
        return options
    }

    private func lines(_ view: LiveView, width: Int = 80) -> [String] {
        view.lines(width: width).map { line in
            var end = line[...]
            while end.last == " " { end.removeLast() }
            return String(end)
        }
    }

    @Test func `tells time, rates, latencies, connections and errors`() {
        var view = LiveView(for: options())
        view.take(progress(0, second(0, [100, 100, 100, 100]), requests: 4))
        view.take(progress(1, second(1, [100, 400]), requests: 6))
        view.take(progress(2, second(2, []), requests: 6))
        view.take(progress(3, second(3, Array(repeating: 200, count: 8)), requests: 14))
        var later = progress(5, nil, requests: 1_234_567)
        later.errorTally.add(.connect, ErrorCause(code: ECONNREFUSED), count: 1200)
        later.errorTally.add(.timeout, .unspecific)
        view.take(later)
        #expect(
            lines(view) == [
                "GET http://127.0.0.1/",
                "Time         6s of 30s    ████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 20 %",
                "Requests     1,234,567   mean 205,761 per second",
                "Per second   8            ▅▃▁█",
                "Latency 50 % 200 µs       ▅▅ █",
                "        99 % 200 µs       ▃█ ▅",
                "Connections  64 open",
                "Errors       connect 1,200: Connection refused   timeout 1",
            ])
    }

    @Test func `tells what is asked for`() {
        var view = LiveView(for: options { ($0.requests, $0.rate) = (50_000, 5000) })
        var now = progress(1, nil, requests: 25_000)
        now.waiting = 1234
        view.take(now)
        let single = lines(view)
        // A third of the time is a fifteenth, and of the requests a half: these will end it.
        #expect(single[1].hasSuffix("████████████████████░░░░░░░░░░░░░░░░░░░░ 50 %"))
        #expect(single[2] == "Requests     25,000 of 50,000   mean 12,500 of 5,000 per second")
        #expect(single[6] == "Connections  64 open, 1,234 requests waiting")
        #expect(single[7] == "Errors       none")
        view = LiveView(for: options { $0.duration = .milliseconds(2500) })
        now.step = LoadProgress.Step(number: 2, count: 3, rate: 10_000)
        view.take(now)
        #expect(lines(view)[0] == "Step 2 of 3: 10,000 per second   GET http://127.0.0.1/")
        #expect(lines(view)[1].hasPrefix("Time         2s of 2.5s "))
        #expect(lines(view)[6].hasSuffix("1,234 requests waiting"))
        view = LiveView(for: options { ($0.duration, $0.requests) = (nil, 10) })
        view.take(now)
        #expect(lines(view)[1].hasPrefix("Time         2s           ██"))
    }

    /// What was before the measurement, or in another step, is not drawn.
    @Test func `begins anew with the measurement and with a step`() {
        var view = LiveView(for: options { $0.warmUp = .seconds(5) })
        var warm = progress(1, nil, requests: 77)
        warm.isWarmingUp = true
        view.take(warm)
        #expect(lines(view)[1] == "Time         2s of 5s, warming up")
        #expect(!lines(view).joined().contains("77"))
        view.take(progress(0, second(0, [100, 100])))
        #expect(lines(view)[3] == "Per second   2            █")
        var step = progress(0, second(0, [100, 100, 100]))
        step.step = LoadProgress.Step(number: 2, count: 2, rate: 3)
        view.take(step)
        #expect(lines(view)[3] == "Per second   3            █")
        view = LiveView(for: options { $0.rate = 10 })
        warm.elapsed = 0
        view.take(warm)
        #expect(lines(view)[1] == "Time         connecting")
    }

    @Test func `fits every width`() {
        var view = LiveView(for: options { $0.rate = 123_456 })
        for index in 0..<100 {
            var now = progress(index, second(index, Array(repeating: 100, count: index)), requests: 1_000_000_000)
            now.errorTally.add(.tls, ErrorCause(code: ECONNRESET), count: 1_000_000)
            view.take(now)
        }
        for width in 0...200 {
            let lines = view.lines(width: width)
            #expect(lines.count == 8)
            #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
        }
        // The newest seconds are those that fit; a minute of them at most.
        let drawn = { (width: Int) in self.lines(view, width: width)[3].dropFirst(26) }
        #expect(drawn(200).count == 60)
        #expect(drawn(80).count == 54)
        #expect(drawn(30) == "████")
    }

    /// What the server says may be part of a cause.
    @Test func `lets nobody else steer the terminal`() {
        var view = LiveView(for: options())
        var now = progress(0, nil)
        var cause = ErrorCause.unspecific
        cause.detail = "a\u{1B}[2Jb\r\nc\u{9B}d"
        now.errorTally.add(.tls, cause)
        view.take(now)
        #expect(lines(view)[7] == "Errors       tls 1: a[2Jbcd")
    }

    @Test func `waits for what all processes did in a second`() {
        var view = LiveView(
            for: options {
                $0.processes = 2
                $0.connections = 2
            })
        let rate = { self.lines(view)[3].split(separator: " ").dropFirst(2).joined(separator: " ") }
        view.take(progress(0, second(0, [100, 100, 100])))
        #expect(rate() == "")
        view.take(progress(1, second(1, [100])))
        view.take(progress(0, second(0, [200])))
        #expect(rate() == "4 █")
        #expect(lines(view)[5].contains("200 µs"))
        // The other one has ended.
        view.take(progress(2, second(2, [100])))
        #expect(rate() == "4 █")
        view.take(progress(3, second(3, [100])))
        #expect(rate() == "1 █▃")
        // And was only late.
        view.take(progress(1, second(1, [100])))
        #expect(rate() == "1 █▃")
    }

    @Test func `crosses from one process to another`() throws {
        var original = progress(7, second(7, [1, 2]), requests: 8)
        (original.isWarmingUp, original.waiting) = (true, 9)
        original.errorTally.add(.read, ErrorCause(code: ECONNRESET), count: 2)
        let copy = try #require(LoadProgress(decoding: original.encoded))
        #expect(copy.encoded == original.encoded)
        #expect(copy.errorTally.total == 2)
        #expect(copy.connections == 64 && copy.waiting == 9 && copy.intervalIndex == 7)
        #expect(copy.isWarmingUp && copy.elapsed == 8_000_000_000)
        for count in 0..<original.encoded.count {
            #expect(LoadProgress(decoding: Array(original.encoded[..<count])) == nil)
        }
    }

    @Test func `is told of the warm-up, the connections and what waits`() throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                Thread.sleep(forTimeInterval: 0.01)
                guard peer.send(ScriptedServer.hello) else { return }
            }
        }
        defer { server.stop() }
        var options = LoadOptions(url: server.url)
        options.connections = 2
        options.rate = 1000
        options.warmUp = .milliseconds(300)
        options.duration = .milliseconds(500)
        options.timeout = .milliseconds(500)
        var all: [LoadProgress] = []
        let report = try LoadRun.run(options) { all.append($0) }
        let measured = all.drop { $0.isWarmingUp }
        #expect(all.first?.isWarmingUp == true)
        #expect(!measured.isEmpty && measured.allSatisfy { !$0.isWarmingUp })
        #expect(zip(measured, measured.dropFirst()).allSatisfy { $0.elapsed <= $1.elapsed })
        #expect(measured.last?.requests == report.requests)
        #expect(all.contains { $0.connections == 2 })
        #expect(all.contains { $0.waiting > 0 }, "200 of 1000 a second can be answered")
    }
}

@Suite struct `A sparkline` {
    @Test(arguments: [
        ([], ""), ([nil], " "), ([0], "▁"), ([0, 0], "▁▁"), ([5, 5], "██"), ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([1, nil, 100], "▁ █"), ([0.001, 0.002], "▅█"),
    ])
    func `is as high as its numbers`(_ values: [Double?], _ text: String) {
        #expect(Sparkline.text(values) == text)
    }
}

@Suite struct `Lines that are redrawn in place` {
    @Test func `leave nothing behind`() {
        var region = TerminalRegion()
        var screen = Screen(columns: 10)
        screen.receive("before\r\n")
        #expect(region.erase(columns: 10) == "")
        screen.receive(region.redraw(["one", "two", "three"], columns: 10).replacing("\n", with: "\r\n"))
        #expect(screen.lines == ["before", "one", "two", "three"])
        #expect(screen.isCursorHidden)
        // As a terminal echoes Ctrl-C.
        screen.receive("^C")
        screen.receive(region.redraw(["1", "2"], columns: 10).replacing("\n", with: "\r\n"))
        #expect(screen.lines == ["before", "1", "2"])
        screen.receive(region.redraw(["eleven", "twelve", "13", "14"], columns: 10).replacing("\n", with: "\r\n"))
        #expect(screen.lines == ["before", "eleven", "twelve", "13", "14"])
        screen.receive(region.erase(columns: 10).replacing("\n", with: "\r\n") + "after")
        #expect(screen.lines == ["before", "after"])
        #expect(!screen.isCursorHidden)
        #expect(screen.unknown.isEmpty)
    }

    @Test(arguments: [3, 4, 5, 9, 10, 40])
    func `are found again in a terminal that has been resized`(_ columns: Int) {
        for isEnd in [false, true] {
            var region = TerminalRegion()
            var screen = Screen(columns: 10)
            screen.receive("before\r\n")
            let lines = ["", "123456789", "abcd", "ABCDEFGH"]
            screen.receive(region.redraw(lines, columns: 10).replacing("\n", with: "\r\n"))
            screen.resize(columns: columns)
            let update = isEnd ? region.erase(columns: columns) : region.redraw(["x", "y"], columns: columns)
            screen.receive(update.replacing("\n", with: "\r\n"))
            screen.resize(columns: 10)
            #expect(screen.lines == (isEnd ? ["before"] : ["before", "x", "y"]))
        }
    }
}

@Suite(.serialized) struct `Progress of apus load` {
    private let patience = 60.0

    @Test func `is a line a second, of long runs every ten`() {
        var options = LoadOptions(url: "http://127.0.0.1/")
        var log = ProgressLog(for: options)
        #expect(log.take(progress(0, nil)) == nil)
        #expect(
            log.take(progress(0, second(0, Array(repeating: 123, count: 99) + [1230], duration: 1.05)))
                == "1s  95 requests/s  p50 123 µs  p99 123 µs  0 errors")
        var failed = progress(1, second(1, []))
        failed.errorTally.add(.timeout, .unspecific, count: 1234)
        #expect(log.take(failed) == "2s  0 requests/s  1,234 errors")
        #expect(log.take(progress(2, second(2, [1], duration: 0.5))) == nil, "the report tells of it")
        options.duration = .seconds(90)
        log = ProgressLog(for: options)
        for index in 0..<9 { #expect(log.take(progress(index, second(index, [10]))) == nil) }
        #expect(
            log.take(progress(9, second(9, [10_000, 20, 30, 40, 50]), requests: 14))
                == "10s  1 requests/s  p50 10.0 µs  p99 10.00 ms  0 errors")
        options.duration = nil
        options.requests = 1_000_000
        options.rate = 10
        log = ProgressLog(for: options)
        let due = (0..<90).filter { log.take(progress($0, second($0, [10]))) != nil }
        #expect(due == Array(0..<59) + [59, 69, 79, 89])
        var step = progress(0, second(0, [10]))
        step.step = LoadProgress.Step(number: 2, count: 3, rate: 1)
        step.waiting = 7
        #expect(log.take(step) == "step 2 of 3  1s  1 requests/s  p50 10.0 µs  p99 10.0 µs  0 errors  7 waiting")
    }

    @Test(arguments: ["1", "2"])
    func `is told in lines where there is no terminal`(_ processes: String) throws {
        try withExampleServer { server in
            let arguments = ["-c", "2", "-t", processes, "-d", "2200ms", "--json", server.url]
            let told = try apusLoad(arguments)
            #expect(told.status == 0)
            #expect(try jsonObject(told.output)["requests"] as? Int != nil)
            let lines = told.errors.split(separator: "\n")
            #expect((1...2).contains(lines.count), "\(told.errors)")
            let form = #/\ds  [\d,]+ requests/s  p50 [\d.]+ (µ|m)?s  p99 [\d.]+ (µ|m)?s  0 errors/#
            #expect(lines.allSatisfy { $0.wholeMatch(of: form) != nil }, "\(told.errors)")
            let quiet = try apusLoad(["-q"] + arguments)
            #expect(quiet.status == 0)
            #expect(quiet.errors.isEmpty)
        }
    }

    @Test func `tells which step it is`() throws {
        try withExampleServer { server in
            let told = try apusLoad("--steps", "50,100", "-d", "1100ms", server.url)
            #expect(told.status == 0)
            #expect(told.errors.contains("step 1 of 2  1s  "), "\(told.errors)")
            #expect(told.errors.contains("step 2 of 2  1s  "))
            #expect(!told.output.contains("step 1 of"))
        }
    }

    @Test func `is redrawn on a terminal, and gone before the report`() throws {
        try withExampleServer { server in
            let terminal = try PseudoTerminal(
                "apus", ["load", "-c", "2", "-d", "600s", server.url], environment: ["TERM=xterm"])
            // The second number comes when there is a rate.
            let isDrawn = { (text: String) in text.contains(#/Per second   [\d,]+ +█/#) }
            #expect(eventually(within: patience) { isDrawn(terminal.text) }, "\(terminal.text)")
            var before = Screen(columns: 80)
            before.receive(terminal.text)
            #expect(before.isCursorHidden)
            terminal.type("\u{3}")
            #expect(try terminal.waitForExit(within: patience) == .code(0))
            var screen = Screen(columns: 80)
            screen.receive(terminal.text)
            #expect(screen.lines.first?.hasPrefix("Target       GET http://") == true, "\(screen.lines)")
            #expect(screen.lines.contains("Errors       none"))
            #expect(!screen.lines.contains { $0.contains("Per second") })
            #expect(!screen.isCursorHidden)
            #expect(screen.unknown.isEmpty)
        }
    }

    @Test func `follows a terminal that is resized`() throws {
        try withExampleServer { server in
            let terminal = try PseudoTerminal(
                "apus", ["load", "-c", "2", "-d", "600s", server.url], environment: ["TERM=xterm"])
            // Frames end with what erases below them.
            let last = { terminal.text.components(separatedBy: "\u{1B}[J").dropLast().last ?? "" }
            let widest = { last().components(separatedBy: "\u{1B}[K\r\n").map(\.count).max() ?? 0 }
            #expect(eventually(within: patience) { last().contains("Per second") && widest() > 60 })
            terminal.resize(columns: 30)
            #expect(eventually(within: patience) { last().contains("Per second") && widest() < 40 }, "\(last())")
            terminal.resize(columns: 120)
            #expect(eventually(within: patience) { widest() > 60 }, "\(last())")
            terminal.type("\u{3}")
            #expect(try terminal.waitForExit(within: patience) == .code(0))
        }
    }

    @Test(arguments: [(["TERM=dumb"], []), (["TERM=xterm"], ["-q"])])
    func `steers no terminal that cannot be steered, or must not be`(
        _ environment: [String], _ arguments: [String]
    ) throws {
        try withExampleServer { server in
            let terminal = try PseudoTerminal(
                "apus", ["load", "-c", "2", "-d", "1200ms"] + arguments + [server.url], environment: environment)
            #expect(try terminal.waitForExit(within: patience) == .code(0))
            #expect(!terminal.text.contains("\u{1B}"))
            #expect(terminal.text.contains("1s  ") == arguments.isEmpty)
            #expect(terminal.text.contains("Target "))
        }
    }

    /// A terminal that is halted with Ctrl-S halts nothing else.
    @Test func `does not hold up the load`() throws {
        try withExampleServer { server in
            let terminal = try PseudoTerminal(
                "apus", ["load", "-c", "2", "-d", "600s", server.url], environment: ["TERM=xterm"])
            #expect(eventually(within: patience) { terminal.text.contains("Per second") })
            terminal.type("\u{13}")
            let before = try server.requestCount()
            // So many that some of the picture has been drawn meanwhile.
            #expect(try eventually(within: 5 * patience) { try server.requestCount() > before + 200_000 })
            terminal.type("\u{11}\u{3}")
            #expect(try terminal.waitForExit(within: patience) == .code(0))
        }
    }
}
