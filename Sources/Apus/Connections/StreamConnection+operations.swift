extension StreamConnection {
    /// Runs `operation` on the loop and holds back the connection's next message until it ends.
    func run(_ operation: @escaping @MainActor () async throws -> Void) {
        guard state != .closed else { return }
        let runner = OperationRunners.shared.next()
        moreExtras.runners.append(runner)
        // A reader takes its messages when it wants them.
        runner.holdsMessages = extras?.reader == nil
        if runner.holdsMessages { runningOperations += 1 }
        runner.start(self, operation)
    }

    /// A handler has a message and has not ended. What was connected to owes its peer nothing: a reader that keeps
    /// the last message does not hide that the other side has gone.
    var isHandling: Bool {
        guard runningOperations > 0 else { return false }
        guard let reader = extras?.reader else { return true }
        return reader.isHandling && extras?.outgoing == nil
    }

    func operationFailed(_ error: any Error) {
        guard state != .closed else { return }  // Cancelled because of it: nobody is left to tell.
        driver.callbackFailed(self, error)
    }

    func operationEnded(_ runner: OperationRunner) {
        moreExtras.runners.removeAll { $0 === runner }
        guard runner.holdsMessages else { return }
        runningOperations -= 1
        if runningOperations == 0 { continueDelivery() }
    }

    /// Nobody wants what the operations of handlers are doing. They hold no message back from now on.
    func cancelOperations() {
        detachOperations()
        for runner in extras?.runners ?? [] { runner.cancel() }
    }

    /// From now on `reader` alone decides when the next message is delivered.
    func hold(for reader: MessageHolder) {
        moreExtras.reader = reader
        detachOperations()
        runningOperations = 1
    }

    /// Operations that have not ended hold no message back any more.
    func detachOperations() {
        guard let extras else { return }
        for runner in extras.runners { runner.holdsMessages = false }
        runningOperations = 0
    }

    /// Messages go to the callback again.
    func stopHolding() {
        guard let reader = extras?.reader else { return }
        extras?.reader = nil
        reader.end()
        runningOperations = 0
        deliverLater()
    }

    /// Cancels the timer when the connection closes.
    func keep(_ timer: WorkerTimer) -> WorkerTimer {
        guard state != .closed else {
            timer.cancel()
            return timer
        }
        // Those that have fired or were cancelled are forgotten now and then.
        let extras = moreExtras
        if extras.timers.count >= 8, extras.timers.count.nonzeroBitCount == 1 {
            extras.timers.removeAll { !$0.isWaiting }
        }
        extras.timers.append(timer)
        return timer
    }
}
