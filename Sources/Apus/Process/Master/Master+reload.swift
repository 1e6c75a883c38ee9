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
        startProbe(reload, of: .next)
    }

    // MARK: The probe

    private func startProbe(_ reload: Reload, of candidate: Reload.Probe.Candidate) {
        var ours: Int32 = -1
        var theirs: Int32 = -1
        let failure = capus_socket_pair(&ours, &theirs, true)
        guard failure == 0 else { return giveUp("\(SystemError("make a channel", -failure))") }
        defer { capus_close(theirs) }
        let path: String
        if case .next = candidate { path = launchPath } else { path = "/proc/self/fd/\(reload.previousProgram)" }
        let known = ProgramProbe.question(sockets: Array(listeners.entries.keys))
        let pid = Self.spawn(path, variable: ProgramProbe.variable, known, descriptors: [theirs])
        guard pid > 0 else {
            capus_close(ours)
            return giveUp("\(SystemError("start \(path)", -pid))")
        }
        reload.probe = Reload.Probe(
            candidate: candidate, pid: pid, channel: ours, deadline: capus_monotonic_ns() + Reload.probeTimeout)
    }

    func probeTimedOut(_ probe: Reload.Probe) { _ = capus_send_signal(probe.pid, Int32(CAPUS_SIGKILL)) }

    func probeEnded(_ status: Int32) {
        guard let reload = reloading, let probe = reload.probe else { return }
        reload.probe = nil
        let answer = ProgramProbe.answer(on: probe.channel)
        capus_close(probe.channel)
        guard phase == .running else { return }
        let obstacle: String
        switch answer {
        case .canServe?: return become(probe.candidate, reload)
        case .cannotServe(let reason)?: obstacle = "cannot serve: \(reason)"
        case nil: obstacle = "ended with \(ExitReason(raw: status)) before it could serve"
        }
        switch probe.candidate {
        case .next: giveUp("the new program \(obstacle)")
        case .previous(let reason): giveUp("\(reason); the program before it \(obstacle)")
        }
    }

    private func become(_ candidate: Reload.Probe.Candidate, _ reload: Reload) {
        switch candidate {
        case .next: becomeNewProgram(reload)
        case .previous(let reason): becomePreviousProgram(reload, reason)
        }
    }

    /// Goes back to the program that this one took the place of, if that can still serve.
    func goBack(_ reload: Reload, _ reason: String) {
        reloading = reload
        guard reload.previousProgram >= 0 else { return giveUp(reason) }
        startProbe(reload, of: .previous(reason))
    }

    // MARK: Replacing

    /// The new program's master begins: workers that stay are told, the others replaced.
    func beginReplacing(_ reload: Reload) {
        reloading = reload
        for slot in slots where !slot.isReloadable {
            guard let child = slot.current else { continue }
            child.tell(.reload, passing: DaemonOutput.descriptor())
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
        old.tellToLeave(
            isGraceful ? .drainGracefully : .drain,
            within: isGraceful ? nil : Service.settings.drainTimeout + Service.settings.stopTimeout,
            passing: DaemonOutput.descriptor())
        slot.leaving.append(old)
    }

    /// What the program has no use for: processes of places that it does not have, and sockets.
    func releaseAbandoned() {
        for slot in slots where slot.worker == nil {
            if let old = slot.current { release(old, of: slot) }
            slot.current = nil
        }
        let keys = slots.filter { $0.worker != nil }.flatMap { [$0.key, "\($0.key)/\($0.id)"] }
        listeners.close(allBut: Set(keys + (MetricsWorker.isWanted ? [MetricsWorker.key] : [])))
    }

    private func finishReload(_ reload: Reload) {
        releaseAbandoned()
        endReload()
        Log.write("Apus[\(Service.settings.serviceName)] reloaded")
    }

    // MARK: Failures

    /// The new process of a place died before it was ready.
    func awaitedEnded(_ slot: WorkerSlot, _ reason: ExitReason) {
        guard let reload = reloading else { return }
        replacementFailed(reload, "the new process of worker \(slot.label) ended with \(reason) before it was ready")
    }

    private func replacementFailed(_ reload: Reload, _ reason: String) {
        reload.awaited = nil
        guard !reload.hasTakenOver else { return giveUp(reason) }
        dropReplacements()
        goBack(reload, reason)
    }

    /// Processes that are to take over leave instead.
    func dropReplacements() {
        for slot in slots { slot.dropReplacement(within: Service.settings.stopTimeout) }
    }

    /// The reload ends without having replaced everything.
    func giveUp(_ reason: String) {
        endReload()
        for slot in slots where slot.isVacant { slot.backoff.startFailed(at: capus_monotonic_ns()) }
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
        if let memory = reload.previousMemory { capus_close(memory.fd) }
    }
}
