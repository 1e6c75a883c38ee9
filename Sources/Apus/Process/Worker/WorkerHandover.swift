import CApus

/// What a master hands to a worker process it starts: a few words in the environment, the rest by descriptor.
struct WorkerHandover {
    static let variable = "APUS_WORKER"
    /// Descriptors, in the order they are inherited; listeners follow.
    static let channel: Int32 = 3
    static let board: Int32 = 4
    static let inbox: Int32 = 5
    private static let firstListener: Int32 = 6

    /// Which of the program's workers, in the order they were made.
    var workerIndex: Int
    /// Its `id` there.
    var workerID: Int
    /// Its entry on the status board.
    var boardEntry: Int32
    /// Its number on the bus.
    var member: Int
    var hasListener: Bool
    var hasMetrics: Bool
    /// What the master's program shares; nil for nothing.
    var memoryLayout: String?
    var isDaemon = Service.settings.daemonize
    var backend = Service.settings.backend
    var pidPath = Service.settings.pidPath
    var logPath = Service.settings.logPath
    var instance = Service.settings.instance ?? ""
    var master = capus_process_id()

    init(
        workerIndex: Int, workerID: Int, boardEntry: Int32, member: Int, hasListener: Bool, hasMetrics: Bool,
        memoryLayout: String?
    ) {
        self.workerIndex = workerIndex
        self.workerID = workerID
        self.boardEntry = boardEntry
        self.member = member
        self.memoryLayout = memoryLayout
        self.hasListener = hasListener
        self.hasMetrics = hasMetrics
    }

    var listener: Int32 { hasListener ? Self.firstListener : -1 }
    var metricsListener: Int32 { hasMetrics ? Self.firstListener + (hasListener ? 1 : 0) : -1 }
    var memory: Int32 { Self.firstListener + (hasListener ? 1 : 0) + (hasMetrics ? 1 : 0) }

    var text: String {
        var record = RecordText()
        record.add("worker", "\(workerIndex)", "\(workerID)", "\(boardEntry)", "\(member)")
        if let memoryLayout { record.add("memory", memoryLayout) }
        record.add("has", hasListener ? "1" : "0", hasMetrics ? "1" : "0", isDaemon ? "1" : "0")
        record.add("service", backend.rawValue, pidPath, logPath, instance, "\(master)")
        return record.text
    }

    /// Nil when no master started this process.
    static func fromEnvironment() -> WorkerHandover? {
        guard let value = capus_environment(variable) else { return nil }
        let text = String(cString: value)
        // Processes that user code starts are no workers.
        capus_unset_environment(variable)
        guard let handover = WorkerHandover(RecordText(text)) else {
            Service.fail("\(variable) was not set by a master of this version", status: 70)
        }
        // Nor do they get the channel or the sockets.
        for fd in channel..<(firstListener + 3) { capus_set_inherited(fd, false) }
        return handover
    }

    private init?(_ record: RecordText) {
        guard let worker = record["worker"], worker.count == 4, let has = record["has"], has.count == 3,
            let service = record["service"], service.count == 5, let index = Int(worker[0]), let id = Int(worker[1]),
            let entry = Int32(worker[2]), let backend = Backend(rawValue: service[0]), let master = Int32(service[4]),
            let member = Int(worker[3])
        else { return nil }
        self.init(
            workerIndex: index, workerID: id, boardEntry: entry, member: member, hasListener: has[0] == "1",
            hasMetrics: has[1] == "1", memoryLayout: record.word("memory"))
        isDaemon = has[2] == "1"
        self.backend = backend
        (pidPath, logPath, instance) = (service[1], service[2], service[3])
        self.master = master
    }
}
