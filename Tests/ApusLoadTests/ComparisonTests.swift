import Foundation
import TestSupport
import Testing

import struct TestSupport.SeededGenerator

@testable import ApusLoad

@Suite struct `Statistics of comparisons` {
    /// Figures of SciPy 1.17, also with fractions of degrees of freedom.
    @Test(arguments: [
        (1, 12.706204736174694), (1.5, 6.016663104427929), (2, 4.302652729749462), (2.5, 3.5746548420036817),
        (4, 2.7764451051977934), (7.25, 2.348194849105371), (30, 2.0422724563012378), (120, 1.9799304050824402),
        (1e9, 1.96),
    ])
    func `quantiles of Student's distribution`(_ degrees: Double, _ expected: Double) {
        let quantile = StudentDistribution.quantile(confidence: 0.95, degrees: degrees)
        #expect(abs(quantile / expected - 1) < (degrees < 1e6 ? 1e-9 : 1e-4))
        // With one degree it is Cauchy's, with two it has a closed form.
        #expect(abs(StudentDistribution.outside(quantile, 1) - (1 - 2 / Double.pi * atan(quantile))) < 1e-12)
        let two = 1 - quantile / (2 + quantile * quantile).squareRoot()
        #expect(abs(StudentDistribution.outside(quantile, 2) - two) < 1e-12)
    }

    /// Three samples a factor e apart on each side: the variance of each logarithm's mean is 1/3, there are four
    /// degrees of freedom, and the interval reaches 2.776… × √(2/3) from the difference.
    @Test func `ratio of geometric means, by hand`() throws {
        let a = try #require(LogCenter(ofGeometricMean: [exp(1), exp(2), exp(3)]))
        let b = try #require(LogCenter(ofGeometricMean: [exp(4), exp(2), exp(3)]))
        let estimate = RatioEstimate(a, b)
        let reach = 2.7764451051977934 * (2.0 / 3).squareRoot()
        #expect(abs(estimate.ratio - exp(1)) < 1e-9)
        #expect(abs(log(try #require(estimate.interval).lowerBound) - (1 - reach)) < 1e-9)
        #expect(abs(log(try #require(estimate.interval).upperBound) - (1 + reach)) < 1e-9)
    }

