import TestSupport
import Testing

/// What runs on the event loop beside connections: spec 02 §9, 04 §1 and §2; alike on both backends.
@Suite struct LoopTests {
    @Test(arguments: Setup.eachBackend)
    func descriptorsAreWatched(_ setup: Setup) async throws {
        try await expect("read", ["handled read", "read 0", "read 1"], setup)
        try await expect("write", ["handled write", "writable"], setup)
    }

    @Test(arguments: Setup.eachBackend)
    func signalsAreWatched(_ setup: Setup) async throws {
        try await expect("signal", ["handled signal", "signal"], setup)
    }

    @Test(arguments: Setup.eachBackend)
    func otherThreadsReachTheLoop(_ setup: Setup) async throws {
        try await expect("post", ["handled post", "task on main thread true"], setup)
        try await expect("detached", ["handled detached", "task on main thread true"], setup)
    }

    @Test(arguments: Setup.eachBackend)
    func theMainQueueAndPlainTasksAreServed(_ setup: Setup) async throws {
        try await expect("dispatch", ["handled dispatch", "dispatch"], setup)
        try await expect("task", ["handled task", "task on main thread true"], setup)
        try await expect("execute", ["handled execute", "executed"], setup)
    }

    @Test(arguments: Setup.eachBackend)
    func timersFireInOrderAndCanBeCancelled(_ setup: Setup) async throws {
        let events = [
            "handled timers", "timer early, cancels true itself false", "timer late", "tick 1", "tick 2",
        ]
        try await expect("timers", events, setup)
    }

    @Test(arguments: Setup.eachBackend)
    func asyncTimersDoNotOverlap(_ setup: Setup) async throws {
        let events = ["handled async timers", "run 1 begins", "run 1 ends", "run 2 begins", "run 2 ends", "2 runs"]
        try await expect("async timers", events, setup)
    }

    @Test(arguments: Setup.eachBackend)
    func crontabsRunOnTheLoop(_ setup: Setup) async throws {
        try await expect("crontab", ["handled crontab", "first runs", "second runs, 1 left"], setup)
        try await expect("cancel all", ["0 crontabs", "handled cancel all", "later"], setup)
    }

    @Test(
        arguments: Setup.eachBackend,
        [("failing timer", "timer"), ("failing job", "crontab job"), ("failing plain job", "crontab")])
    func errorsOfTimersEndTheProcess(_ setup: Setup, _ failing: (line: String, place: String)) async throws {
        try await withScenario("loop", setup, []) { server in
            let client = try server.connect()
            try client.send("\(failing.line)\n")
            #expect(try server.process.waitForExit(within: Client.patience) == .code(250))
            #expect(server.log.contains("\(failing.place) failed: failed on purpose"), "\(server.log)")
        }
    }

    /// Says `line` and expects exactly these events, in this order.
    private func expect(_ line: String, _ events: [String], _ setup: Setup) async throws {
        try await withScenario("loop", setup, []) { server in
            let client = try server.connect()
            try client.send("\(line)\n")
            #expect(try server.nextEvents(events.count) == events)
        }
    }
}
