import ApusProtocols
import CApus

/// A master that becomes another program keeps its process id: it replaces itself in place, and hands on its children,
/// its sockets and what it knows about them by descriptor.
extension Master {
    static let variable = "APUS_MASTER"

    private enum Intent: String {
        case reload, gracefulReload, rollback
    }

    // MARK: Leaving

    /// Becomes the program that is on disk now. Returns only when that fails.
    func becomeNewProgram(_ reload: Reload) {
        let own = capus_open_executable()
        guard own >= 0 else { return giveUp("\(SystemError("open the own executable", -own))") }
        // A process that was to take over from one that has served enough would not be known any more.
        dropReplacements()
        let failure = become(
            reload, launchPath, reload.isGraceful ? .gracefulReload : .reload, previous: own, reason: "")
        capus_close(own)
        giveUp("\(SystemError("become \(launchPath)", failure))")
    }

    /// Becomes the program again that this one took the place of. Returns only when that fails.
    func becomePreviousProgram(_ reload: Reload, _ reason: String) {
        let failure = become(
            reload, "/proc/self/fd/\(reload.previousProgram)", .rollback, previous: -1, reason: reason)
        giveUp("\(reason); \(SystemError("become the program before it again", failure))")
    }

    private func become(_ reload: Reload, _ path: String, _ intent: Intent, previous: Int32, reason: String) -> Int32 {
        control?.answerAll()
        var state = RecordText()
        state.add("intent", intent.rawValue, reason)
        state.add("launch", launchPath)
        state.add("started", "\(startedAt)", startTime)
        state.add("announced", isAnnounced ? "1" : "0")
        state.add("pid", Service.settings.pidPath)
        state.add("report", "\(capus_daemon_report())")
        state.add("lock", "\(lock)")
        state.add("board", "\(board.fd)")
        state.add("control", "\(control?.fd ?? -1)")
        state.add("previous", "\(previous)")
        state.add("member", "\(lastMember)")
        // Going back, a program finds its own again.
        let memories = [memory, reload.previousMemory].compactMap { $0 }
        for memory in memories { state.add("memory", "\(memory.fd)", memory.layout) }
        for (key, entry) in listeners.entries { state.add("listener", key, "\(entry.fd)", entry.path ?? "") }
        for slot in slots { describe(slot, in: &state) }
        for (key, counts) in exits {
            for (status, count) in counts { state.add("exit", key, "\(status)", "\(count)") }
        }
        let file = Array(state.text.utf8).withUnsafeBytes { capus_memory_file($0.baseAddress!, $0.count) }
        guard file >= 0 else { return -file }
        let kept =
            [lock, board.fd, control?.fd ?? -1, previous, file, capus_daemon_report()]
            + listeners.entries.values.map(\.fd)
            + slots.flatMap(\.children).flatMap { [$0.channel, $0.inbox] } + memories.map(\.fd)
        for fd in kept where fd >= 0 { capus_set_inherited(fd, true) }
        let failure = Self.withArguments { capus_exec(path, $0, capus_environment_with(Self.variable, "\(file)")) }
        capus_unset_environment(Self.variable)
        for fd in kept where fd >= 0 { capus_set_inherited(fd, false) }
        capus_close(file)
        return -failure
    }

    private func describe(_ slot: WorkerSlot, in state: inout RecordText) {
        func add(_ child: WorkerChild, _ role: String) {
            state.add(
                "child", slot.key, "\(slot.id)", role, "\(child.pid)", "\(child.channel)", "\(child.entry)",
                "\(child.startedAt)", child.isReady ? "1" : "0", "\(child.killDeadline ?? -1)", slot.name, slot.listen,
                "\(child.inbox)", "\(child.member)", child.told.map(String.init).joined(separator: " "))
            for message in child.untoldMessages { state.add("untold", "\(child.pid)", "\(message.rawValue)") }
        }
        if let child = slot.current { add(child, "current") }
        for child in slot.leaving { add(child, "leaving") }
    }

    // MARK: Taking over

    /// Goes on as the master of another program, if this process was one.
    static func resumeIfHandedOver() {
        guard let value = capus_environment(variable), let file = Int32(String(cString: value)) else { return }
        capus_unset_environment(variable)
        let state = RecordText(
            Self.patiently {
                read(file)
            } until: {
                !$0.isEmpty
            })
        capus_close(file)
        guard let pidPath = state.word("pid"), let boardDescriptor: Int32 = state.number("board"),
            let board = patiently({ StatusBoard(fd: boardDescriptor) }, until: { $0 != nil })
        else { Service.fail("\(variable) was not set by a master", status: 70) }
        if let invocation = try? Invocation(Service.arguments) { Service.apply(invocation) }
        Service.settings.pidFile = pidPath
        Log.path = Service.settings.logPath
        Log.echoes = !Service.settings.daemonize
        Master(board: board).resume(state)
    }

    private static func read(_ file: Int32) -> String {
        let size = max(0, capus_file_size(file))
        return withUnsafeTemporaryAllocation(byteCount: size + 1, alignment: 1) { buffer in
            let count = capus_read_at(file, buffer.baseAddress!, size, 0)
            return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        }
    }

