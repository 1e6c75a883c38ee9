import ApusWeb
import FoundationEssentials
import Glibc

/// What a task process is asked to do. It may block: nobody else is served by that process.
nonisolated struct TaskJob: Decodable {
    struct Arguments: Decodable {
        var seconds: Int?
        var n: Int?
    }

    var function: String
    var args: Arguments?

    /// Does what a line asks for; what it cannot do is a result, too.
    static func run(_ line: String) -> TaskResult {
        guard let job = try? JSONDecoder().decode(TaskJob.self, from: Data(line.utf8)) else {
            return .refused("a job is {\"function\":…,\"args\":{…}}")
        }
        switch job.function {
        case "sleep":
            guard let seconds = job.args?.seconds, (0...600).contains(seconds) else {
                return .refused("0 to 600 seconds")
            }
            sleep(UInt32(seconds))
            return .done(seconds)
        case "fibonacci":
            guard let n = job.args?.n, (0...45).contains(n) else { return .refused("n is 0 to 45") }
            return .done(fibonacci(n))
        default: return .refused("no function \(job.function)")
        }
    }

    /// The slow way, to have something to do.
    private static func fibonacci(_ n: Int) -> Int { n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2) }
}

/// What came of a job: code 0 and a value, or code 1 and why not.
nonisolated struct TaskResult: Encodable {
    var code: Int
    var data: Int?
    var msg: String

    static func done(_ value: Int) -> TaskResult { TaskResult(code: 0, data: value, msg: "ok") }
    static func refused(_ reason: String) -> TaskResult { TaskResult(code: 1, data: nil, msg: reason) }

    /// As a line of JSON.
    var text: String {
        guard let json = try? JSONEncoder().encode(self) else { return "{\"code\":1,\"msg\":\"no JSON\"}" }
        return String(decoding: json, as: UTF8.self)
    }
}
