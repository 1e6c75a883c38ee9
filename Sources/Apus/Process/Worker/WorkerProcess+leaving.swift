import CApus

/// The ways in which a worker process ends.
extension WorkerProcess {
    /// Stops accepting, closes what is idle, and ends the process when no connection is left.
    func stop(_ mode: DrainMode, reason: String) {
        if !reason.isEmpty { Log.write("\(label) stopping: \(reason)") }
        let isFirst = self.mode == nil
        // A later, harder command wins over a softer one.
        if isFirst || mode == .stop { self.mode = mode }
        // Some connections wait for peers that send or read no more. Before the master's patience ends.
        if mode == .stop { WorkerTimer.after(Service.settings.stopTimeout * 0.9) { [unowned self] _ in giveUp() } }
        if isFirst {
            for worker in WorkerBase.all.reversed() { leave(worker) }
            WorkerTimer.every(0.1) { [unowned self] _ in drain() }
            if mode == .reload {
                WorkerTimer.after(Service.settings.drainTimeout) { [unowned self] _ in stop(.stop, reason: "") }
            }
        }
        drain()
    }

    private func giveUp() {
        for worker in WorkerBase.all {
            for connection in worker.connectionsByID.values { connection.driver.giveUp(connection) }
        }
        OutgoingConnections.shared.destroyAll()
    }

    private func leave(_ worker: WorkerBase) {
        worker.isStopping = true
        loop.status.pointee.doing = UInt64(CAPUS_DOING_STOP)
        do {
            try worker.runStop()
        } catch {
            Log.write("onWorkerStop of \(worker.name) failed: \(error)", .error)
        }
        worker.stopListening()
    }

    private func drain() {
        for worker in WorkerBase.all { worker.drain(mode ?? .stop) }
        sayRemaining()
        connectionLeft()
    }

    /// A few lines on the way to none, so that an operator who waits sees that something happens.
    private func sayRemaining() {
        guard mode == .graceful else { return }
        let count = WorkerBase.all.map(\.connectionsByID.count).reduce(0, +)
        guard count > 0, remainingSaid == .max || count <= remainingSaid / 3 else { return }
        remainingSaid = count
        Log.write("\(label) remains \(count) connection(s)")
    }

    /// Ends the loop with the last connection. Those to other servers serve the others until then.
    func connectionLeft() {
        guard mode != nil, WorkerBase.all.allSatisfy(\.connectionsByID.isEmpty) else { return }
        let outgoing = OutgoingConnections.shared
        if outgoing.byID.isEmpty { return endLoop() }
        guard !outgoing.isClosing else { return }
        outgoing.onEmpty = { [unowned self] in endLoop() }
        outgoing.closeAll()
    }

    /// What was said over the bus before is given a second to be taken; this is asked again and again.
    private func endLoop() {
        let deadline = busDeadline ?? loop.now + 1_000_000_000
        busDeadline = deadline
        if ProcessBus.shared.isIdle || loop.now >= deadline { loop.stop() }
    }

    /// A callback that belongs to no connection threw: the process cannot be trusted and is replaced.
    func callbackFailed(_ error: any Error, in place: String) {
        Log.write("\(place) failed: \(error)", .error)
        loop.status.pointee.callback_errors &+= 1
        exitStatus = ExitReason.callbackFailed
        stop(.stop, reason: "error in a callback")
    }

    // MARK: Without a master

    /// The kernel ends this process some time after its master, also when it is stuck in a callback.
    func followMaster(_ master: Int32) {
        if !capus_follow_parent(master, orphanTimeout) { masterIsGone() }
    }

    /// Seconds.
    private var orphanTimeout: Double { min(Service.settings.stopTimeout, 2) * 0.9 }

    /// Without its master a worker would hold the port and could not be controlled.
    func masterIsGone() {
        loop.watchNothing(of: channel)
        Log.write("\(label) lost its master and stops", .error)
        stop(.stop, reason: "")
        let exitStatus = exitStatus
        WorkerTimer.after(orphanTimeout * 0.9) { _ in capus_exit(exitStatus) }
    }

    // MARK: Having served enough

    /// Watches `maxRequests` and `maxMemory`.
    func watchLimits() {
        guard channel >= 0, let worker = workers.first else { return }
        if let most = worker.maxRequests {
            loop.requestLimit = UInt64(max(1, Self.jittered(most)))
            loop.onRequestLimit = { [unowned self] in askForReplacement() }
        }
        if let most = worker.maxMemory {
            let limit = UInt64(max(1, Self.jittered(most)))
            let pid = capus_process_id()
            WorkerTimer.every(1) { [unowned self] timer in
                guard capus_resident_bytes(pid) >= limit else { return }
                timer.cancel()
                askForReplacement()
            }
        }
    }

    /// Up to a tenth more or less, so that the processes of a worker do not all leave at once.
    private static func jittered(_ value: Int) -> Int { value - value / 10 + Int.random(in: 0...max(1, value / 5)) }

    private func askForReplacement() {
        guard mode == nil else { return }
        ChannelMessage.send(.recycle, on: channel)
        // The master is busy replacing others now and then: it is asked until it does.
        WorkerTimer.after(5) { [unowned self] _ in askForReplacement() }
    }
}
