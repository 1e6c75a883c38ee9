import CApus

/// A worker process as its master sees it.
final class WorkerChild {
    let pid: Int32
    let channel: Int32
    /// What others send to it through.
    let inbox: Int32
    /// What no other process of the service has had, or will have, as its number.
    let member: Int
    /// The processes that it knows of, and whether it has to be told of more.
    var told: Set<Int>
    var missesNews = false
    /// It says and hears nothing any more, and is about to end, or not: it is not to be looked at again.
    var hasHungUp = false
    /// Its entry on the board.
    let entry: Int32
    let status: UnsafeMutablePointer<capus_worker_status>
    let startedAt: Int64
    /// It runs the executable that its master runs.
    let isOfThisProgram: Bool
    /// It has said that it accepts.
    var isReady = false {
        didSet { if isReady { noticeDeadline = nil } }
    }
    /// When operators are told that it is not ready yet: a start that says nothing looks like one that hangs.
    var noticeDeadline: Int64?
    /// What it has been told and has not taken, its channel being full, in order, each with a daemon's output or −1.
    private var untold: [(message: ChannelMessage, output: Int32)] = []
    /// The question that it has been asked and has not answered yet. There is one at a time: who does not read gets no
    /// more of them, so that they do not fill its channel.
    private var asked: (number: Int64, query: ConnectionsQuery)?
    /// What it is to be asked then, in order.
    private var questions: [ConnectionsQuery] = []
    /// When it is told again what it has not taken; monotonic nanoseconds.
    private(set) var nextTry: Int64?
    /// When it is killed if it has not gone by itself; monotonic nanoseconds, nil for never.
    var killDeadline: Int64?

    /// Tells it to end, and kills it if it has not within `seconds`; nil for no limit.
    func tellToLeave(_ message: ChannelMessage, within seconds: Double?, passing output: Int32 = -1) {
        tell(message, passing: output)
        killDeadline = seconds.map { capus_monotonic_ns() + Int64($0 * 1e9) }
    }

    init(
        pid: Int32, channel: Int32, inbox: Int32, member: Int, told: Set<Int>, entry: Int32,
        status: UnsafeMutablePointer<capus_worker_status>, startedAt: Int64 = capus_monotonic_ns(),
        isOfThisProgram: Bool = true
    ) {
        self.pid = pid
        self.channel = channel
        self.inbox = inbox
        self.member = member
        self.told = told
        self.entry = entry
        self.status = status
        self.startedAt = startedAt
        self.isOfThisProgram = isOfThisProgram
        noticeDeadline = startedAt + Self.patience
    }

    /// Nanoseconds that the start of a worker takes without a word about it.
    private static let patience: Int64 = 5_000_000_000
    /// Nanoseconds after which it is told again.
    static let retryInterval: Int64 = 50_000_000

    // MARK: Telling

    /// Tells it what must not be lost: now, or as soon as it takes it. `output` is closed then.
    func tell(_ message: ChannelMessage, passing output: Int32 = -1) {
        if untold.last?.message == message { Self.close(untold.removeLast().output) }
        untold.append((message, output))
        tellAgain()
    }

    /// Tells what it has not taken, and asks what it is to be asked.
    func tellAgain() {
        nextTry = nil
        while let (message, output) = untold.first {
            guard ChannelMessage.send(message, on: channel, passing: output) else { return tryLater() }
            Self.close(output)
            untold.removeFirst()
        }
        askNext()
    }

    /// What it has not taken, for the program that is its master next.
    var untoldMessages: [ChannelMessage] { untold.map(\.message) }

    private func tryLater() { nextTry = capus_monotonic_ns() + Self.retryInterval }

    private static func close(_ output: Int32) {
        if output >= 0 { capus_close(output) }
    }

    // MARK: Asking

    func ask(_ query: ConnectionsQuery) {
        questions.removeAll(where: \.isOver)
        questions.append(query)
        askNext()
    }

    private func askNext() {
        guard asked == nil, untold.isEmpty else { return }
        questions.removeAll(where: \.isOver)
        guard let query = questions.first else { return }
        // By its number an answer to the master before this one is known, which was another program.
        let number = capus_monotonic_ns()
        guard ChannelMessage.send(query.message, on: channel, text: "\(number)") else { return tryLater() }
        questions.removeFirst()
        asked = (number, query)
    }

    /// It has reported; returns what that answers. Processes of an earlier version repeat no number.
    func answered(_ number: String) -> ConnectionsQuery? {
        guard let (wanted, query) = asked, number.isEmpty || number == "\(wanted)" else { return nil }
        asked = nil
        askNext()
        return query
    }

    /// It has ended.
    func forget() {
        for query in questions + [asked?.query].compactMap({ $0 }) { query.forget(pid) }
        for (_, output) in untold { Self.close(output) }
        untold = []
    }
}

/// One place for a worker process: an id of one worker, with its listening socket.
final class WorkerSlot {
    /// What a worker is recognised by after its program was replaced: what it was made for.
    let key: String
    let name: String
    let listen: String
    let id: Int
    /// The socket that the processes of this place accept from; −1 for a worker without a port.
    let listener: Int32
    /// The worker, with its number in the program; nil when the program has the place no more, and only processes
    /// of an earlier one are left in it.
    let worker: (base: WorkerBase, index: Int)?

    /// The process that serves.
    var current: WorkerChild?
    /// The process that is to take over from it.
    var replacement: WorkerChild?
    /// Processes that were replaced and finish what is under way.
    var leaving: [WorkerChild] = []
    var backoff = RespawnBackoff()

    init(worker: WorkerBase, index: Int, key: String, id: Int, listener: Int32) {
        self.worker = (worker, index)
        self.key = key
        self.id = id
        self.listener = listener
        name = worker.name
        listen = worker.socketName
    }

    /// A place that the program has no more.
    init(abandoned key: String, name: String, listen: String, id: Int) {
        worker = nil
        listener = -1
        self.key = key
        self.name = name
        self.listen = listen
        self.id = id
    }

    var children: [WorkerChild] { [current, replacement].compactMap { $0 } + leaving }
    /// The program wants a process here, and there is none.
    var isVacant: Bool { worker != nil && current == nil && replacement == nil }
    var isReloadable: Bool { worker?.base.isReloadable ?? true }
    /// How the log calls it: `chat/0`.
    var label: String { "\(name)/\(id)" }

    /// Tells the process that is to take over to leave instead.
    func dropReplacement(within seconds: Double) {
        guard let child = replacement else { return }
        replacement = nil
        leaving.append(child)
        child.tellToLeave(.stop, within: seconds)
    }

    /// Takes a process that ended out of its place.
    func remove(_ child: WorkerChild) {
        if current === child { current = nil }
        if replacement === child { replacement = nil }
        leaving.removeAll { $0 === child }
    }
}
