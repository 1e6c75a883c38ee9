import CApus

/// Reloading: one place after the other gets a new process, and the old one leaves only once the new one accepts. At no
/// time does a place stand empty, so no connection is refused.
extension Master {
    /// Seconds a replacement may take to become ready.
    private static let readyTimeout: Int64 = 30_000_000_000

    func reload(gracefully: Bool) {
        guard phase == .running else { return }
        guard reloadQueue.isEmpty, awaitedReplacement == nil else {
            return Log.write("reload is under way already")
        }
        Log.write("Apus[\(ServiceSettings.executableName)] \(gracefully ? "gracefully " : "")reloading")
        if Service.settings.daemonize { _ = capus_redirect_output(Service.settings.stdoutFile) }
        for slot in slots where !slot.worker.isReloadable {
            if let child = slot.current { ChannelMessage.send(.reload, on: child.channel) }
        }
        reloadIsGraceful = gracefully
        reloadQueue = slots.filter(\.worker.isReloadable)
        reloadNext()
    }

    /// Starts the replacement for the next place.
    func reloadNext() {
        while let slot = reloadQueue.first {
            reloadQueue.removeFirst()
            // A place that stands empty after a crash is filled by respawning.
            guard slot.current != nil else { continue }
            guard let replacement = spawn(slot) else { return abandonReload("no process could be started") }
            replacement.killDeadline = capus_monotonic_ns() + Self.readyTimeout
            awaitedReplacement = replacement
            return
        }
    }

    /// The replacement accepts: the old process finishes what is under way and leaves.
    func takeOver(_ slot: WorkerSlot, _ replacement: WorkerChild) {
        awaitedReplacement = nil
        replacement.killDeadline = nil
        if let old = slot.current {
            ChannelMessage.send(reloadIsGraceful ? .drainGracefully : .drain, on: old.channel)
            if !reloadIsGraceful {
                let patience = Service.settings.drainTimeout + Service.settings.stopTimeout
                old.killDeadline = capus_monotonic_ns() + Int64(patience * 1e9)
            }
            slot.leaving.append(old)
        }
        slot.current = replacement
        slot.replacement = nil
        reloadNext()
    }

    /// The replacement died before it was ready: the old process goes on serving, and the others are left alone.
    func reloadFailed(_ slot: WorkerSlot, _ reason: ExitReason) {
        abandonReload(
            "the new process of worker \(slot.worker.name)/\(slot.id) ended with \(reason) before it was ready")
    }

    private func abandonReload(_ reason: String) {
        reloadQueue.removeAll()
        awaitedReplacement = nil
        Log.write("reload given up: \(reason). The processes that run go on serving")
    }
}
