import CApus

/// A process that finds out for a master whether the program on disk could serve: it runs the program's set-up code,
/// checks what a start checks, and tells.
enum ProgramProbe {
    static let variable = "APUS_PROBE"
    /// Where the answer goes.
    private static let channel: Int32 = 3
    private static let yes = "yes"

    enum Answer {
        case canServe
        case cannotServe(String)
    }

    /// What a master asks: which sockets it has, and how it hands over.
    static func question(sockets: [String]) -> String {
        var question = RecordText()
        question.add("format", handoverFormat)
        for key in sockets { question.add("listener", key) }
        return question.text
    }

    /// Programs between which this differs cannot hand over to each other.
    private static var handoverFormat: String { "2/\(capus_board_size())" }

    /// Ends this process with its answer, if a master has started it for that.
    static func answerIfAsked() {
        guard let value = capus_environment(variable) else { return }
        let known = RecordText(String(cString: value))
        capus_unset_environment(variable)
        capus_set_inherited(channel, false)
        Log.echoes = false
        let answer = obstacle(known) ?? yes
        _ = Array(answer.utf8).withUnsafeBytes { capus_send(channel, $0.baseAddress!, $0.count) }
        capus_exit(answer == yes ? 0 : 1)
    }

    /// What keeps the program from serving; nil when nothing does.
    private static func obstacle(_ known: RecordText) -> String? {
        guard known.word("format") == handoverFormat else {
            return "it is made with another version of Apus, which needs a restart"
        }
        let sockets = Set(known.all("listener").compactMap(\.first))
        do {
            Service.apply(try Invocation(Service.arguments))
            try Service.checkWorkers()
            for (worker, key) in zip(WorkerBase.all, Master.keys(of: WorkerBase.all)) {
                for id in 0..<(worker.reusePort ? worker.count : 1) {
                    try tryToBind(worker, worker.reusePort ? "\(key)/\(id)" : key, sockets)
                }
            }
            if let metrics = MetricsWorker.make() { try tryToBind(metrics, MetricsWorker.key, sockets) }
            return nil
        } catch let error as SystemError {
            return error.explanation
        } catch {
            return "\(error)"
        }
    }

    /// What the master holds already needs no trial.
    private static func tryToBind(_ worker: WorkerBase, _ key: String, _ known: Set<String>) throws {
        guard !known.contains(key), case .ip? = worker.address else { return }
        let fd = try worker.openSocket()
        capus_close(fd)
    }

    /// What a probe has said; nil when it has said nothing.
    static func answer(on fd: Int32) -> Answer? {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = capus_read(fd, buffer.baseAddress!, buffer.count)
            guard count > 0 else { return nil }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            return text == yes ? .canServe : .cannotServe(text)
        }
    }
}
