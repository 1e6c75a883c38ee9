// So many GETs under way over one connection until enough were answered. Prints the CPU time of this process in
// nanoseconds. `RedisGets PORT COMMANDS IN-FLIGHT callback|await libevent|epoll`: `await` has a task for each that is
// under way, on the loop as those of handlers are.
import Apus
import ApusRedis
import Glibc

let words = CommandLine.arguments
guard words.count == 6, let wanted = Int(words[2]), let inFlight = Int(words[3]) else { exit(64) }
let redis = try RedisClient("redis://127.0.0.1:\(words[1])")
let key = "benchmark:key"
var begun = 0
var answered = 0

func check(_ value: [UInt8]?) {
    guard value?.count == 16 else { fatalError("a reply is missing") }
    answered += 1
}

func ask(_ done: UnsafeContinuation<Void, Never>) {
    begun += 1
    redis.get(key) { result in
        check(try? result.get())
        if begun < wanted { ask(done) } else if answered == wanted { done.resume() }
    }
}

@Sendable func askInTurn() async throws {
    while begun < wanted {
        begun += 1
        check(try await redis.get(key))
    }
}

try EventLoop.run(backend: words[5] == "epoll" ? .epoll : .libevent) {
    switch words[4] {
    case "await":
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<inFlight { group.addTask { try await askInTurn() } }
        }
    default:
        await withUnsafeContinuation { done in for _ in 0..<inFlight { ask(done) } }
    }
}
var usage = rusage()
getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
print(seconds * 1_000_000_000 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000)
