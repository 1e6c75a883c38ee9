import Apus
import Glibc

/// Work at times of the calendar, and a page that says when what is due.
///
///     Examples CrontabDemo start [--on HOST:PORT] [--rule RULE] [--zone ZONE]
///
/// A rule has six fields, `second minute hour day month weekday`, or five without seconds. A job runs for the first
/// time in the next full minute. `DELETE /?name=NAME` ends one.
enum CrontabDemo {
    private static var runCount = 0

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let rule = options.value("rule") ?? "*/10 * * * * *"
        let zone = try options.value("zone").map { try ZoneInfo($0) } ?? .local
        // What is wrong with it is said at the start, and not in each process.
        _ = try CronRule(rule)
        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:1238")
        server.name = "CrontabDemo"
        server.onWorkerStart = { server in
            // With more than one process only the first is to have the jobs.
            guard server.id == 0 else { return }
            try Crontab(rule, name: "often", timeZone: zone) { job in
                runCount += 1
                Worker.log("\(job.name) ran, number \(runCount)")
            }
            // One that waits; a run that is due meanwhile is left out.
            try Crontab("30 2 * * *", name: "nightly", timeZone: zone, whileRunning: .skip) { job in
                try await Timer.sleep(5)
                Worker.log("\(job.name) is done")
            }
            try Crontab("0 8 * * mon-fri", name: "morning", timeZone: zone) { job in
                job.destroy()
                Worker.log("\(job.name) ran, once and for all")
            }
        }
        server.onMessage = { connection, request in
            if request.method == .delete {
                let name: String = try request.queryParameters.require("name")
                guard let job = Crontab.all.first(where: { $0.name == name }) else { throw HTTPError(.notFound) }
                job.destroy()
            }
            connection.send(list(), contentType: .plainText)
        }
    }

    private static func list() -> String {
        Crontab.all.map { job in
            let seconds = job.nextRun.map { "in \($0 - time(nil)) s" } ?? "never"
            return "\(job.name): \(job.rule) (\(job.timeZone)), \(seconds)\n"
        }.joined()
    }
}
