import CApus

/// Starting worker processes, and what happens when they end.
extension Master {
    /// The executable that this process runs, also when its file was replaced: workers that are started after a crash
    /// run what their master runs.
    private static let ownExecutable = "/proc/self/exe"

    /// Starts a process for a place. It counts once it says that it is ready.
    @discardableResult
    func spawn(_ slot: WorkerSlot) -> WorkerChild? {
        do {
            let child = try startProcess(slot)
            slot.backoff.started()
            if slot.current == nil, slot.replacement == nil { slot.current = child } else { slot.replacement = child }
            announce(child, slot)
            return child
        } catch {
            Log.write("cannot start worker \(slot.label): \(error)", .error)
            if slot.isVacant { slot.backoff.startFailed(at: capus_monotonic_ns()) }
            return nil
        }
    }

    private func startProcess(_ slot: WorkerSlot) throws(SystemError) -> WorkerChild {
        let channel = try SocketPair("make a channel")
        defer { capus_close(channel.theirs) }
        let inbox: SocketPair
        do throws(SystemError) {
            inbox = try SocketPair("make an inbox")
        } catch {
            capus_close(channel.ours)
            throw error
        }
        defer { capus_close(inbox.theirs) }
        let entry = board.claim(slot.name, id: slot.id)
        guard entry >= 0 else {
            for fd in [channel.ours, inbox.ours] { capus_close(fd) }
            throw SystemError("find room for more than \(CAPUS_BOARD_CAPACITY) processes", Int32(CAPUS_NO_MEMORY))
        }
        let metrics = listeners.entries[MetricsWorker.key]?.fd
        let handover = WorkerHandover(
            workerIndex: slot.worker?.index ?? 0, workerID: slot.id, boardEntry: entry, member: lastMember + 1,
            hasListener: slot.listener >= 0, hasMetrics: metrics != nil, memoryLayout: memory?.layout)
        let descriptors = [
            channel.theirs, board.fd, inbox.theirs, slot.listener, metrics ?? -1, memory?.fd ?? -1,
        ].filter { $0 >= 0 }
        let (told, knowsAll) = tellOfPeers(on: channel.ours)
        let pid = Self.spawn(
            Self.ownExecutable, variable: WorkerHandover.variable, handover.text, descriptors: descriptors)
        guard pid > 0 else {
            for fd in [channel.ours, inbox.ours] { capus_close(fd) }
            board.retire(entry)
            throw SystemError("start \(launchPath)", -pid)
        }
        lastMember += 1
        let child = WorkerChild(
            pid: pid, channel: channel.ours, inbox: inbox.ours, member: lastMember, told: told, entry: entry,
            status: board.entry(entry))
        if !knowsAll { missed(child) }
        return child
    }

    /// Starts a program with this process' arguments and one more variable in its environment.
    static func spawn(_ path: String, variable: String, _ value: String, descriptors: [Int32]) -> Int32 {
        let pid = withArguments { arguments in
            capus_spawn(
                path, arguments, capus_environment_with(variable, value), descriptors, Int32(descriptors.count))
        }
        capus_unset_environment(variable)
        return pid
    }

    /// The arguments of this process as C takes them.
    static func withArguments<Result>(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { text in
            let bytes = text.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            for (index, byte) in bytes.enumerated() { copy[index] = byte }
            return copy
        }
        pointers.append(nil)
        defer { for pointer in pointers { pointer?.deallocate() } }
        return body(pointers)
    }

    // MARK: Ends

    func reap() {
        var status: Int32 = 0
        while case let pid = capus_reap(&status), pid > 0 {
            if pid == reloading?.probe?.pid { probeEnded(status) }
            for slot in slots {
                if let child = slot.children.first(where: { $0.pid == pid }) { ended(child, slot, status) }
            }
        }
        slots.removeAll { $0.worker == nil && $0.children.isEmpty }
        if phase == .stopping, slots.allSatisfy(\.children.isEmpty) { finish() }
    }

    /// A process ended: says so, and fills its place.
    private func ended(_ child: WorkerChild, _ slot: WorkerSlot, _ raw: Int32) {
        let reason = ExitReason(raw: raw)
        let now = capus_monotonic_ns()
        exits[slot.key, default: [:]][raw, default: 0] += 1
        let wasToldToLeave = phase == .stopping || slot.leaving.contains { $0 === child }
        // At the terminal Ctrl-C reaches the workers as well.
        let isExpected =
            reason.isNormal && (child.isReady || wasToldToLeave)
            || phase == .stopping && raw == Int32(CAPUS_SIGINT)
        if !isExpected { logEnd(child, slot, reason) }
        let wasAwaited = reloading.map { $0.awaits(child, in: slot) } ?? false
        slot.remove(child)
        capus_close(child.channel)
        capus_close(child.inbox)
        announceEnd(of: child)
        board.retire(child.entry)
        child.forget()
        control?.finishComplete()
        tellExit(slot, raw, child.pid)
        guard phase == .running else { return }
        if wasAwaited { return awaitedEnded(slot, reason) }
        guard slot.worker != nil, slot.current == nil, slot.replacement == nil else { return }
        let delay = slot.backoff.ended(at: now, lived: now - child.startedAt, abnormally: !isExpected)
        if delay > 0 {
            Log.write(
                "worker \(slot.label) fails again and again; next start in \(delay / 1_000_000_000) s", .error)
            // A program whose processes cannot start is not worth waiting for at the terminal.
            if !isAnnounced { capus_daemon_ready(1) }
        }
    }

    private func logEnd(_ child: WorkerChild, _ slot: WorkerSlot, _ reason: ExitReason) {
        let record = CrashRecord(child.status, canName: child.isOfThisProgram)
        Log.write(
            "worker[\(slot.name):\(child.pid)] exit with status \(reason.raw) (\(reason))"
                + (reason.isSignal ? ", \(record)" : "") + (child.isReady ? "" : " before it was ready"), .error)
        for (depth, frame) in record.backtrace.enumerated() {
            Log.write("worker[\(slot.name):\(child.pid)] #\(depth) \(frame)", .error)
        }
    }

    private func tellExit(_ slot: WorkerSlot, _ status: Int32, _ pid: Int32) {
        guard let worker = slot.worker?.base else { return }
        do {
            try Service.settings.onWorkerExit?(worker, status, pid)
        } catch {
            Log.write("onWorkerExit failed: \(error)", .error)
        }
    }
}

/// Two ends of a socket that keeps messages apart.
private struct SocketPair {
    var ours: Int32 = -1
    var theirs: Int32 = -1

    init(_ purpose: String) throws(SystemError) {
        let failure = capus_socket_pair(&ours, &theirs, true)
        guard failure == 0 else { throw SystemError(purpose, -failure) }
    }
}
