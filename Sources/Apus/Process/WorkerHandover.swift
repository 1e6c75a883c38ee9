import CApus

/// What a master hands to a worker process it starts: a few words in the environment, the rest by descriptor.
struct WorkerHandover {
    static let variable = "APUS_WORKER"
    /// Descriptors, in the order they are inherited.
    static let channel: Int32 = 3
    static let status: Int32 = 4
    static let firstListener: Int32 = 5

    /// Which of the program's workers, in the order they were made.
    var workerIndex: Int
    /// Its `id` there.
    var workerID: Int
    var hasListener: Bool
    var isDaemon: Bool
    var backend: Backend
    var pidPath: String
    var logPath: String

    var text: String {
        let flags = "\(hasListener ? 1 : 0):\(isDaemon ? 1 : 0)"
        return "\(workerIndex):\(workerID):\(flags):\(backend.rawValue):\(pidPath)\u{1F}\(logPath)"
    }

    /// Nil when no master started this process.
    static func fromEnvironment() -> WorkerHandover? {
        guard let value = capus_environment(variable) else { return nil }
        let text = String(cString: value)
        // Processes that user code starts are no workers.
        capus_unset_environment(variable)
        let words = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 6, let index = Int(words[0]), let id = Int(words[1]),
            let backend = Backend(rawValue: words[4])
        else { Service.fail("\(variable)=\(text) was not set by a master of this version", status: 70) }
        let paths = words[5].split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
        return WorkerHandover(
            workerIndex: index, workerID: id, hasListener: words[2] == "1", isDaemon: words[3] == "1", backend: backend,
            pidPath: paths[0], logPath: paths.count > 1 ? paths[1] : "/dev/null")
    }
}

/// What master and worker say to each other, one byte each, over the channel between them.
enum ChannelMessage: UInt8 {
    /// Worker: started, accepting.
    case ready = 0x52
    /// Master: stop now.
    case stop = 0x53
    /// Master: stop when the connections have gone.
    case stopGracefully = 0x47
    /// Master: your replacement is accepting; finish what is under way and leave.
    case drain = 0x44
    /// Master: as `drain`, without a deadline.
    case drainGracefully = 0x45
    /// Master: `reload` for a worker that stays.
    case reload = 0x4C

    static func send(_ message: ChannelMessage, on fd: Int32) {
        var byte = message.rawValue
        _ = capus_write(fd, &byte, 1)
    }
}
