import Foundation
import Testing

import struct TestSupport.SeededGenerator

@testable import ApusLoad

/// What comes from other hosts may be anything: it is refused, or harmless.
@Suite struct `Messages from other hosts` {
    private static let rounds = 1500

    /// Bytes like `original`: some changed, numbers with extreme values, cut off, or longer.
    private func mutated(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = .random(in: 0...255, using: &random)
            case 2:
                let extremes: [UInt64] = [
                    0, 1, .max, UInt64(Int64.max), 1 << 63, 1 << 53, Double.nan.bitPattern, Double.infinity.bitPattern,
                    Double.leastNonzeroMagnitude.bitPattern, (-1.0).bitPattern, 1e300.bitPattern,
                ]
                let start = place & ~7
                guard start + 8 <= bytes.count else { continue }
                let number = extremes.randomElement(using: &random) ?? 0
                bytes.replaceSubrange(start..<(start + 8), with: withUnsafeBytes(of: number.bigEndian) { Array($0) })
            case 3: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            default: bytes.append(.random(in: 0...255, using: &random))
            }
        }
        return bytes
    }

    private var result: LoadResult {
        var result = LoadResult()
        for latency in [100_000, 250_000, 3_000_000] { result.latencies.record(nanoseconds: Int64(latency), count: 5) }
        result.lags.record(nanoseconds: 1000, count: 15)
        result.requests = 15
        result.connectionsOpened = 2
        result.handshakes = 2
        result.statuses.add(15, statusClass: 2)
        result.elapsed = 1_000_000_000
        result.cpuTime = 500_000_000
        result.errors.add(.tls, ErrorCause(code: 1), count: 2)
        return result
    }

    @Test func `are read by hosts of any byte order`() {
        var message = MessageEncoder()
        message.append(UInt64(0x0102_0304_0506_0708))
        message.append([0xFF])
        #expect(message.bytes == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF])
    }

    @Test func `that are results are harmless in a report`() throws {
        var random = SeededGenerator(seed: 2)
        var options = LoadOptions(url: "https://127.0.0.1/")
        options.rate = 100
        var kept = 0
        let rounds = Self.rounds / 5
        for _ in 0..<rounds {
            guard let decoded = LoadResult(decoding: mutated(result.encoded, &random)) else { continue }
            kept += 1
            var total = result
            for _ in 0..<3 { total.add(decoded) }
            let agent = LoadAgentReport(LoadAgentAddress(host: "a", port: 1), decoded)
            let report = LoadReport(options, total, LoadTimeline(), [agent])
            for text in [report.text, report.json, report.html, report.hgrm] { #expect(!text.isEmpty) }
            #expect((try? jsonObject(report.json)) != nil)
        }
        // Some are as good as the original, or nothing was tested.
        #expect(kept > 20 && kept < rounds)
    }

    @Test func `that are progress are harmless in a timeline`() throws {
        var random = SeededGenerator(seed: 3)
        var original = LoadProgress()
        original.requests = 15
        original.intervalIndex = 3
        var recorder = IntervalRecorder()
        original.interval = recorder.last(result, 1_000_000_000)?.interval
        var timeline = LoadTimeline()
        var kept = 0
        for _ in 0..<Self.rounds {
            guard let decoded = LoadProgress(decoding: mutated(original.encoded, &random)) else { continue }
            kept += 1
            if let interval = decoded.interval { timeline.add(interval, at: decoded.intervalIndex) }
            #expect(timeline.intervals.count <= LoadTimeline.mostIntervals)
        }
        #expect(kept > 50 && kept < Self.rounds)
        let report = LoadReport(LoadOptions(url: "http://127.0.0.1/"), result, timeline, [])
        for text in [report.text, report.json, report.html, report.csv] { #expect(!text.isEmpty) }
    }

    @Test func `that are shares of a plan are harmless in an engine`() throws {
        var random = SeededGenerator(seed: 4)
        var options = LoadOptions(url: "https://127.0.0.1:1/")
        options.connections = 5
        options.requests = 9
        options.rate = 100
        options.headers = [try HeaderField("A: b")]
        options.tls.serverName = "localhost"
        options.tls.verifiesServer = false
        let original = AgentShare(try options.plan(), processes: 1..<3, of: 4).encoded
        var kept = 0
        for _ in 0..<Self.rounds {
            guard let share = AgentShare(decoding: mutated(original, &random), processes: 2) else { continue }
            let shares = share.shares
            #expect(shares.count == 2)
            for share in shares where share.connections < 1000 {
                guard let engine = try? LoadEngine(share) else { continue }
                #expect(engine.connectionCount <= share.connections)
            }
            kept += 1
        }
        #expect(kept > 50 && kept < Self.rounds)
    }

    @Test func `that are cut off are refused`() throws {
        let plan = try LoadOptions(url: "http://127.0.0.1/").plan()
        let share = AgentShare(plan, processes: 0..<1, of: 1).encoded
        #expect(AgentShare(decoding: share, processes: 1)?.encoded == share)
        for count in share.indices { #expect(AgentShare(decoding: Array(share[..<count]), processes: 1) == nil) }
        #expect(AgentShare(decoding: share + [0], processes: 1) == nil)
        #expect(AgentShare(decoding: share, processes: 2) == nil)
    }

    @Test func `that are random are refused`() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<Self.rounds {
            let count = Int.random(in: 0...400, using: &random)
            let bytes: [UInt8] = (0..<count).map { _ in .random(in: 0...255, using: &random) }
            #expect(LoadResult(decoding: bytes) == nil)
            #expect(LoadPlan(decoding: bytes) == nil)
            #expect(AgentShare(decoding: bytes, processes: 1) == nil)
            #expect(AgentGreeting.Answer(decoding: bytes) == nil)
            #expect(AgentGreeting.Admission(decoding: bytes) == nil)
        }
    }
}