    private func resume(_ state: RecordText) -> Never {
        adoptDescriptors(state)
        prepareProcess()
        redirectOutput()
        phase = .running
        let intent = state["intent"] ?? []
        let reload = Reload(isGraceful: intent.first == Intent.gracefulReload.rawValue)
        reload.previousProgram = state.number("previous") ?? -1
        capus_set_inherited(reload.previousProgram, false)
        let isRollback = intent.first == Intent.rollback.rawValue
        adoptMemory(state, reload, isRollback: isRollback)
        var obstacle: String?
        do {
            try prepareWorkers(isRollback: isRollback)
        } catch {
            obstacle = (error as? SystemError)?.explanation ?? "\(error)"
        }
        for child in state.all("child") { adopt(child) }
        for words in state.all("untold") { tellWhatWasNotTaken(words) }
        for exit in state.all("exit") where exit.count == 3 {
            exits[exit[0], default: [:]][Int32(exit[1]) ?? 0] = Int(exit[2]) ?? 0
        }
        if let obstacle {
            // The processes that serve are still those of the program before: nothing was touched.
            goBack(reload, "the new program cannot serve: \(obstacle)")
        } else if isRollback {
            reloading = reload
            releaseAbandoned()
            giveUp(intent.count > 1 ? intent[1] : "")
            for slot in slots where slot.isVacant { slot.backoff.startNow(at: capus_monotonic_ns()) }
        } else {
            beginReplacing(reload)
        }
        serve()
    }

    private func adoptDescriptors(_ state: RecordText) {
        lock = state.number("lock") ?? -1
        lastMember = state.number("member") ?? 0
        launchPath = state.word("launch") ?? launchPath
        isAnnounced = state.word("announced") == "1"
        if let started = state["started"], started.count == 2 {
            startedAt = Int64(started[0]) ?? startedAt
            startTime = started[1]
        }
        for fd in [lock, board.fd] { capus_set_inherited(fd, false) }
        if let report: Int32 = state.number("report"), report >= 0 {
            capus_set_inherited(report, false)
            capus_daemon_resume(report)
        }
        if let fd: Int32 = state.number("control"), fd >= 0 {
            capus_set_inherited(fd, false)
            control = ControlSocket(fd: fd)
        }
        for listener in state.all("listener") {
            guard listener.count == 3, let fd = Int32(listener[1]) else { continue }
            capus_set_inherited(fd, false)
            listeners.inherit(fd, key: listener[0], path: listener[2].isEmpty ? nil : listener[2])
        }
    }

    /// Keeps the memory that this program lays out as the one before did, with its values. Without it one is made.
    private func adoptMemory(_ state: RecordText, _ reload: Reload, isRollback: Bool) {
        let layout = SharedMemory.layout
        for words in state.all("memory") {
            guard words.count == 2, let fd = Int32(words[0]) else { continue }
            capus_set_inherited(fd, false)
            if memory == nil, words[1] == layout {
                memory = SharedMemory(fd: fd, layout: layout)
            } else if !isRollback, reload.previousMemory == nil {
                reload.previousMemory = SharedMemory(fd: fd, layout: words[1])
            } else {
                capus_close(fd)
            }
        }
        if memory == nil, reload.previousMemory != nil, !layout.isEmpty {
            Log.write("what the processes share is laid out anew: new ones begin without the values of the others")
        }
    }

    /// `onMasterReload` may change how many processes a worker has.
    private func prepareWorkers(isRollback: Bool) throws {
        if !isRollback { try Service.settings.onMasterReload?() }
        try Service.checkWorkers()
        try shareMemory()
        try makeSlots()
    }

    private func adopt(_ words: [String]) {
        guard words.count == 14, let id = Int(words[1]), let pid = Int32(words[3]), let channel = Int32(words[4]),
            let entry = Int32(words[5]), let startedAt = Int64(words[6]), let deadline = Int64(words[8]),
            let inbox = Int32(words[11]), let member = Int(words[12])
        else { return }
        for fd in [channel, inbox] { capus_set_inherited(fd, false) }
        let child = WorkerChild(
            pid: pid, channel: channel, inbox: inbox, member: member,
            told: Set(words[13].split(atASCII: " ").compactMap { Int($0) }), entry: entry,
            status: board.entry(entry), startedAt: startedAt, isOfThisProgram: false)
        // It may have missed news before.
        missed(child)
        child.isReady = words[7] == "1"
        child.killDeadline = deadline < 0 ? nil : deadline
        let slot =
            slots.first { $0.key == words[0] && $0.id == id }
            ?? WorkerSlot(abandoned: words[0], name: words[9], listen: words[10], id: id)
        if !slots.contains(where: { $0 === slot }) { slots.append(slot) }
        if words[2] == "current", slot.current == nil { slot.current = child } else { slot.leaving.append(child) }
    }
    private func tellWhatWasNotTaken(_ words: [String]) {
        guard words.count == 2, let code = UInt8(words[1]), let message = ChannelMessage(rawValue: code),
            let child = slots.flatMap(\.children).first(where: { "\($0.pid)" == words[0] })
        else { return }
        child.tell(message, passing: message.takesOutput ? DaemonOutput.descriptor() : -1)
    }
}
