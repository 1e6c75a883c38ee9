import Apus

/// What timers can do, by an HTTP server that logs each tick: `/` answers at once, `/sleep` a second and a half later.
///
///     Examples TimerDemo start [--on HOST:PORT] [--count N] [--second SECONDS]
///
/// `--second 0.01` has everything happen a hundred times as quickly.
enum TimerDemo {
    private static var second = 1.0

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        second = try options.seconds("second", or: 1)
        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:1237")
        server.name = "TimerDemo"
        server.count = try options.number("count") ?? 1
        // Timers belong to a process and its loop: they are set in callbacks.
        server.onWorkerStart = startTimers
        server.onConnect = { connection in
            // Ends with its connection. One of `Timer.every` would have to be cancelled in `onClose`.
            connection.timer(every: 5 * second) { _ in Worker.log("connection \(connection.id) is still there") }
        }
        server.onMessage = { connection, request in
            guard request.pathIs("/sleep") else {
                connection.send("at once\n", contentType: .plainText)
                return
            }
            connection.run {
                try await Timer.sleep(1.5 * second)  // Others are served meanwhile.
                connection.send("later\n", contentType: .plainText)
            }
        }
    }

    private static func startTimers(_ worker: Worker<HTTP>) {
        let everywhere = Timer.every(2.5 * second) { _ in Worker.log("tick in process \(worker.id)") }
        Timer.after(20 * second) { _ in
            everywhere.cancel()
            Worker.log("no more ticks in process \(worker.id)")
        }
        // What is to happen once for all processes happens in the first.
        guard worker.id == 0 else { return }
        let clock = Clock()
        Timer.every(second, clock.tick)
        Timer.every(3 * second, reportByFunction)
        Timer.every(4 * second, Clock.report)
        Timer.after(10 * second) { _ in Worker.log("once") }
        // The body may wait; while it does, ticks are left out rather than run beside it.
        Timer.every(second, whileRunning: .skip) { _ in
            try await Timer.sleep(1.2 * second)
            Worker.log("slow tick")
        }
    }
}

/// A free function.
private func reportByFunction(_ timer: WorkerTimer) { Worker.log("tick of a function") }

/// An object that ends its own timer, by what each tick is given.
private final class Clock {
    private var ticks = 0

    func tick(_ timer: WorkerTimer) {
        ticks += 1
        Worker.log("tick \(ticks) of a method")
        if ticks == 10 { timer.cancel() }
    }

    static func report(_ timer: WorkerTimer) { Worker.log("tick of a static method") }
}