    /// Figures of SciPy: `ttest_ind(log(b), log(a), equal_var=False)`, and the same with variances by the delta method.
    @Test func `ratios of samples of different size`() throws {
        let (a, b) = ([10.0, 11, 12, 13], [12.0, 15, 13])
        let geometric = RatioEstimate(
            try #require(LogCenter(ofGeometricMean: a)), try #require(LogCenter(ofGeometricMean: b)))
        let arithmetic = RatioEstimate(try #require(LogCenter(ofMean: a)), try #require(LogCenter(ofMean: b)))
        for (estimate, expected) in [
            (geometric, [1.1599589805019204, 0.921326002311739, 1.4604003719323997]),
            (arithmetic, [1.1594202898550725, 0.918888437335804, 1.4629147064088779]),
        ] {
            let interval = try #require(estimate.interval)
            for (value, expected) in zip([estimate.ratio, interval.lowerBound, interval.upperBound], expected) {
                #expect(abs(value / expected - 1) < 1e-9)
            }
        }
    }

    @Test func `nothing is told of what there is too little of`() throws {
        #expect(LogCenter(ofGeometricMean: []) == nil)
        #expect(LogCenter(ofGeometricMean: [1, 0]) == nil)
        #expect(LogCenter(ofMean: [0, 0]) == nil)
        let one = try #require(LogCenter(ofGeometricMean: [5]))
        let two = try #require(LogCenter(ofMean: [0, 20]))
        #expect(RatioEstimate(one, two).interval == nil)
        #expect(abs(RatioEstimate(one, two).ratio - 2) < 1e-12)
        #expect(RatioEstimate(two, two).interval != nil)
        #expect(RatioEstimate(two, two, leastSamples: 3).interval == nil)
        // Two runs that differ by a thousand on each side.
        let wide = try #require(LogCenter(ofGeometricMean: [1, 1000]))
        #expect(RatioEstimate(wide, wide).interval == nil)
        let even = try #require(LogCenter(ofGeometricMean: [5, 5]))
        let interval = try #require(RatioEstimate(even, even).interval)
        #expect(interval.contains(1) && interval.upperBound < 1.000001)
    }

    /// Table II of Newcombe's paper, method 10.
    @Test(
        arguments: [
            ((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926), ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1),
        ] as [((UInt64, UInt64), (UInt64, UInt64), Double, Double)])
    func `differences of shares`(
        _ more: (UInt64, UInt64), _ less: (UInt64, UInt64), _ low: Double, _ high: Double
    ) throws {
        let difference = try #require(ShareDifference(less, more))
        #expect(abs(difference.interval.lowerBound - low) < 0.00006)
        #expect(abs(difference.interval.upperBound - high) < 0.00006)
        let opposite = try #require(ShareDifference(more, less))
        #expect(abs(opposite.interval.upperBound + low) < 0.00006)
        #expect(ShareDifference(more, (0, 0)) == nil)
    }
}

@Suite struct `Comparison of loads` {
    private static let trials = 400
    /// What 5 % of the trials are, and three standard deviations of that.
    private static let mostFalseAlarms = 20 + 13

    /// Samples of the standard normal distribution (Box and Muller).
    private struct Normal {
        var generator: SeededGenerator

        mutating func next() -> Double {
            let radius = (-2 * log(Double.random(in: Double.ulpOfOne..<1, using: &generator))).squareRoot()
            return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &generator))
        }

        /// Varies by about the share `spread`.
        mutating func around(_ value: Double, _ spread: Double) -> Double { value * exp(spread * next()) }
    }

    private func run(_ normal: inout Normal, rate: Double = 10_000, spread: Double = 0.02) -> ComparedRun {
        var run = ComparedRun()
        run.requests = 100_000
        run.requestsPerSecond = normal.around(rate, spread)
        run.latencies = [100, 200, 300, 1000].map { normal.around($0, spread * 2) }
        run.clientCPUTime = normal.around(1, spread)
        return run
    }

    private func runWithSeconds(_ normal: inout Normal, _ count: Int, rate: Double = 10_000) -> ComparedRun {
        var run = run(&normal, rate: rate)
        run.seconds = (0..<count).map { _ in
            ComparedRun.Second(
                requestsPerSecond: rate * (1 + 0.03 * normal.next()),
                latencies: [100, 200, 1000].map { normal.around($0, 0.2) })
        }
        return run
    }

    private func figure(_ name: String, _ comparison: LoadComparison) throws -> ComparedFigure {
        try #require(comparison.figures.first { $0.name == name })
    }

    /// Each figure of its own: in 5 % of the trials at most, as far as 400 of them can tell.
    @Test(arguments: [2, 3, 5, 10])
    func `rarely finds a difference between runs of the same`(_ count: Int) {
        var normal = Normal(generator: SeededGenerator(seed: UInt64(count)))
        var alarms: [String: Int] = [:]
        for _ in 0..<Self.trials {
            let sides = (0..<2).map { _ in (0..<count).map { _ in run(&normal) } }
            let comparison = LoadComparison(sides[0], sides[1])
            #expect(comparison.samples == .runs)
            for figure in comparison.figures { alarms[figure.name, default: 0] += figure.verdict == .different ? 1 : 0 }
        }
        #expect(alarms.count == 6)
        #expect(alarms.allSatisfy { $0.value <= Self.mostFalseAlarms }, "\(alarms)")
        // What never raises one would find nothing.
        #expect(alarms.contains { $0.value > 0 })
    }

