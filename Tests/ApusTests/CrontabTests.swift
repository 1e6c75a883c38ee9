import Apus
import Testing

/// A clock that a test moves.
private final class ManualClock: CronClock {
    private(set) var wallTime: Int64
    private(set) var monotonicTime: Int64 = 0
    private var timers: [Int: (due: Int64, body: @MainActor () -> Void)] = [:]
    private var lastTimer = 0

    /// Starts at an instant such as "2025-01-01T00:00:00Z".
    init(_ start: String) { wallTime = Int64(instant(start)) * 1_000_000_000 }

    var second: Int { Int(wallTime / 1_000_000_000) }

    func after(_ seconds: Double, _ body: @escaping @MainActor () -> Void) -> @MainActor () -> Void {
        lastTimer += 1
        let id = lastTimer
        timers[id] = (monotonicTime + Int64(seconds * 1e9), body)
        return { self.timers[id] = nil }
    }

    /// Time passes and timers fire in time.
    func pass(_ seconds: Double) {
        let end = monotonicTime + Int64(seconds * 1e9)
        while let (id, timer) = timers.min(by: { $0.value.due < $1.value.due }), timer.due <= end {
            move(max(0, timer.due - monotonicTime))
            timers[id] = nil
            timer.body()
        }
        move(end - monotonicTime)
    }

    /// The loop is busy: time passes and no timer fires.
    func block(_ seconds: Double) { move(Int64(seconds * 1e9)) }

    /// Somebody sets the clock.
    func jump(_ seconds: Double) { wallTime += Int64(seconds * 1e9) }

    var timerCount: Int { timers.count }

    private func move(_ nanoseconds: Int64) {
        wallTime += nanoseconds
        monotonicTime += nanoseconds
    }
}

/// Whoever comes waits until it is open.
private final class Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        if !isOpen { await withCheckedContinuation { waiting.append($0) } }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
    }
}

@Suite(.serialized) @MainActor struct `Crontabs` {
    private let clock = ManualClock("2025-01-01T12:00:30Z")
    private let start = instant("2025-01-01T12:00:30Z")

    /// When a job ran, in seconds since the start.
    private final class Runs {
        var seconds: [Int] = []
    }

    private func record(_ rule: String) throws -> (job: Crontab, runs: Runs) {
        let runs = Runs()
        let (clock, start) = (clock, start)
        let job = try Crontab(rule, timeZone: .utc, clock: clock) { _ in runs.seconds.append(clock.second - start) }
        return (job, runs)
    }

    @Test func `begin with the next full minute`() throws {
        let (job, runs) = try record("*/10 * * * * *")
        defer { job.destroy() }
        #expect(job.nextRun == start + 30)
        clock.pass(75)
        #expect(runs.seconds == [30, 40, 50, 60, 70])
        clock.pass(120 - 75 - 0.001)
        #expect(runs.seconds == [30, 40, 50, 60, 70, 80, 90, 100, 110])
        #expect(job.nextRun == start + 120)
        #expect(clock.timerCount == 1)
    }

    @Test func `run at their time however far off it is`() throws {
        let (job, runs) = try record("0 30 14 * * *")
        defer { job.destroy() }
        clock.pass(3 * 86400)
        #expect(runs.seconds == [8970, 8970 + 86400, 8970 + 2 * 86400])
    }

    @Test func `run once for what passed while the loop was busy`() throws {
        let (job, runs) = try record("* * * * * *")
        defer { job.destroy() }
        clock.pass(32)
        clock.block(600)
        clock.pass(1)
        #expect(runs.seconds == [30, 31, 32, 632, 633])
        let (daily, late) = try record("0 0 13 * * *")
        defer { daily.destroy() }
        clock.block(3600)
        clock.pass(100)
        #expect(late.seconds == [4233])
    }

