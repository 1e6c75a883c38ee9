import Apus
import Dispatch
import Glibc

/// Does with the event loop what each line of text says, and reports what comes of it.
func exerciseLoop(_ options: Options) {
    mainThread = pthread_self()
    let server = Worker(.text, on: options.address)
    setLimits(server, options)
    server.onMessage = { connection, line in
        switch line {
        case "read": try watchPipe()
        case "write": try watchWritable()
        case "signal": watchAlarm()
        case "post": postFromThread()
        case "dispatch": DispatchQueue.main.async { report("dispatch") }
        case "task": Task { reportFromTask() }
        case "detached": Task.detached { await reportFromTask() }
        case "execute": EventLoop.current.execute { report("executed") }
        case "timers": startTimers()
        case "async timers": startAsyncTimers()
        case "failing timer": Timer.after(0.01) { _ in try await fail() }
        case "failing job": try Crontab("* * * * * *", name: "job", clock: LateClock()) { _ in try await fail() }
        case "failing plain job":
            try Crontab("* * * * * *", clock: LateClock()) { _ in throw ScenarioError(description: "failed on purpose")
            }
        case "crontab": try startCrontab()
        case "cancel all": try cancelAllTimers()
        default: connection.send("what?")
        }
        report("handled \(line)")
    }
}

private func reportFromTask() { report("task on main thread \(pthread_equal(pthread_self(), mainThread!) != 0)") }

private var mainThread: pthread_t?

/// A pipe that becomes readable twice; in the second call it is unwatched and closed.
private func watchPipe() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw ScenarioError(description: "pipe") }
    let (reader, writer) = (ends[0], ends[1])
    var byte: UInt8 = 0
    EventLoop.current.watchRead(reader) { report("replaced: never called") }
    EventLoop.current.watchRead(reader) {
        var got: UInt8 = 0
        _ = Glibc.read(reader, &got, 1)
        report("read \(got)")
        if got == 0 {
            byte = 1
            _ = Glibc.write(writer, &byte, 1)
        } else {
            EventLoop.current.unwatchRead(reader)
            close(reader)
            close(writer)
        }
    }
    _ = Glibc.write(writer, &byte, 1)
}

private func watchWritable() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw ScenarioError(description: "pipe") }
    let (reader, writer) = (ends[0], ends[1])
    EventLoop.current.watchWrite(writer) {
        report("writable")
        EventLoop.current.unwatchWrite(writer)
        close(reader)
        close(writer)
    }
}

private func watchAlarm() {
    EventLoop.current.watchSignal(SIGALRM) {
        report("signal")
        EventLoop.current.unwatchSignal(SIGALRM)
    }
    kill(getpid(), SIGALRM)
}

private func postFromThread() {
    let loop = EventLoop.current!
    DispatchQueue.global().async { loop.post { reportFromTask() } }
}

/// Order by time; a timer cancelled by an earlier one of the same tick does not fire; a repeating one ends itself.
private func startTimers() {
    Timer.after(0.02) { _ in report("timer late") }
    let victim = Timer.after(0.01) { _ in report("timer cancelled: never called") }
    Timer.after(0.001) { timer in
        report("timer early, cancels \(victim.cancel()) itself \(timer.cancel())")
    }
    var ticks = 0
    Timer.every(0.03) { timer in
        ticks += 1
        report("tick \(ticks)")
        if ticks == 2 { timer.cancel() }
    }
}

/// Ticks come while the first run sleeps, and are left out; what runs when the timer is cancelled runs to its end.
private func startAsyncTimers() {
    var runs = 0
    Timer.every(0.01) { timer in
        runs += 1
        report("run \(runs) begins")
        try await Timer.sleep(0.05)
        report("run \(runs) ends")
        if runs == 2 {
            timer.cancel()
            Timer.after(0.03) { _ in
                try await Timer.sleep(0.001)
                report("\(runs) runs")
            }
        }
    }
}

private func fail() async throws {
    try await Timer.sleep(0.001)
    throw ScenarioError(description: "failed on purpose")
}

/// It is the last moment of a minute on this clock, so that a job need not wait for its first one.
private final class LateClock: CronClock {
    private let shift: Int64
    init() { shift = 59_900_000_000 - Self.nanoseconds(CLOCK_REALTIME) % 60_000_000_000 }

    var wallTime: Int64 { Self.nanoseconds(CLOCK_REALTIME) + shift }
    var monotonicTime: Int64 { Self.nanoseconds(CLOCK_MONOTONIC) }

    func after(_ seconds: Double, _ body: @escaping @MainActor () -> Void) -> @MainActor () -> Void {
        let timer = Timer.after(seconds) { _ in body() }
        return { timer.cancel() }
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Two jobs on the loop, one of them `async`.
private func startCrontab() throws {
    try Crontab("* * * * * *", name: "first", clock: LateClock()) { job in
        report("\(job.name) runs")
        job.destroy()
    }
    try Crontab("0 * * * * *", name: "second", clock: LateClock()) { job in
        try await Timer.sleep(0.001)
        report("\(job.name) runs, \(Crontab.all.count) left")
        job.destroy()
    }
}

/// Crontabs are timers, too.
private func cancelAllTimers() throws {
    try Crontab("* * * * * *", clock: LateClock()) { _ in report("never called") }
    Timer.every(0.01) { _ in report("never called") }
    Timer.cancelAll()
    report("\(Crontab.all.count) crontabs")
    Timer.after(0.2) { _ in report("later") }
}