    @Test(arguments: [5, 10, 60])
    func `rarely finds a difference between seconds of the same`(_ count: Int) {
        var normal = Normal(generator: SeededGenerator(seed: UInt64(count)))
        var alarms: [String: Int] = [:]
        for _ in 0..<Self.trials {
            let comparison = LoadComparison([runWithSeconds(&normal, count)], [runWithSeconds(&normal, count)])
            #expect(comparison.samples == .seconds)
            for figure in comparison.figures where figure.interval != nil {
                alarms[figure.name, default: 0] += figure.verdict == .different ? 1 : 0
            }
        }
        #expect(Set(alarms.keys) == ["requests_per_second", "p50_us", "p90_us", "p99_us"])
        #expect(alarms.allSatisfy { $0.value <= Self.mostFalseAlarms }, "\(alarms)")
        #expect(alarms.contains { $0.value > 0 })
    }

    @Test func `finds a tenth more, and how much it is`() throws {
        var normal = Normal(generator: SeededGenerator(seed: 1))
        var (found, covered, foundInSeconds, coveredInSeconds) = (0, 0, 0, 0)
        for _ in 0..<Self.trials {
            let a = (0..<4).map { _ in run(&normal) }
            let b = (0..<4).map { _ in run(&normal, rate: 11_000) }
            let runs = try figure("requests_per_second", LoadComparison(a, b))
            found += runs.verdict == .different && runs.ratio > 1 ? 1 : 0
            covered += runs.interval?.contains(1.1) == true ? 1 : 0
            let one = LoadComparison([runWithSeconds(&normal, 10)], [runWithSeconds(&normal, 10, rate: 11_000)])
            let seconds = try figure("requests_per_second", one)
            foundInSeconds += seconds.verdict == .different && seconds.ratio > 1 ? 1 : 0
            coveredInSeconds += seconds.interval?.contains(1.1) == true ? 1 : 0
        }
        #expect(found >= 390)
        #expect(foundInSeconds >= 390)
        // In 95 of 100 trials, give or take three standard deviations.
        #expect((367...393).contains(covered), "\(covered)")
        #expect((367...393).contains(coveredInSeconds), "\(coveredInSeconds)")
    }

