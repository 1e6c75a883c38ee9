import Glibc
import TestSupport
import Testing

/// The recipes about processes, timers and life in production.
@Suite struct RunningExampleTests {
    @Test(arguments: backends)
    func timersOfAllKinds(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "Examples", "TimerDemo", backend, ["--on", "127.0.0.1:0", "--count", "2", "--second", "0.02"])
            let (master, endpoint) = try service.start()
            let slow = try Client(endpoint)
            try slow.send("GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try Client(endpoint).get("/").text == "at once\n")
            #expect(try slow.readReply().text == "later\n")
            for line in [
                "tick in process 0", "tick in process 1", "tick 10 of a method", "tick of a function",
                "tick of a static method", "once", "slow tick", "no more ticks in process 0",
                "no more ticks in process 1", "is still there",
            ] {
                #expect(eventually { service.log.contains(line) }, "\(line) is missing in \(service.log)")
            }
            // What was cancelled stays so, while others go on: three ticks of the one would be 7.5 seconds.
            let ticks = { (text: String) in service.log.split(separator: "\n").count { $0.hasSuffix(text) } }
            let (ended, others) = (ticks("tick in process 0"), ticks("tick of a static method"))
            #expect(eventually { ticks("tick of a static method") >= others + 4 })
            #expect(ticks("tick in process 0") == ended && ticks("tick 11 of a method") == 0 && ticks("once") == 1)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func jobsOfTheCalendar(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "Examples", "CrontabDemo", backend,
                ["--on", "127.0.0.1:0", "--rule", "* * * * * *", "--zone", "Europe/Berlin"])
            let (master, endpoint) = try service.start()
            let client = try Client(endpoint)
            let list = try client.get("/").text
            for line in [
                "often: * * * * * * (Europe/Berlin), in ", "nightly: 30 2 * * * (Europe/Berlin), in ",
                "morning: 0 8 * * mon-fri (Europe/Berlin), in ",
            ] {
                #expect(list.contains(line), "\(list)")
            }
            try client.send("DELETE /?name=nightly HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try !client.readReply().text.contains("nightly"))
            for (target, status) in [("/?name=nightly", 404), ("/", 400)] {
                try client.send("DELETE \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.readReply().status == status)
            }
            // Jobs begin with the next minute.
            #expect(eventually(within: 150) { service.log.contains("often ran, number 3") }, "\(service.log)")
            #expect(try master.stop() == .code(0))
            for wrong in [["--rule", "61 * * * * *"], ["--zone", "Nowhere"]] {
                let failing = try Service("Examples", "CrontabDemo", backend, ["--on", "127.0.0.1:0"] + wrong)
                let outcome = try failing.run("start")
                #expect(outcome.status == .code(1) && outcome.errors.contains(wrong[1]), "\(outcome.errors)")
            }
        }
    }

    @Test(arguments: backends)
    func processesLeaveAfterTheirRequests(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "Examples", "MaxRequests", backend, ["--on", "127.0.0.1:0", "--requests", "20", "--count", "1"])
            let (master, endpoint) = try service.start()
            var served: [String: Int] = [:]
            // Every request is answered, by one process after the other.
            let wereReplaced = try eventually {
                let answer = try Client(endpoint).get("/")
                #expect(answer.status == 200)
                served["\(answer.text.prefix { $0 != "," })", default: 0] += 1
                return served.count == 4
            }
            // Each has served what it may, and what came while its successor started.
            #expect(wereReplaced && served.values.count { $0 >= 18 } >= 3, "\(served)")
            #expect(service.log.contains("has served enough and is replaced"))
            #expect(!service.log.contains("exit with status"))
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func processesLeaveWhenTheyAreTooLarge(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service(
                "Examples", "MaxRequests", backend, ["--on", "127.0.0.1:0", "--megabytes", "1", "--count", "1"])
            let master = try service.launch("start")
            _ = try master.endpoints()
            #expect(eventually { service.log.contains("has served enough and is replaced") }, "\(service.log)")
            #expect(try master.stop() == .code(0))
        }
    }
}
