extension StreamConnection {
    /// Runs `operation` on the loop and holds back the connection's next message until it ends.
    func run(_ operation: @escaping @MainActor () async throws -> Void) {
        guard state != .closed else { return }
        let extras = moreExtras
        let key = extras.reserveTask()
        runningTasks += 1
        let task = Task.immediate(executorPreference: loop.executor) { @MainActor in
            do {
                try await operation()
            } catch {
                self.operationFailed(error)
            }
            extras.removeTask(key)
            self.operationEnded()
        }
        extras.setTask(key, task)
    }

    private func operationFailed(_ error: any Error) {
        guard state != .closed else { return }  // Cancelled because of it: nobody is left to tell.
        driver.callbackFailed(self, error)
    }

    private func operationEnded() {
        runningTasks -= 1
        if runningTasks == 0 { continueDelivery() }
    }
}