    @Test func `says in words what it found`() throws {
        let side = { (rates: [Double], latency: Double) in
            rates.map { rate in
                var run = ComparedRun()
                run.requests = 1000
                run.requestsPerSecond = rate
                run.latencies = Array(repeating: latency * rate, count: 4)
                return run
            }
        }
        let slower = LoadComparison(side([1000, 1010, 990], 1), side([800, 808, 792], 2))
        let rate = try figure("requests_per_second", slower)
        #expect(rate.verdict == .different)
        #expect(rate.verdictText == "b is 20.0 % slower (18.2 … 21.8 %)")
        #expect(try figure("p999_us", slower).verdictText == "b is 60.0 % longer (56.4 … 63.7 %)")
        #expect(!slower.figures.contains { $0.name == "client_cpu_us" }, "it is not known")
        let same = LoadComparison(side([1000, 1010, 990], 1), side([1000, 1010, 990], 1))
        #expect(try figure("requests_per_second", same).verdictText == "not to be told from noise (-2.2 … +2.3 %)")
        #expect(same.text.contains("Requests/s       1,000    1,000  not to be told from noise (-2.2 … +2.3 %)\n"))
        let exact = LoadComparison(side([1000, 1000], 1), side([1000.5, 1000.5], 1))
        #expect(try figure("requests_per_second", exact).verdictText == "the same to one in a thousand")
        let single = LoadComparison(side([1000, 1010], 1), side([900], 1))
        #expect(try figure("requests_per_second", single).verdictText == "b is 10.4 % slower, no interval")
        #expect(single.text.contains("2 and 1 runs, each of which counts as one:\n"))
        #expect(single.text.contains("             a single one has no interval\n"))
        #expect(single.text.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    /// A stall of one server is in the sum of its requests, however few seconds it takes.
    @Test func `seconds without a response count`() throws {
        var a = ComparedRun()
        a.seconds = Array(repeating: ComparedRun.Second(requestsPerSecond: 1000, latencies: [1, 2, 3]), count: 10)
        a.latencies = [1, 2, 3, 4]
        var b = a
        b.seconds[5] = ComparedRun.Second(requestsPerSecond: 0, latencies: [0, 0, 0])
        let comparison = LoadComparison([a], [b])
        let rate = try figure("requests_per_second", comparison)
        #expect(abs(rate.ratio - 0.9) < 1e-9)
        #expect(rate.verdict == .noise, "one second in ten proves nothing")
        #expect(abs(try figure("p99_us", comparison).ratio - 1) < 1e-9)
        a.seconds.removeLast(6)
        #expect(LoadComparison([a], [b]).text.contains("no interval with less than 5"))
        #expect(LoadComparison([a], [b]).figures.allSatisfy { $0.interval == nil })
    }

    @Test func `compares the shares of errors`() throws {
        var a = ComparedRun()
        (a.requests, a.errors) = (10_000, 0)
        var b = a
        let none = try #require(LoadComparison([a], [b]).errors)
        #expect(!none.isDifferent && none.verdictText == "none")
        b.errors = 2
        let few = try #require(LoadComparison([a], [b]).errors)
        #expect(!few.isDifferent && few.verdictText == "not to be told from chance (-0.021 … +0.073 %)")
        b.errors = 100
        (b.unsuccessful, a.unsuccessful) = (0, 500)
        let comparison = LoadComparison([a], [b])
        #expect(comparison.errors?.verdictText == "b has more, by 0.811 … 1.203 % of the requests")
        #expect(comparison.unsuccessful?.verdictText == "b has less, by 4.588 … 5.445 % of the requests")
        #expect(comparison.text.contains("Not 2xx, 3xx   5.000 %  0.000 %  b has less"))
        #expect(LoadComparison([a, a], [ComparedRun()]).errors == nil)
    }
}

@Suite(.serialized) struct `apus load --compare` {
    /// Reports of a server that takes so many milliseconds for a response.
    private func reports(
        _ folder: URL, _ name: String, milliseconds: Double, _ arguments: [String], path: String = "", count: Int
    ) throws -> String {
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                Thread.sleep(forTimeInterval: milliseconds / 1000)
                guard peer.send(ScriptedServer.hello) else { return }
            }
        }
        defer { server.stop() }
        let files = (1...count).map { folder.appending(component: "\(name)\($0).json").path }
        for file in files {
            let result = try apusLoad(["-q", "--json", file] + arguments + [server.url + path])
            #expect(result.status == 0, "\(result.errors)")
        }
        return files.joined(separator: ",")
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(component: "apus-load-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test func `tells the faster server from the slower one`() throws {
        try withFolder { folder in
            let slow = try reports(folder, "slow", milliseconds: 40, ["-n", "30", "-c", "2"], count: 3)
            let fast = try reports(
                folder, "fast", milliseconds: 4, ["-n", "60", "-c", "3"], path: "path", count: 3)
            let text = try apusLoad("--compare", slow, fast)
            #expect(text.status == 0, "\(text.errors)")
            #expect(text.errors.isEmpty)
            let rate = #/Requests/s .* b is [\d.,]+ % faster \([\d.]+ … [\d.]+ %\)/#
            #expect(text.output.contains(rate), "\(text.output)")
            #expect(text.output.contains(#/Latency 50 % .* b is [\d.]+ % shorter/#), "\(text.output)")
            #expect(text.output.contains("path: / and /path\n"))
            #expect(text.output.contains("connections: 2 and 3\n"))
            #expect(!text.output.contains("scheme:"))
            let json = try jsonObject(try apusLoad("--compare", fast, slow, "--json").output)
            #expect(json["samples"] as? String == "runs")
            #expect(json["samples_a"] as? Int == 3)
            let figures = try #require(json["figures"] as? [[String: Any]])
            let first = try #require(figures.first)
            #expect(first["name"] as? String == "requests_per_second")
            #expect(first["different"] as? Bool == true)
            #expect(try #require(first["high"] as? Double) < 1)
            #expect((json["a"] as? [String])?.joined(separator: ",") == fast)
            #expect((json["errors"] as? [String: Any])?["different"] as? Bool == false)
        }
    }

