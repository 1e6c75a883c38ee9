extension StreamConnection {
    /// Runs `operation` on the loop and holds back the connection's next message until it ends.
    func run(_ operation: @escaping @MainActor () async throws -> Void) {
        guard state != .closed else { return }
        let runner = OperationRunners.shared.next()
        moreExtras.runners.append(runner)
        runningOperations += 1
        runner.start(self, operation)
    }

    func operationFailed(_ error: any Error) {
        guard state != .closed else { return }  // Cancelled because of it: nobody is left to tell.
        driver.callbackFailed(self, error)
    }

    func operationEnded(_ runner: OperationRunner) {
        moreExtras.runners.removeAll { $0 === runner }
        runningOperations -= 1
        if runningOperations == 0 { continueDelivery() }
    }
}
