import CApus

/// Reloading; see `Reload` for its stages. At no time does a place stand empty, so no connection is refused.
extension Master {
    func reload(gracefully: Bool) {
        guard phase == .running else { return }
        guard reloading == nil else { return Log.write("reload is under way already") }
        Log.write("Apus[\(Service.settings.serviceName)] \(gracefully ? "gracefully " : "")reloading \(launchPath)")
        ServiceManager.reloading()
        let reload = Reload(isGraceful: gracefully)
        reloading = reload
        startProbe(reload)
    }

    // MARK: The probe

    private func startProbe(_ reload: Reload) {
        var ours: Int32 = -1
        var theirs: Int32 = -1
        let failure = capus_socket_pair(&ours, &theirs, true)
        guard failure == 0 else { return giveUp("\(SystemError("make a channel", -failure))") }
        defer { capus_close(theirs) }
        var known = RecordText()
        for key in listeners.entries.keys { known.add("listener", key) }
        known.add("pid", Service.settings.pidPath)
        let pid = Self.spawn(launchPath, variable: ProgramProbe.variable, known.text, descriptors: [theirs])
        guard pid > 0 else {
            capus_close(ours)
            return giveUp("\(SystemError("start \(launchPath)", -pid))")
        }
        reload.probe = Reload.Probe(pid: pid, channel: ours, deadline: capus_monotonic_ns() + Reload.probeTimeout)
    }

    func probeTimedOut(_ probe: Reload.Probe) { _ = capus_send_signal(probe.pid, Int32(CAPUS_SIGKILL)) }

    func probeEnded(_ status: Int32) {
        guard let probe = reloading?.probe else { return }
        reloading?.probe = nil
        let answer = ProgramProbe.answer(on: probe.channel)
        capus_close(probe.channel)
        guard phase == .running else { return }
        switch answer {
        case .canServe?: becomeNewProgram()
        case .cannotServe(let reason)?: giveUp("the new program cannot serve: \(reason)")
        case nil: giveUp("the new program ended with \(ExitReason(raw: status)) before it could serve")
        }
    }

    // MARK: Replacing

    /// The new program's master begins: workers that stay are told, the others replaced.
    func beginReplacing(_ reload: Reload) {
        reloading = reload
        for slot in slots where !slot.isReloadable {
            if let child = slot.current { ChannelMessage.send(.reload, on: child.channel) }
        }
        var workers: Set<String> = []
        var firsts: [WorkerSlot] = []
        var others: [WorkerSlot] = []
        for slot in slots where slot.worker != nil && (slot.isReloadable || slot.current == nil) {
            if workers.insert(slot.key).inserted { firsts.append(slot) } else { others.append(slot) }
        }
        reload.queue = firsts + others
        reload.firsts = firsts.count
        replaceNext(reload)
    }

    /// Starts the new process for the next place.
    private func replaceNext(_ reload: Reload) {
        guard !reload.queue.isEmpty else { return finishReload(reload) }
        let slot = reload.queue.removeFirst()
        guard let child = spawn(slot) else { return replacementFailed(reload, "no process could be started") }
        child.killDeadline = capus_monotonic_ns() + Reload.readyTimeout
        reload.awaited = child
    }

    /// The new process accepts. The first of each worker wait for each other.
    func awaitedBecameReady(_ child: WorkerChild, _ slot: WorkerSlot) {
        guard let reload = reloading else { return }
        reload.awaited = nil
        child.killDeadline = nil
        reload.held.append(slot)
        reload.firsts -= 1
        if reload.firsts <= 0 {
            reload.hasTakenOver = true
            for slot in reload.held { takeOver(slot) }
            reload.held = []
        }
        replaceNext(reload)
    }

    /// The replacement serves: the old process finishes what is under way and leaves.
    func takeOver(_ slot: WorkerSlot) {
        guard let replacement = slot.replacement else { return }
        replacement.killDeadline = nil
        if let old = slot.current { release(old, of: slot) }
        slot.current = replacement
        slot.replacement = nil
    }

    private func release(_ old: WorkerChild, of slot: WorkerSlot) {
        let isGraceful = reloading?.isGraceful ?? false
        ChannelMessage.send(isGraceful ? .drainGracefully : .drain, on: old.channel)
        if !isGraceful {
            let patience = Service.settings.drainTimeout + Service.settings.stopTimeout
            old.killDeadline = capus_monotonic_ns() + Int64(patience * 1e9)
        }
        slot.leaving.append(old)
    }

    private func finishReload(_ reload: Reload) {
        for slot in slots where slot.worker == nil {
            if let old = slot.current { release(old, of: slot) }
            slot.current = nil
        }
        let keys = slots.filter { $0.worker != nil }.flatMap { [$0.key, "\($0.key)/\($0.id)"] }
        listeners.close(allBut: Set(keys + (MetricsWorker.isWanted ? [MetricsWorker.key] : [])))
        endReload()
        Log.write("Apus[\(Service.settings.serviceName)] reloaded")
    }

    // MARK: Failures

    /// The new process of a place died before it was ready.
    func awaitedEnded(_ slot: WorkerSlot, _ reason: ExitReason) {
        guard let reload = reloading else { return }
        reload.awaited = nil
        replacementFailed(reload, "the new process of worker \(slot.label) ended with \(reason) before it was ready")
    }

    private func replacementFailed(_ reload: Reload, _ reason: String) {
        guard !reload.hasTakenOver else { return giveUp(reason) }
        for slot in slots {
            guard let child = slot.replacement else { continue }
            ChannelMessage.send(.stop, on: child.channel)
            child.killDeadline = capus_monotonic_ns() + Int64(Service.settings.stopTimeout * 1e9)
            slot.leaving.append(child)
            slot.replacement = nil
        }
        becomePreviousProgram(reload, reason)
    }

    /// The reload ends without having replaced everything.
    func giveUp(_ reason: String) {
        endReload()
        for slot in slots where slot.worker != nil && slot.current == nil && slot.replacement == nil {
            slot.backoff.startFailed(at: capus_monotonic_ns())
        }
        Log.write("reload given up: \(reason). The processes that run go on serving", .error)
    }

    private func endReload() {
        dropReload()
        ServiceManager.ready()
    }

    /// Forgets a reload that is under way.
    func dropReload() {
        guard let reload = reloading else { return }
        reloading = nil
        if let probe = reload.probe {
            _ = capus_send_signal(probe.pid, Int32(CAPUS_SIGKILL))
            capus_close(probe.channel)
        }
        if reload.previousProgram >= 0 { capus_close(reload.previousProgram) }
    }
}