    @Test func `finds no difference between a run and itself`() throws {
        try withFolder { folder in
            let file = try reports(
                folder, "run", milliseconds: 0, ["-d", "6200ms", "-R", "100", "-c", "4"], count: 1)
            let output = folder.appending(component: "comparison.json").path
            let result = try apusLoad("--json", output, "--compare", file, file)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("6 and 6 seconds of a single run each. They are not independent"))
            #expect(!result.output.contains("b is"), "\(result.output)")
            #expect(!result.output.contains("Differing"))
            let json = try jsonObject(try String(contentsOfFile: output, encoding: .utf8))
            let figures = try #require(json["figures"] as? [[String: Any]])
            #expect(figures.compactMap { $0["ratio"] as? Double } == Array(repeating: 1, count: figures.count))
            #expect(figures.compactMap { $0["different"] as? Bool } == [false, false, false, false])
        }
    }

    @Test func `refuses what it cannot compare`() throws {
        try withFolder { folder in
            let file = try reports(folder, "run", milliseconds: 0, ["-n", "10", "-c", "2"], count: 1)
            let report = try String(contentsOfFile: file, encoding: .utf8)
            let steps = try reports(
                folder, "steps", milliseconds: 0, ["--steps", "100", "-d", "100ms", "-c", "2"], count: 1)
            let write = { (name: String, text: String) in
                let path = folder.appending(component: name).path
                try Data(text.utf8).write(to: URL(filePath: path))
                return path
            }
            let comparison = try apusLoad("--json", "--compare", file, file).output
            for (broken, reason) in [
                ("/nonexistent", "No such file or directory"), (folder.path, "Is a directory"),
                (try write("empty", ""), "is no JSON"), (try write("text", "Requests: 5"), "is no JSON"),
                (try write("half", String(report.prefix(report.count / 2))), "is no JSON"),
                (try write("list", "[1]"), "is no report of apus load"),
                (try write("tool", #"{"tool": "wrk", "requests": 5}"#), "is no report of apus load"),
                (try write("comparison", comparison), "is no report of apus load"),
                (
                    try write("cut", report.replacingOccurrences(of: "\"requests\":", with: "\"asked\":")),
                    "requests is missing"
                ),
                (
                    try write(
                        "large", report.replacingOccurrences(of: "\"requests\": 10", with: "\"requests\": 1e300")),
                    "has a number that no run can have"
                ),
                (steps, "is a report of --steps"),
            ] {
                let result = try apusLoad("--compare", file, "\(file),\(broken)")
                #expect(result.status == 64)
                #expect(result.output.isEmpty)
                #expect(result.errors.contains(reason), "\(result.errors)")
                #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
                #expect(result.errors.contains(broken))
            }
        }
    }

    @Test(arguments: [
        ["--compare"], ["--compare", "a"], ["--compare", "a", ","], ["--compare", "a", "b", "c"],
        ["http://127.0.0.1/", "--compare", "a", "b"], ["--compare", "a", "b", "--html", "page"],
        ["-R", "5k", "--compare", "a", "b"],
        ["--compare", "a", "b", "--fail-if", "rate<5"],
    ])
    func `takes two sides, and nothing that belongs to a run`(_ arguments: [String]) throws {
        let result = try apusLoad(arguments)
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains("--compare"))
    }
}
