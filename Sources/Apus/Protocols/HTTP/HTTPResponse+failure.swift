import CApus

extension HTTPResponse {
    /// The answer for what a handler threw: the status of an `HTTPError`, else 500, which is counted and logged.
    @inline(never)
    package init(failure error: any Error, of request: HTTPRequest) {
        let refusal = error as? HTTPError
        let isFailure = refusal?.status.code ?? 500 >= 500
        // Whoever waited for an answer has gone or has got another one, and the handler was told so.
        let isAbandoned =
            error is CancellationError && (Task.isCancelled || request.transport?.state != .established)
        if isFailure, !isAbandoned {
            EventLoop.current.status.pointee.callback_errors &+= 1
            Log.write("\(request.method.name) \(request.path) failed: \(error)", .error)
        }
        if refusal?.status.code ?? 500 >= 500, let transport = request.transport,
            (transport.driver as? HTTPDriver)?.showsErrors ?? false
        {
            self = ErrorPage(error, request, on: transport).response
            return
        }
        self = (refusal ?? HTTPError(.internalServerError)).response
        self.isFailure = isFailure
    }
}