    @Test func `leave out what a clock set forward skips`() throws {
        let (hourly, hours) = try record("0 0 * * * *")
        let (often, minutes) = try record("0 * * * * *")
        defer {
            hourly.destroy()
            often.destroy()
        }
        clock.pass(45)
        clock.jump(5 * 3600)
        clock.pass(120)
        #expect(hours.seconds.isEmpty)
        #expect(minutes.seconds.count == 3)
        clock.pass(3600)
        #expect(hours.seconds.count == 1)
        #expect(minutes.seconds.count == 63)
    }

    @Test func `take a small step of the clock as time that passed`() throws {
        let (job, runs) = try record("0 * * * * *")
        defer { job.destroy() }
        clock.pass(45)
        clock.jump(50)
        clock.pass(60)
        #expect(runs.seconds.count == 3)
        // Back to before the minute that was served: not again.
        clock.jump(-30)
        clock.pass(30)
        #expect(runs.seconds.count == 3)
        clock.pass(60)
        #expect(runs.seconds.count == 4)
    }

    @Test func `do not wait for a clock that was set back`() throws {
        let (job, runs) = try record("0 * * * * *")
        defer { job.destroy() }
        clock.pass(45)
        clock.jump(-5 * 3600)
        clock.pass(180)
        #expect(runs.seconds.count == 4)
        #expect(runs.seconds.sorted() != runs.seconds)
    }

    @Test func `end when they are destroyed`() throws {
        let before = Crontab.all.count
        let (first, runs) = try record("* * * * * *")
        let second = try Crontab("* * * * * *", name: "self", timeZone: .utc, clock: clock) { job in
            runs.seconds.append(-1)
            job.destroy()
        }
        #expect(Crontab.all.suffix(2).map(\.id) == [first.id, second.id])
        #expect(second.name == "self" && second.rule.description == "* * * * * *" && second.id > first.id)
        clock.pass(31.5)
        #expect(runs.seconds.sorted() == [-1, 30, 31])
        #expect(second.nextRun == nil)
        #expect(Crontab.remove(first.id))
        #expect(!Crontab.remove(first.id) && !Crontab.remove(second.id))
        first.destroy()
        clock.pass(10)
        #expect(runs.seconds.count == 3)
        #expect(clock.timerCount == 0)
        #expect(Crontab.all.count == before)
    }

    @Test func `refuse bad rules`() {
        let before = Crontab.all.count
        #expect(throws: CronRuleError.self) { try Crontab("0 0 31 2 *", clock: clock) { _ in } }
        #expect(Crontab.all.count == before && clock.timerCount == 0)
    }

    @Test(
        .timeLimit(.minutes(20)),
        arguments: [
            (.skip, ["begin", "end", "begin", "end"]),
            (.queue, ["begin", "end", "begin", "end", "begin", "end", "begin", "end"]),
            (.overlap, ["begin", "begin", "begin", "end", "end", "end", "begin", "end"]),
        ] as [(OverlapPolicy, [String])])
    func `keep runs apart as told`(_ policy: OverlapPolicy, _ expected: [String]) async throws {
        var events: [String] = []
        let gate = Gate()
        let job = try Crontab("* * * * * *", timeZone: .utc, whileRunning: policy, clock: clock) { _ in
            events.append("begin")
            await gate.wait()
            events.append("end")
        }
        defer { job.destroy() }
        clock.pass(32.5)
        // Due three times; now what waits goes on.
        gate.open()
        while events.count < expected.count - 2 { await Task.yield() }
        clock.pass(1)
        while events.count < expected.count { await Task.yield() }
        // Time for a run too many.
        for _ in 0..<20 { await Task.yield() }
        #expect(events == expected)
    }

    @Test(.timeLimit(.minutes(20)))
    func `drop queued runs when they are destroyed`() async throws {
        var events: [String] = []
        let gate = Gate()
        let job = try Crontab("* * * * * *", timeZone: .utc, whileRunning: .queue, clock: clock) { _ in
            events.append("begin")
            await gate.wait()
            events.append("end")
        }
        clock.pass(35)
        job.destroy()
        gate.open()
        while events.count < 2 { await Task.yield() }
        // Time for a run too many.
        for _ in 0..<20 { await Task.yield() }
        #expect(events == ["begin", "end"])
    }
}
