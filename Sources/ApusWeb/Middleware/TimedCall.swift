import Apus

/// One call of a handler that has a certain time for it.
final class TimedCall {
    private var task: Task<Void, Never>?
    private var timer: WorkerTimer?
    /// Who waits for the response; nil once there is one.
    private var continuation: UnsafeContinuation<HTTPResponse, Never>?

    nonisolated deinit {}

    /// What the handler answers in time, else 503. A handler that goes on after that is not waited for.
    func response(
        to request: HTTPRequest, within seconds: Double,
        _ handle: @escaping @MainActor (HTTPRequest) async -> HTTPResponse
    ) async -> HTTPResponse {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.continuation = continuation
                start(handle, request)
                // It may have answered at once.
                guard self.continuation != nil else { return }
                timer = WorkerTimer.after(seconds) { _ in self.giveUp(request) }
            }
        } onCancel: {
            EventLoop.soon { self.task?.cancel() }
        }
    }

    private func start(_ handle: @escaping @MainActor (HTTPRequest) async -> HTTPResponse, _ request: HTTPRequest) {
        let task = Task.immediate(executorPreference: EventLoop.current.taskExecutor) { @MainActor in
            self.finish(await handle(request))
        }
        if continuation != nil { self.task = task }
    }

    private func giveUp(_ request: HTTPRequest) {
        task?.cancel()
        finish(HTTPResponse(failure: HTTPError(.serviceUnavailable, "the answer took too long"), of: request))
    }

    private func finish(_ response: HTTPResponse) {
        guard let continuation else { return }
        self.continuation = nil
        timer?.cancel()
        timer = nil
        task = nil
        continuation.resume(returning: response)
    }
}
