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
