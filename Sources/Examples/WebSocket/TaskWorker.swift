import Apus
import ApusWeb
import Glibc

/// Work that blocks or takes long, in processes of its own, while the front goes on serving.
///
///     Examples TaskWorker start [--on HOST:PORT] [--tasks HOST:PORT] [--task-count N]
///
/// A WebSocket client sends a job, `{"function":"sleep","args":{"seconds":5}}` or
/// `{"function":"fibonacci","args":{"n":35}}`, and gets what came of it. The next job of the same client waits for it,
/// those of others do not.
///
/// `--tasks` may be a port of other hosts, or of a balancer in front of them, with `--task-count 0` here. What blocks
/// now and then needs no process: `Task.detached { … }.value` runs it on another thread, and `ChildProcess.run` of
/// ApusSystem another program.
enum TaskWorker {
    /// Work that waits in line for so long, in seconds, fails.
    private static let patience = 60.0
    private static let mostBytes = 64 * 1024

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = options.value("tasks") ?? "127.0.0.1:12345"
        let count = try options.number("task-count") ?? 10 * sysconf(Int32(_SC_NPROCESSORS_ONLN))
        guard count >= 0 else { throw OptionError(description: "--task-count cannot be negative") }
        if count > 0 { setTasks(on: address, count: count) }

        let front = Worker(.websocket(pingInterval: 30), on: options.value("on") ?? "127.0.0.1:8080")
        front.name = "TaskFront"
        front.limits.maxPackageSize = mostBytes
        var tasks: TaskPool!
        front.onWorkerStart = { _ in
            // A link for each process: no job stands behind another one while some process has nothing to do.
            tasks = TaskPool(address, links: count > 0 ? count : 64, patience: patience)
        }
        front.onMessageAsync = { connection, message in
            let job = message.text
            // A line is a job: one within a job would make two of it.
            guard message.isText, !job.contains(where: \.isNewline) else {
                connection.send(TaskResult.refused("a job is JSON in one line").text)
                return
            }
            let result: String
            do {
                result = try await tasks.run(job)
            } catch {
                result = TaskResult.refused("not done: \(error)").text
            }
            connection.send(result)
        }
    }

    /// The processes that work: a job each at a time.
    private static func setTasks(on address: String, count: Int) {
        let tasks = Worker(.text, on: address)
        tasks.name = "Task"
        tasks.count = count
        tasks.limits.maxPackageSize = mostBytes
        // A second link of the same process would wait for the first one's job: another process takes it.
        tasks.maxConnections = 1
        tasks.onMessage = { connection, line in connection.send(TaskJob.run(line).text) }
    }
}
