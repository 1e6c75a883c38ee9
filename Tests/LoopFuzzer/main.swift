import Apus
import Glibc

/// What the command line asks for.
struct Options {
    var backend = Backend.libevent
    var schedules: UInt64 = 1000
    var seed: UInt64 = 1
    var traces = false
    var certificate: String?
    var key: String?
    init(_ words: [String]) {
        var words = words[...]
        while let word = words.popFirst() {
            switch word {
            case "--trace": traces = true
            case "--backend": backend = words.popFirst().flatMap { Backend(rawValue: $0) } ?? .libevent
            case "--schedules": schedules = words.popFirst().flatMap { UInt64($0) } ?? schedules
            case "--seed": seed = words.popFirst().flatMap { UInt64($0) } ?? seed
            case "--certificate": certificate = words.popFirst()
            case "--key": key = words.popFirst()
            default:
                print(
                    "usage: LoopFuzzer [--backend libevent|epoll] [--schedules N] [--seed N] [--trace] "
                        + "[--certificate FILE --key FILE]")
                exit(64)
            }
        }
    }
}

let options = Options(Array(CommandLine.arguments.dropFirst()))
// Dictionaries are gone through in an order that changes from run to run, unless this is set when the program starts.
if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
}
// Failing handlers and a shortage of descriptors are part of the play.
Worker.logSink = { _ in }
let fuzzer = Fuzzer(options)
do {
    try EventLoop.run(backend: options.backend) {
        try fuzzer.start()
        // The last schedule ends the process.
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
    }
} catch {
    print("\(error)")
    exit(1)
}
